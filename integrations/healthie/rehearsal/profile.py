"""Profile: what one account's Healthie does, as a rehearsal found it, with its date and API version. A JSON file."""

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from integrations.healthie.rehearsal.notebook import Pages

# What the gateway relies on, with the reason. It reads back, so that a difference costs no money; but nobody could be served.
RELIED_ON: Mapping[str, tuple[object, str]] = {
    "own_key_makes_provider": (True, "visits are booked by the clinician's own key"),
    "taken_time_refused_with_check": (True, "a taken time must be refused"),
    "keywords_find_email": (True, "a guest's record is looked up by their email"),
    "visit_metadata_kept": (True, "a visit whose answer was lost is found by its metadata"),
    "bank_account_set_up": (True, "payments must be set up in Healthie"),
    "charges_enabled": (True, "Stripe must accept charges"),
}


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

    def concerns(self) -> list[str]:
        """What this Healthie does otherwise than the gateway relies on, or did not tell; for people."""
        found = []
        for name, (wanted, why) in RELIED_ON.items():
            answer = self.answers.get(name)
            if answer != wanted:
                found.append(f"{name} is {'unknown' if answer is None else answer}: {why}")
        found += self.answers.get("missing_permissions") or ()
        if self.silent_noop:
            found.append(f"answered as done and not done: {', '.join(self.silent_noop)}")
        return found

    def write(self, path: Path) -> None:
        """Write the file, readable for people and stable for version control."""
        path.write_text(self.model_dump_json(indent=2) + "\n", encoding="utf-8")
