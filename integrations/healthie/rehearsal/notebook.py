"""Notebook: what a rehearsal has made and learned so far, in a file, so that one that was interrupted goes on and leaves nothing."""

import secrets
from datetime import datetime
from pathlib import Path
from typing import Any

from pydantic import BaseModel, Field


class Pages(BaseModel):
    """The contents of the file."""

    run: str = Field(default_factory=lambda: secrets.token_hex(4))  # names everything that is made
    upstream: str  # Healthie's address
    started_at: datetime
    accounts: str | None = None  # whose keys are used: the organization's and the clinician's owner
    intended: list[str] = []  # kinds of things that were about to be made
    made: dict[str, str] = {}  # kind to id
    others: dict[str, list[str]] = {}  # kind to the ids of what was there before, which is somebody else's
    webhook_url: str | None = None
    answers: dict[str, Any] = {}
    unknown: dict[str, str] = {}  # question to the reason
    silent: list[str] = []  # mutations that answered as done and did nothing
    times_used: int = 0
    open_times_used: int = 0
    tidied: bool = False


class Notebook:
    """The file. Every change is written before anything else happens."""

    def __init__(self, path: Path, pages: Pages) -> None:
        self._path = path
        self.pages = pages

    @classmethod
    def opened(cls, path: Path, *, upstream: str, now: datetime) -> "Notebook":
        """The notebook of a rehearsal that was interrupted, or a new one.

        Raises ValueError when the file is no notebook, or one of another Healthie.
        """
        if not path.exists():
            return cls(path, Pages(upstream=upstream, started_at=now))
        pages = Pages.model_validate_json(path.read_text(encoding="utf-8"))
        if pages.upstream != upstream:
            raise ValueError(f"it belongs to {pages.upstream}")
        return cls(path, pages)

    @property
    def is_resumed(self) -> bool:
        """Whether something was made or learned before."""
        return bool(self.pages.intended or self.pages.answers or self.pages.unknown)

    def belongs_to(self, accounts: str) -> bool:
        """Whether the rehearsal is of these accounts; those that it begins with are noted with the first thing that is made."""
        self.pages.accounts = self.pages.accounts or accounts
        return self.pages.accounts == accounts

    def save(self) -> None:
        """Write the file in one step: a crash leaves the old one or the new one."""
        beside = self._path.with_name(f"{self._path.name}.new")
        beside.write_text(self.pages.model_dump_json(indent=2), encoding="utf-8")
        beside.replace(self._path)

    def intend(self, kind: str) -> None:
        """Note that a thing is about to be made."""
        self.pages.intended.append(kind)
        self.save()

    def note_made(self, kind: str, record_id: str) -> None:
        """Note the id of a thing that was made."""
        self.pages.made[kind] = record_id
        self.save()

    def note_silent(self, mutation: str) -> None:
        """Note a mutation that did nothing."""
        if mutation not in self.pages.silent:
            self.pages.silent.append(mutation)
            self.save()

    def answer(self, question: str, value: Any) -> None:
        """Note an answer."""
        self.pages.unknown.pop(question, None)
        self.pages.answers[question] = value
        self.save()

    def leave_open(self, question: str, why: str) -> None:
        """Note why a question has no answer."""
        self.pages.unknown[question] = why
        self.save()

    def remove(self) -> None:
        """Forget the rehearsal, once it is over."""
        self._path.unlink(missing_ok=True)
