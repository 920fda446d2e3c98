"""Profile: what one account's Healthie does, as a rehearsal found it, with its date and API version. A JSON file."""

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from integrations.healthie.rehearsal.notebook import Pages


class Profile(BaseModel):
    """The contents of the file. `answers` by the questions' names; `unknown` says why a question has no answer."""

    model_config = ConfigDict(frozen=True)

    format: Literal[1] = 1
    upstream: str  # Healthie's address
    api_version: str
    made_at: datetime
    answers: Mapping[str, Any]
    unknown: Mapping[str, str]
    silent_noop: tuple[str, ...] = ()  # mutations that answered as done and did nothing

    @classmethod
    def of(cls, pages: Pages, *, api_version: str, now: datetime) -> "Profile":
        """What a finished rehearsal learned."""
        return cls(
            upstream=pages.upstream,
            api_version=api_version,
            made_at=now,
            answers=pages.answers,
            unknown=pages.unknown,
            silent_noop=tuple(pages.silent),
        )

    def write(self, path: Path) -> None:
        """Write the file, readable for people and stable for version control."""
        path.write_text(self.model_dump_json(indent=2) + "\n", encoding="utf-8")
