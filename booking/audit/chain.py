"""The HMAC chain of audit records: each is signed together with the one before it. `verification` checks it.

A record's `mac` is HMAC-SHA256 over its number, the previous mac and its text, under a key that is not in the database.
So a record that was changed, removed, moved, inserted or copied from elsewhere fails verification, and without the key nobody
can forge one that passes. The chain alone cannot show that its end was cut off; anchors, kept outside the database, show that.
"""

import hashlib
import hmac
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from typing import Any, Protocol

from booking.audit.model import AuditEntry, AuditKind
from booking.stored_names import known

# The mac before the first record.
NO_MAC = "0" * 64

# The fields of an entry; one of a newer version may have more.
_PARTS = frozenset(one.name for one in fields(AuditEntry))

# The version of the format of a record's text. Verification needs only the text, whatever a later format adds.
_FORM = 1


class AuditKey:
    """A key of the chain. Its id, a digest that reveals nothing of the key, is in every record that it signed."""

    def __init__(self, key: bytes) -> None:
        self._key = key
        self.id = hmac.digest(key, b"id", hashlib.sha256).hex()[:8]

    def mac(self, sequence: int, previous: str, record: str) -> str:
        """The mac, in hex, of a record's text at this number. Any text is accepted, lone surrogates too: an export may hold anything."""
        text = f"{sequence}\n{previous}\n{record}"
        return hmac.digest(self._key, text.encode(errors="surrogatepass"), hashlib.sha256).hex()


@dataclass(frozen=True, kw_only=True)
class Anchor:
    """The head of the chain at some moment.

    Kept out of reach of those who can write the database, it proves that nothing up to it was cut off.
    """

    sequence: int
    mac: str


class AnchorSink(Protocol):
    """Keeps anchors outside the database."""

    async def keep(self, anchor: Anchor, *, at: datetime) -> None:
        """Store the anchor, durably; `at` (UTC) is when it was taken."""


NOTHING_YET = Anchor(sequence=0, mac=NO_MAC)


@dataclass(frozen=True, kw_only=True)
class Record:
    """An entry as it is signed, before it has its number in the chain."""

    record: str  # its text
    at: str  # copied from the text so that the table can be searched by it; see `stamp`
    checkout_id: str | None  # likewise


@dataclass(frozen=True, kw_only=True)
class Link(Record):
    """A record in the chain, with its number and mac."""

    sequence: int  # from 1, without gaps
    mac: str


_ENCODED = json.JSONEncoder(sort_keys=True, separators=(",", ":"), allow_nan=False).encode


def canonical(record: Mapping[str, Any]) -> str:
    """Canonical JSON: ASCII, sorted names, no spaces."""
    return _ENCODED(record)


def record_of(entry: AuditEntry, key: AuditKey) -> Record:
    """The record of an entry; fields that are None are left out of its text. Raises TypeError for a shape that is not JSON."""
    values = {name: value for name, value in vars(entry).items() if value is not None}
    at = stamp(entry.at)
    text = canonical({**values, "at": at, "key": key.id, "form": _FORM})
    return Record(record=text, at=at, checkout_id=entry.checkout_id)


def entry_of(record: str) -> AuditEntry:
    """Parse a record's text back into its entry. Raises ValueError for a text that is no audit record."""
    try:
        values = json.loads(record)
        del values["key"], values["form"]
        parsed = {"kind": known(AuditKind, values["kind"]), "at": datetime.fromisoformat(values["at"])}
        return AuditEntry(**{name: values[name] for name in values.keys() & _PARTS} | parsed)
    except (KeyError, TypeError, RecursionError) as error:
        raise ValueError("this is no audit record") from error


def stamp(at: datetime) -> str:
    """A moment as records write it: ISO 8601 in UTC, always with microseconds, so that texts sort by time."""
    return at.astimezone(UTC).isoformat(timespec="microseconds")


def extended(head: Anchor, records: Iterable[Record], key: AuditKey) -> list[Link]:
    """The links that append these records to the chain whose head this is."""
    links, previous = [], head.mac
    for sequence, record in enumerate(records, head.sequence + 1):
        previous = key.mac(sequence, previous, record.record)
        links.append(Link(**vars(record), sequence=sequence, mac=previous))
    return links
