"""`python -m integrations.healthie_emulator`: serve the emulator until interrupted."""

import argparse
from pathlib import Path

import uvicorn

from integrations.healthie_emulator.app import create_app
from integrations.healthie_emulator.emulator import Emulator
from integrations.healthie_emulator.parent_watchdog import end_with_parent
from integrations.healthie_emulator.profile import NotAProfile, read_profile
from integrations.healthie_emulator.zone_rules import use_newest_zone_rules

DEFAULT_PORT = 8080


def main() -> None:
    """Read the command line and serve."""
    parser = argparse.ArgumentParser(prog="python -m integrations.healthie_emulator", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=DEFAULT_PORT)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--profile", type=Path, help="behave as the Healthie of a rehearsal's profile")
    parser.add_argument("--until-stdin-closes", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.until_stdin_closes:
        end_with_parent()
    try:
        profile = read_profile(given.profile) if given.profile else None
    except NotAProfile as error:
        parser.error(str(error))
    print(f"Rules of time zones: {use_newest_zone_rules()}", flush=True)  # noqa: T201 - a program of its own, without logs
    # h11 by name: `wire` closes connections underneath it.
    uvicorn.run(
        create_app(Emulator(seed=given.seed, profile=profile)),
        host=given.host,
        port=given.port,
        http="h11",
        log_level="warning",
    )


if __name__ == "__main__":
    main()
