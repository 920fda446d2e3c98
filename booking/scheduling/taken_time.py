"""Taken time: what is held, claimed or was booked here, by one look at either store for all who ask at once."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple, Protocol

from booking.joined_reads import JoinedReads
from booking.ports import HoldStore
from booking.slots import Busy, Interval


class RecordedTime(NamedTuple):
    """Clinicians' time that our own database says is taken."""

    claimed: Sequence[Busy]
    booked: Sequence[Busy]


class RecordedTimeReader(Protocol):
    """Reads our own database; cheap enough for every search."""

    async def recorded(
        self, clinician_ids: Collection[str], span: Interval, *, since: datetime
    ) -> RecordedTime:
        """The slot claims of these clinicians that overlap the span, and the visits booked here after `since` (UTC).

        Both as of one moment: a claim is released in the transaction that records its visit.
        """


@dataclass(frozen=True, kw_only=True)
class Taken:
    """What may not be offered, though the system of record does."""

    held_or_claimed: Sequence[Busy] = ()
    booked: Sequence[Busy] = ()  # here, since the offer was read: it may still contain them

    @property
    def everything(self) -> list[Busy]:
        """All of it."""
        return [*self.held_or_claimed, *self.booked]


class _Question(NamedTuple):
    clinician_ids: frozenset[str]
    span: Interval
    since: datetime

    def within(self, busy: Iterable[Busy]) -> list[Busy]:
        return [
            one for one in busy if one.clinician_id in self.clinician_ids and one.interval.overlaps(self.span)
        ]


class TakenTime:
    """Reads what is taken. Never from memory: what was held, claimed or booked before the call is in its answer."""

    def __init__(self, *, holds: HoldStore, recorded: RecordedTimeReader) -> None:
        self._holds = holds
        self._recorded = recorded
        self._reads: JoinedReads[_Question, Taken] = JoinedReads(self._read)

    async def taken(self, clinician_ids: Collection[str], span: Interval, *, since: datetime) -> Taken:
        """What is taken of these clinicians' time within the span, visits booked after `since` (UTC) included.

        Raises UpstreamUnavailable.
        """
        question = _Question(frozenset(clinician_ids), span, since)
        found = await self._reads(question)
        return Taken(
            held_or_claimed=question.within(found.held_or_claimed), booked=question.within(found.booked)
        )

    async def _read(self, questions: Collection[_Question]) -> Taken:
        """What any of the questions asks for, and perhaps more."""
        clinician_ids = sorted(frozenset[str]().union(*(one.clinician_ids for one in questions)))
        span = Interval(
            start=min(one.span.start for one in questions), end=max(one.span.end for one in questions)
        )
        # In this order: a hold is released only once its claim or visit is recorded.
        held = await self._holds.busy(clinician_ids, span)
        since = min(one.since for one in questions)
        claimed, booked = await self._recorded.recorded(clinician_ids, span, since=since)
        return Taken(held_or_claimed=[*held, *claimed], booked=booked)
