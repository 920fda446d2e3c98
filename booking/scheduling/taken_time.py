"""Taken time: what is held or claimed here, by one look at either store for all who ask at once."""

from collections.abc import Collection, Sequence
from typing import NamedTuple, Protocol

from booking.joined_reads import JoinedReads
from booking.ports import HoldStore
from booking.slots import Busy, Interval


class ClaimReader(Protocol):
    """Reads slot claims; cheap enough for every search."""

    async def claims(self, clinician_ids: Collection[str], span: Interval) -> Sequence[Busy]:
        """The slot claims of these clinicians that overlap the span."""


class _Question(NamedTuple):
    clinician_ids: frozenset[str]
    span: Interval


class TakenTime:
    """Reads the held and the claimed intervals. Never from memory: what was held before the call is in its answer."""

    def __init__(self, *, holds: HoldStore, claims: ClaimReader) -> None:
        self._holds = holds
        self._claims = claims
        self._reads: JoinedReads[_Question, Sequence[Busy]] = JoinedReads(self._read)

    async def busy(self, clinician_ids: Collection[str], span: Interval) -> list[Busy]:
        """The held and claimed intervals of these clinicians that overlap the span. Raises UpstreamUnavailable."""
        question = _Question(frozenset(clinician_ids), span)
        found = await self._reads(question)
        return [
            one for one in found if one.clinician_id in question.clinician_ids and one.interval.overlaps(span)
        ]

    async def _read(self, questions: Collection[_Question]) -> Sequence[Busy]:
        """What any of the questions asks for, and perhaps more."""
        clinician_ids = sorted(frozenset[str]().union(*(one.clinician_ids for one in questions)))
        span = Interval(
            start=min(one.span.start for one in questions), end=max(one.span.end for one in questions)
        )
        # In this order: a hold is released only once its claim is recorded.
        held = await self._holds.busy(clinician_ids, span)
        return [*held, *await self._claims.claims(clinician_ids, span)]
