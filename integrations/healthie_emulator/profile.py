"""A profile: what the Healthie of one account was found to do (`frontdoor rehearse`), turned into switches."""

import dataclasses
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from integrations.healthie_emulator.switches import Switches
from integrations.healthie_emulator.throttle import Limits


class NotAProfile(Exception):
    """The file is no profile; the text says why."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Profile:
    """What of a profile the emulator can do."""

    switches: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    limits: Limits | None = None  # of requests; None: not found


def read_profile(path: Path) -> Profile:
    """Read a profile's answers that are switches, and its rate; what has no switch is left out, and so is what is unknown.

    Raises NotAProfile.
    """
    try:
        profile = json.loads(path.read_text(encoding="utf-8"))
        answers = {**profile["answers"], "silent_noop": profile["silent_noop"]}
        there_are = {field.name for field in dataclasses.fields(Switches)}
        found = {name: value for name, value in answers.items() if name in there_are and value is not None}
        Switches().turn(found)
        return Profile(switches=found, limits=_limits(answers.get("requests_per_second")))
    except (OSError, ValueError, LookupError, TypeError) as error:
        raise NotAProfile(f"{path} is no profile of a rehearsal: {error}") from error


def _limits(rate: Mapping[str, Any] | None) -> Limits | None:
    """The limit that a rehearsal met: what it let through in a second."""
    if rate is None or rate["refused"] is None:
        return None
    lockout = Limits.lockout if rate["lockout"] else 0.0
    return Limits(requests=int(rate["held"] or 1), seconds=1.0, lockout=lockout)
