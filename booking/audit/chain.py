"""The chain of audit records: how each is signed together with the one before it. Where that is broken, `audit_verdict` finds.

A record's `mac` is HMAC-SHA256 over its number, the mac before it and its text, under a key that the database does not have.
So a record that was changed, taken out, moved, put in or copied from elsewhere does not fit, and nobody without the key makes
one that does. What the chain alone cannot show is that its end was cut off: anchors, kept outside the database, show that.
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

# What an entry has; a newer version's may say more.
_PARTS = frozenset(one.name for one in fields(AuditEntry))

# The form of a record's text; verifying an old one needs no more than its text, whatever later forms hold.
_FORM = 1


class AuditKey:
    """A key of the chain. Its id stands in every record that it signed, and tells nothing of the key."""

    def __init__(self, key: bytes) -> None:
        self._key = key
        self.id = hmac.digest(key, b"id", hashlib.sha256).hex()[:8]

    def mac(self, sequence: int, previous: str, record: str) -> str:
        """The mac of a record's text at this place, in hex. Whatever stands in an export can be a text."""
        text = f"{sequence}\n{previous}\n{record}"
        return hmac.digest(self._key, text.encode(errors="surrogatepass"), hashlib.sha256).hex()


@dataclass(frozen=True, kw_only=True)
class Anchor:
    """Where the chain stood. Kept where who can write the database cannot, it shows that nothing before it was cut off."""

    sequence: int
    mac: str


class AnchorSink(Protocol):
    """Keeps anchors outside the database."""

    async def keep(self, anchor: Anchor, *, at: datetime) -> None:
        """Keep that the chain stood so at this moment."""


NOTHING_YET = Anchor(sequence=0, mac=NO_MAC)


@dataclass(frozen=True, kw_only=True)
class Record:
    """An entry as it is signed, before it has its place."""

    record: str  # its text
    at: str  # what the table is searched by: a stamp, the same as in the text
    checkout_id: str | None  # the same


@dataclass(frozen=True, kw_only=True)
class Link(Record):
    """A record in its place."""

    sequence: int  # from 1, without gaps
    mac: str


def canonical(record: Mapping[str, Any]) -> str:
    """JSON with one way to write it: ASCII, names in order, no spaces."""
    return json.dumps(record, sort_keys=True, separators=(",", ":"), allow_nan=False)


def record_of(entry: AuditEntry, key: AuditKey) -> Record:
    """The record of an entry. What is None is left out of its text. Raises TypeError for a shape that is not JSON."""
    values = {name: value for name, value in vars(entry).items() if value is not None}
    at = stamp(entry.at)
    text = canonical({**values, "at": at, "key": key.id, "form": _FORM})
    return Record(record=text, at=at, checkout_id=entry.checkout_id)


def entry_of(record: str) -> AuditEntry:
    """The entry that the text was made of. Raises ValueError for a text that was made of none."""
    try:
        values = json.loads(record)
        del values["key"], values["form"]
        told = {"kind": known(AuditKind, values["kind"]), "at": datetime.fromisoformat(values["at"])}
        return AuditEntry(**{name: values[name] for name in values.keys() & _PARTS} | told)
    except (KeyError, TypeError, RecursionError) as error:
        raise ValueError("this is no audit record") from error


def stamp(at: datetime) -> str:
    """A moment as records write it: UTC, microseconds always, so that the texts are in the order of time."""
    return at.astimezone(UTC).isoformat(timespec="microseconds")


def extended(head: Anchor, records: Iterable[Record], key: AuditKey) -> list[Link]:
    """The links that add these records to the chain."""
    links, previous = [], head.mac
    for sequence, record in enumerate(records, head.sequence + 1):
        previous = key.mac(sequence, previous, record.record)
        links.append(Link(**vars(record), sequence=sequence, mac=previous))
    return links
