"""A profile: what the Healthie of one account was found to do (`frontdoor rehearse`), turned into switches."""

import dataclasses
import json
from pathlib import Path
from typing import Any

from integrations.healthie_emulator.switches import Switches


class NotAProfile(Exception):
    """The file is no profile; the text says why."""


def switches_of(path: Path) -> dict[str, Any]:
    """Read a profile's answers that are switches of the emulator; what has none is left out, and so is what is unknown.

    Raises NotAProfile.
    """
    try:
        profile = json.loads(path.read_text(encoding="utf-8"))
        answers = {**profile["answers"], "silent_noop": profile["silent_noop"]}
        there_are = {field.name for field in dataclasses.fields(Switches)}
        found = {name: value for name, value in answers.items() if name in there_are and value is not None}
        Switches().turn(found)
    except (OSError, ValueError, LookupError, TypeError) as error:
        raise NotAProfile(f"{path} is no profile of a rehearsal: {error}") from error
    return found
