"""Free time that was read a moment ago, for when the system of record cannot be read: marked, and 15 seconds old at most."""

from collections import OrderedDict
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from booking.catalog.model import ContactType
from booking.errors import UpstreamUnavailable
from booking.ports import Availability, Clock
from booking.single_flight import SingleFlight
from booking.slots import Slot

# Somebody else may have taken a slot since, in the practice's own calendar; a hold asks for it anew.
STALE = timedelta(seconds=15)

# Questions are kept for as long as they can be answered from; more in that time than this are an attack.
MOST = 500


@dataclass(frozen=True, kw_only=True)
class Question:
    """What is asked of the system of record."""

    visit_type_id: str
    contact_type: ContactType
    location_id: str | None
    clinician_ids: tuple[str, ...]
    first: date
    last: date
    time_zone: str
    notice: timedelta = timedelta()  # how long ahead such a visit is to be booked


@dataclass(frozen=True, kw_only=True)
class Offered:
    """What was answered."""

    slots: tuple[Slot, ...]
    as_of: datetime  # UTC, before it was asked
    stale: bool = False  # whether it was to be read anew, and could not be


class RecentSlots:
    """Availability with a short memory, of this process. Identical callers share one question."""

    def __init__(self, *, availability: Availability, clock: Clock) -> None:
        self._availability = availability
        self._clock = clock
        self._last: OrderedDict[Question, Offered] = OrderedDict()  # oldest first
        self._asking: SingleFlight[Question, Offered] = SingleFlight()

    async def slots(self, question: Question) -> Offered:
        """What is offered now; else what was a moment ago. Raises UpstreamUnavailable."""
        try:
            return await self._asking(question, lambda: self._ask(question))
        except UpstreamUnavailable:
            last = self._last.get(question)
            if last is None or not self._is_recent(last):
                raise
            return Offered(slots=last.slots, as_of=last.as_of, stale=True)

    def forget(self) -> None:
        """Availability has changed: answer nothing from memory."""
        self._last.clear()

    async def _ask(self, question: Question) -> Offered:
        as_of = self._clock.now()
        slots = await self._availability.slots(
            visit_type_id=question.visit_type_id,
            contact_type=question.contact_type,
            location_id=question.location_id,
            clinician_ids=question.clinician_ids,
            first=question.first,
            last=question.last,
            time_zone=question.time_zone,
        )
        offered = Offered(slots=tuple(slots), as_of=as_of)
        self._keep(question, offered)
        return offered

    def _keep(self, question: Question, offered: Offered) -> None:
        self._last[question] = offered
        self._last.move_to_end(question)
        while len(self._last) > MOST or not self._is_recent(next(iter(self._last.values()))):
            self._last.popitem(last=False)
            if not self._last:
                return

    def _is_recent(self, offered: Offered) -> bool:
        return timedelta(0) <= self._clock.now() - offered.as_of <= STALE
