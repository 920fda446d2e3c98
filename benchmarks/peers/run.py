"""Compare the gateway with its peers: `python -m benchmarks.peers.run [--only CASE,…] [--rounds N] [--seconds S] [--project DIR] [--against REV]`.

Needs a C compiler, node with npm, and PostgreSQL and Redis as the tests would find them.
"""

import gc
import tempfile
from argparse import ArgumentParser
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from benchmarks import servers
from benchmarks.peers import canned_answers, contenders, practice, rounds, table, tools
from benchmarks.peers.checks import check
from benchmarks.peers.contenders import Contender, Stage
from benchmarks.peers.processes import started
from benchmarks.peers.questions import Case

CASES = {
    case.name: case
    for case in (
        Case(name="plans", size=None),
        Case(name="slots100", size=100),
        Case(name="slots400", size=400),
        Case(name="slots1000", size=1000),
        Case(name="slots2000", size=2000),
        Case(name="slots5000", size=5000),
        Case(name="same400", size=400, is_varied=False),
        Case(name="same2000", size=2000, is_varied=False),
    )
}
USUAL = "plans,slots400,slots2000"

PEERS = ("Mercurius, jit, undici", "Mercurius, plans cached", "Strawberry, FastAPI, httpx2")


def main() -> None:
    """Measure, and print the table."""
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("--only", default=USUAL, help=f"cases, with commas between: {', '.join(CASES)}")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--seconds", type=float, default=2.0, help="of a contender and case in a round")
    parser.add_argument("--connections", type=int, default=32)
    parser.add_argument(
        "--project", type=Path, action="append", default=[], help="another checkout with a .venv"
    )
    parser.add_argument("--no-peers", action="store_true", help="compare checkouts only")
    given = parser.parse_args()
    cases = [replace(CASES[name], connections=given.connections) for name in given.only.split(",")]
    gc.collect()
    gc.freeze()
    with ExitStack() as exits:
        stage = set_up(exits)
        compared = [exits.enter_context(contenders.gateway(stage, "frontdoor", tools.ROOT))]
        compared += [
            exits.enter_context(
                contenders.gateway(stage, f"frontdoor {project.resolve().name}", project.resolve())
            )
            for project in given.project
        ]
        if not given.no_peers:
            compared += peers(exits, stage)
        for one in compared:
            for case in cases:
                check(one, case, stage.practice)
        samples = rounds.measure(compared, cases, stage.practice, rounds=given.rounds, seconds=given.seconds)
    costs = {
        case: {name: [each.cpu for each in of_one] for name, of_one in of_case.items()}
        for case, of_case in samples.items()
    }
    print(table.costs_table(costs, peers=PEERS))


def set_up(exits: ExitStack) -> Stage:
    """The practice, its system of record, and the servers that a gateway needs."""
    directory = Path(exits.enter_context(tempfile.TemporaryDirectory(prefix="frontdoor-bench-")))
    # From next week on: everything asked for is in the future, and outside any notice.
    asked = practice.Practice(first_day=datetime.now(UTC).date() + timedelta(days=7))
    practice.write(asked, directory / "upstream")
    canned_answers.write(asked, directory / "answers")
    command = [str(tools.compiled("upstream")), "{port}", str(directory / "upstream")]
    upstream = exits.enter_context(started("upstream", command, directory=directory))
    return Stage(
        practice=asked,
        upstream=f"http://127.0.0.1:{upstream.port}",
        answers=directory / "answers",
        directory=directory,
        postgresql=servers.postgresql(exits),
        redis=servers.redis(exits),
    )


def peers(exits: ExitStack, stage: Stage) -> list[Contender]:
    """All peers, started."""
    opened = [
        contenders.mercurius(stage, PEERS[0], is_cached=False),
        contenders.mercurius(stage, PEERS[1], is_cached=True),
        contenders.python_peer(stage, "Strawberry, FastAPI, httpx2", "strawberry_peer"),
        contenders.python_peer(stage, "byte pass-through", "passthrough", answers_exactly=False),
        contenders.python_peer(stage, "canned answer", "canned", answers_exactly=False),
    ]
    return [exits.enter_context(one) for one in opened]


if __name__ == "__main__":
    main()
