"""The chain of audit records: how each is signed together with the one before it, and how to find where that is broken.

A record's `mac` is HMAC-SHA256 over its number, the mac before it and its text, under a key that the database does not have.
So a record that was changed, taken out, moved, put in or copied from elsewhere does not fit, and nobody without the key makes
one that does. What the chain alone cannot show is that its end was cut off: anchors, kept outside the database, show that.
"""

import hashlib
import hmac
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Protocol

from booking.audit import AuditEntry, AuditKind

# The mac before the first record.
NO_MAC = "0" * 64

# The form of a record's text; verifying an old one needs no more than its text, whatever later forms hold.
_FORM = 1

# Faults that a verdict keeps, and calls that it names; it counts all. A chain can be broken everywhere.
KEPT = 20


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
        told = {"kind": AuditKind(values["kind"]), "at": datetime.fromisoformat(values["at"])}
        return AuditEntry(**values | told)
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


class FaultKind(StrEnum):
    """How a chain is broken."""

    MISSING = "missing"  # records before this one are gone, or this one is where another should be
    ALTERED = "altered"  # the record is not what was signed in this place
    UNKNOWN_KEY = "unknown_key"  # signed, or forged, with a key that was not given
    NOT_AS_ANCHORED = "not_as_anchored"  # it was another when the anchor was taken
    CUT_OFF = "cut_off"  # an anchor knows of this record, and the chain ends before it


@dataclass(frozen=True, kw_only=True)
class Fault:
    """A place where the chain is broken."""

    sequence: int
    kind: FaultKind
    detail: str


@dataclass(kw_only=True)
class KeyUse:
    """Which records a key signed."""

    first: int
    last: int
    records: int = 0


@dataclass(kw_only=True)
class Verdict:
    """What the records are worth. Filled while they are read; complete when the reader has `end`ed."""

    first: int = 0
    records: int = 0
    head: Anchor = NOTHING_YET
    faults: int = 0
    shown: list[Fault] = field(default_factory=list)  # the first of the faults
    keys: dict[str, KeyUse] = field(default_factory=dict)
    unanswered: int = 0  # attempts without an answer: under way, or their process died. No fault
    unanswered_at: list[int] = field(default_factory=list)  # the first of them
    unattempted: int = 0  # answers without an attempt: in a part of the chain that begins between the two
    anchors: int = 0  # that were held against it
    anchored: int = 0  # the last record that an anchor vouches for: later ones could be cut off unseen

    @property
    def sound(self) -> bool:
        """Whether no fault was found."""
        return not self.faults

    @property
    def bad(self) -> int | None:
        """The number of the first record that is not as it was, of those that are shown."""
        return min((fault.sequence for fault in self.shown), default=None)


class Reader:
    """Reads a chain from its beginning, or a part of it from the mac before, one link after the other, and judges it.

    After a fault it goes on from what stands there, so that one change is one fault and later ones are found too.
    Memory: the anchors, and one number for each call that has no answer (yet).
    """

    def __init__(
        self,
        keys: Sequence[AuditKey],
        *,
        after: Anchor = NOTHING_YET,
        anchors: Iterable[Anchor] = (),
    ) -> None:
        self.verdict = Verdict(first=after.sequence + 1, head=after)
        self._keys = {key.id: key for key in keys}
        self._open: dict[str, int] = {}
        self._anchors: dict[int, str] = {}
        for anchor in anchors:
            self._hold(anchor)

    def read(self, link: Link) -> None:
        """Judge the next link."""
        verdict, before = self.verdict, self.verdict.head
        verdict.records += 1
        verdict.head = Anchor(sequence=link.sequence, mac=link.mac)
        if link.sequence == before.sequence + 1:
            self._judge(link, before.mac)
        else:  # what it was signed upon is not known
            missing = f"{link.sequence - before.sequence - 1} before {link.sequence}"
            self._fault(before.sequence + 1, FaultKind.MISSING, missing)
        if self._anchors.pop(link.sequence, link.mac) != link.mac:
            self._fault(link.sequence, FaultKind.NOT_AS_ANCHORED, "it was another when it was anchored")

    def end(self, *, whole: bool = True) -> Verdict:
        """Judge what should have come and did not; answers the verdict. A part that is not the `whole` may end anywhere."""
        beyond = [sequence for sequence in self._anchors if sequence > self.verdict.head.sequence]
        if beyond and whole:
            last = self.verdict.head.sequence
            self._fault(last + 1, FaultKind.CUT_OFF, f"an anchor knows of {max(beyond)}, the last is {last}")
        self.verdict.unanswered = len(self._open)
        self.verdict.unanswered_at = sorted(self._open.values())[:KEPT]
        return self.verdict

    def _judge(self, link: Link, previous: str) -> None:
        values = _values(link)
        key = self._keys.get(values.get("key", ""))
        if not values:
            self._fault(link.sequence, FaultKind.ALTERED, "it is no record")
        elif key is None:
            self._fault(link.sequence, FaultKind.UNKNOWN_KEY, f"the key {values['key']:.16} was not given")
        elif key.mac(link.sequence, previous, link.record) != link.mac:
            self._fault(link.sequence, FaultKind.ALTERED, "it is not what was signed here")
        elif values["at"] != link.at or values.get("checkout_id") != link.checkout_id:
            self._fault(link.sequence, FaultKind.ALTERED, "it is filed under another time or checkout")
        else:
            self._note(link.sequence, values)

    def _hold(self, anchor: Anchor) -> None:
        self.verdict.anchors += 1
        if anchor.sequence < self.verdict.first:  # before the part that is read, or of the empty chain
            return
        self.verdict.anchored = max(self.verdict.anchored, anchor.sequence)
        if self._anchors.setdefault(anchor.sequence, anchor.mac) != anchor.mac:
            self._fault(anchor.sequence, FaultKind.NOT_AS_ANCHORED, "two anchors contradict each other")

    def _fault(self, sequence: int, kind: FaultKind, detail: str) -> None:
        self.verdict.faults += 1
        if len(self.verdict.shown) < KEPT:
            self.verdict.shown.append(Fault(sequence=sequence, kind=kind, detail=detail))

    def _note(self, sequence: int, values: Mapping[str, Any]) -> None:
        """Count a good record: by its key, and as one half of a call."""
        use = self.verdict.keys.setdefault(values["key"], KeyUse(first=sequence, last=sequence))
        use.last = sequence
        use.records += 1
        if values["kind"] == AuditKind.ATTEMPTED:
            self._open[values["call_id"]] = sequence
        elif values["kind"] == AuditKind.ANSWERED and self._open.pop(values["call_id"], None) is None:
            self.verdict.unattempted += 1


def _values(link: Link) -> dict[str, Any]:
    """What the record says; empty for what is no record of ours."""
    try:
        values = json.loads(link.record)
    except (ValueError, TypeError, RecursionError):
        return {}
    return values if isinstance(values, dict) and isinstance(values.get("key"), str) else {}
