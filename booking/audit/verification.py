"""Verification of the audit chain: checks link after link, and names each fault by the number of its record."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from booking.audit.chain import NOTHING_YET, Anchor, AuditKey, Link
from booking.audit.model import AuditKind

# How many faults and unanswered calls a report names; it counts all. A chain can be broken everywhere.
KEPT = 20


class FaultKind(StrEnum):
    """How a chain is broken."""

    MISSING = "missing"  # records before this one are gone, or this one is where another should be
    ALTERED = "altered"  # the record is not what was signed under this number
    UNKNOWN_KEY = "unknown_key"  # signed, or forged, with a key that was not given
    NOT_AS_ANCHORED = "not_as_anchored"  # its mac differs from that of the anchor
    CUT_OFF = "cut_off"  # an anchor names a record after the end of the chain


@dataclass(frozen=True, kw_only=True)
class Fault:
    """One place where the chain is broken, by the number of its record."""

    sequence: int
    kind: FaultKind
    detail: str


@dataclass(kw_only=True)
class KeyUse:
    """The range and count of the records that one key signed."""

    first: int
    last: int
    records: int = 0


@dataclass(kw_only=True)
class VerificationReport:
    """The result of a verification. Filled while links are read; complete after `ChainVerifier.end`."""

    first: int = 0
    records: int = 0
    head: Anchor = NOTHING_YET
    faults: int = 0
    shown: list[Fault] = field(default_factory=list)  # the first KEPT faults
    keys: dict[str, KeyUse] = field(default_factory=dict)  # by the key's id
    unanswered: int = 0  # attempts without an answer: in flight, or their process died. No fault
    unanswered_at: list[int] = field(default_factory=list)  # the numbers of the first KEPT of them
    unattempted: int = 0  # answers without an attempt: the part of the chain begins between the two
    anchors: int = 0  # compared with the chain
    anchored: int = 0  # the last record that an anchor covers: later ones could be cut off unnoticed

    @property
    def sound(self) -> bool:
        """Whether no fault was found."""
        return not self.faults

    @property
    def bad(self) -> int | None:
        """The lowest record number among the `shown` faults; None without a fault."""
        return min((fault.sequence for fault in self.shown), default=None)


class ChainVerifier:
    """Verifies a chain from its beginning, or a part of it from the anchor before, one link at a time.

    After a fault it continues from the record as it is, so that one change is one fault and later faults are found too.
    Memory: the anchors, and one number for each call that has no answer (yet).
    """

    def __init__(
        self,
        keys: Sequence[AuditKey],
        *,
        after: Anchor = NOTHING_YET,
        anchors: Iterable[Anchor] = (),
    ) -> None:
        self.report = VerificationReport(first=after.sequence + 1, head=after)
        self._keys = {key.id: key for key in keys}
        self._unanswered: dict[str, int] = {}
        self._anchors: dict[int, str] = {}
        for anchor in anchors:
            self._add_anchor(anchor)

    def read(self, link: Link) -> None:
        """Check the next link."""
        report, before = self.report, self.report.head
        report.records += 1
        report.head = Anchor(sequence=link.sequence, mac=link.mac)
        if link.sequence == before.sequence + 1:
            self._check(link, before.mac)
        else:  # the mac that it was chained to is not known
            missing = f"{link.sequence - before.sequence - 1} before {link.sequence}"
            self._fault(before.sequence + 1, FaultKind.MISSING, missing)
        if self._anchors.pop(link.sequence, link.mac) != link.mac:
            self._fault(link.sequence, FaultKind.NOT_AS_ANCHORED, "it was another when it was anchored")

    def end(self, *, whole: bool = True) -> VerificationReport:
        """Check for records that are missing at the end, and return the report. `whole=False`: a part, which may end anywhere."""
        beyond = [sequence for sequence in self._anchors if sequence > self.report.head.sequence]
        if beyond and whole:
            last = self.report.head.sequence
            self._fault(last + 1, FaultKind.CUT_OFF, f"an anchor knows of {max(beyond)}, the last is {last}")
        self.report.unanswered = len(self._unanswered)
        self.report.unanswered_at = sorted(self._unanswered.values())[:KEPT]
        return self.report

    def _check(self, link: Link, previous: str) -> None:
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
            self._count(link.sequence, values)

    def _add_anchor(self, anchor: Anchor) -> None:
        self.report.anchors += 1
        if anchor.sequence < self.report.first:  # before the part that is read, or of the empty chain
            return
        self.report.anchored = max(self.report.anchored, anchor.sequence)
        if self._anchors.setdefault(anchor.sequence, anchor.mac) != anchor.mac:
            self._fault(anchor.sequence, FaultKind.NOT_AS_ANCHORED, "two anchors contradict each other")

    def _fault(self, sequence: int, kind: FaultKind, detail: str) -> None:
        self.report.faults += 1
        if len(self.report.shown) < KEPT:
            self.report.shown.append(Fault(sequence=sequence, kind=kind, detail=detail))

    def _count(self, sequence: int, values: Mapping[str, Any]) -> None:
        """Count a good record: by its key, and as one half of a call."""
        use = self.report.keys.setdefault(values["key"], KeyUse(first=sequence, last=sequence))
        use.last = sequence
        use.records += 1
        if values["kind"] == AuditKind.ATTEMPTED:
            self._unanswered[values["call_id"]] = sequence
        elif values["kind"] == AuditKind.ANSWERED and self._unanswered.pop(values["call_id"], None) is None:
            self.report.unattempted += 1


def _values(link: Link) -> dict[str, Any]:
    """The parsed record; empty where it is none of ours."""
    try:
        values = json.loads(link.record)
    except (ValueError, TypeError, RecursionError):
        return {}
    return values if isinstance(values, dict) and isinstance(values.get("key"), str) else {}
