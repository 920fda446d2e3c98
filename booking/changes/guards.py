"""Guards: what must hold at the moment when a visit is changed. Each answers why the change ends instead, or None.

They are asked right before every send, the first time and at each retry. What follows a changed visit (refund, fee) has none: it
was accepted, and is owed whatever has happened since.
"""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias

from booking.changes.model import ChangeEndReason, RequestedChange
from booking.changes.ports import Visits
from booking.changes.visit import VisitAsStands
from booking.checkout.guards import ClinicianKeys
from booking.models import AppointmentStatus
from booking.ports import Clock
from booking.slots import Slot
from booking.unit_of_work import Scope, UnitOfWorkFactory


@dataclass(frozen=True, kw_only=True)
class Moment:
    """What a guard is asked about: the row, the visit as it stands, and what is known of the new slot."""

    change: RequestedChange
    visit: VisitAsStands | None
    is_blocked: bool  # the new slot's clinician
    key_is_refused: bool  # the same
    now: datetime  # UTC


Reason: TypeAlias = ChangeEndReason | None
Guard: TypeAlias = Callable[[Moment], Reason]


def changed_by_practice(moment: Moment) -> Reason:
    """The practice's own change of the visit wins."""
    visit = moment.visit
    as_booked = (
        visit is not None
        and not visit.deleted
        and visit.appointment.status is AppointmentStatus.BOOKED
        and is_at(visit, moment.change.visit_slot)
    )
    return None if as_booked else ChangeEndReason.CHANGED_BY_PRACTICE


def begun(moment: Moment) -> Reason:
    """A visit that has begun since the quote was accepted, or a new slot that has, is left alone."""
    change = moment.change
    starts = [change.visit_slot.start] + ([change.new_slot.start] if change.new_slot is not None else [])
    late = any(change.created_at < start <= moment.now for start in starts)
    return ChangeEndReason.TOO_LATE if late else None


def clinician_blocked(moment: Moment) -> Reason:
    """Nothing is booked with a clinician whose visits were read back under another name, until a person has cleared them."""
    return ChangeEndReason.CLINICIAN_NOT_BOOKABLE if moment.is_blocked else None


def key_not_proved(moment: Moment) -> Reason:
    """A visit is moved and booked by its clinician's own key only."""
    return ChangeEndReason.CLINICIAN_NOT_BOOKABLE if moment.key_is_refused else None


def is_at(visit: VisitAsStands, slot: Slot) -> bool:
    """Whether the visit has this slot's clinician and time."""
    stands = visit.appointment
    return (stands.clinician_id, stands.start, stands.minutes) == (
        slot.clinician_id,
        slot.start,
        slot.minutes,
    )


class Guards:
    """Asks the guards of an action: one read of the visit upstream, and one of the database."""

    def __init__(
        self, *, visits: Visits, units: UnitOfWorkFactory, keys: ClinicianKeys, clock: Clock
    ) -> None:
        self._visits = visits
        self._units = units
        self._keys = keys
        self._clock = clock

    async def stop(self, change: RequestedChange, guards: Collection[Guard]) -> Reason:
        """The first reason against sending; None: send. Raises UpstreamUnavailable."""
        if not guards:
            return None
        visit = await self._visits.stands(change.visit_id, clinician_id=change.visit_slot.clinician_id)
        moment = Moment(
            change=change,
            visit=visit,
            is_blocked=await self._is_blocked(change.new_slot),
            key_is_refused=self._keys.is_refused((change.new_slot or change.visit_slot).clinician_id),
            now=self._clock.now(),
        )
        return next((why for guard in guards if (why := guard(moment)) is not None), None)

    async def _is_blocked(self, slot: Slot | None) -> bool:
        if slot is None:
            return False
        async with self._units(Scope.READING) as unit:
            return await unit.blocks.is_blocked(slot.clinician_id)
