"""Access to booked visits and their changes: whose a visit is, and what was paid for it here.

A patient has their own visits, a guest the one that their checkout booked (wherever it has been moved since), and staff any of the
practice. A foreign visit and a missing one answer alike.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from booking.changes.model import RequestedChange
from booking.changes.ports import ChangePayments, Visits
from booking.changes.visit import BookedVisit, Paid
from booking.checkout.access import opens, visit_end
from booking.checkout.model import Checkout
from booking.checkout.transitions import ENDED
from booking.errors import NotFound
from booking.money import Money
from booking.ports import Clock
from booking.principals import Caller, PrincipalKind
from booking.refusals.changes import ChangeInProgress
from booking.unit_of_work import Scope, UnitOfWork, UnitOfWorkFactory


@dataclass(frozen=True, kw_only=True)
class OwnVisit:
    """A visit of the caller's, as read for one request."""

    visit: BookedVisit
    patient_id: str
    checkout: Checkout | None  # that booked and paid it, and has ended; None: the practice booked it
    latest: RequestedChange | None  # of its changes


class VisitAccess:
    """Reads visits, and changes of them, for the caller that they belong to."""

    def __init__(
        self, *, visits: Visits, payments: ChangePayments, units: UnitOfWorkFactory, clock: Clock
    ) -> None:
        self._visits = visits
        self._payments = payments
        self._units = units
        self._clock = clock

    async def get(self, caller: Caller, appointment_id: str) -> OwnVisit:
        """The caller's visit. Raises NotFound; ChangeInProgress while the checkout that books it has not ended."""
        async with self._units(Scope.READING) as unit:
            changes = await unit.changes.of_visit(appointment_id)
            checkout = await _booked_by(unit, appointment_id, changes)
            since = changes if checkout is None else await unit.changes.of_checkout(checkout.id)
            ends = await visit_end(unit, checkout) if checkout is not None else None
        if not self._may_read(caller, checkout, ends):
            raise NotFound("appointment")
        visit = await self._visits.get(appointment_id, of=_patient_of(caller, checkout))
        patient_id = visit.appointment.patient_id if visit is not None else None
        if visit is None or patient_id is None or not self._has(caller, patient_id, checkout):
            raise NotFound("appointment")
        if checkout is None:
            await self._check_no_checkout_under_way(visit)
        elif checkout.state not in ENDED:
            raise ChangeInProgress
        return OwnVisit(
            visit=replace(visit, reschedules=max(visit.reschedules, _moves(since))),
            patient_id=patient_id,
            checkout=checkout,
            latest=changes[-1] if changes else None,
        )

    async def view(self, caller: Caller, change_id: str) -> RequestedChange | None:
        """The caller's change of a visit; None when it is another's or does not exist, without telling which."""
        async with self._units(Scope.READING) as unit:
            change = await unit.changes.get(change_id)
            checkout_id = change.checkout_id if change is not None else None
            checkout = await unit.checkouts.get(checkout_id) if checkout_id is not None else None
            ends = await visit_end(unit, checkout) if checkout is not None else None
        if change is None or change.slot is None or not self._may_read(caller, checkout, ends):
            return None
        return change if self._has(caller, change.patient_id, checkout) else None

    async def paid(self, own: OwnVisit) -> Paid | None:
        """What was paid for the visit, and what of it was given back since, read now; None when nothing was paid here."""
        if own.checkout is None or own.checkout.charge is None:
            return None
        clinician_id = own.checkout.clinician_id
        refunded = await self._payments.refunded(own.checkout.charge, clinician_id=clinician_id)
        return _paid(own.checkout, refunded)

    async def paid_as_known(self, visit: BookedVisit) -> Paid | None:
        """What was paid for the visit, by our rows alone: what the practice has given back since is not counted."""
        async with self._units(Scope.READING) as unit:
            changes = await unit.changes.of_visit(visit.appointment.id)
            checkout = await _booked_by(unit, visit.appointment.id, changes)
        if checkout is None or checkout.charge is None:
            return None
        none = Money.of(0, checkout.charge.net.currency)
        return _paid(checkout, checkout.refunded or none)

    def _may_read(self, caller: Caller, checkout: Checkout | None, visit_ends: datetime | None) -> bool:
        """Whether the visit may be read upstream for the caller: a guest's only if their checkout booked it, until the visit is over."""
        kind = caller.principal.kind
        if kind is PrincipalKind.GUEST:
            return checkout is not None and opens(
                caller, checkout, now=self._clock.now(), visit_ends=visit_ends
            )
        return kind in {PrincipalKind.PATIENT, PrincipalKind.STAFF}

    def _has(self, caller: Caller, patient_id: str, checkout: Checkout | None) -> bool:
        """Whether the visit of this patient is the caller's."""
        if caller.principal.kind is PrincipalKind.GUEST:
            return checkout is not None and checkout.patient_id == patient_id
        return may_see(caller, patient_id)

    async def _check_no_checkout_under_way(self, visit: BookedVisit) -> None:
        """Raise ChangeInProgress while a checkout is booking the visit, and does not know it yet."""
        if (checkout_id := visit.appointment.checkout_id) is None:
            return
        async with self._units(Scope.READING) as unit:
            checkout = await unit.checkouts.get(checkout_id)
        if checkout is not None and checkout.state not in ENDED:
            raise ChangeInProgress


def _patient_of(caller: Caller, checkout: Checkout | None) -> str | None:
    """The patient whose visits alone are the caller's; None: they are staff, who have any."""
    if caller.principal.kind is PrincipalKind.GUEST and checkout is not None:
        return checkout.patient_id
    return caller.principal.patient_id


async def _booked_by(
    unit: UnitOfWork, appointment_id: str, changes: Sequence[RequestedChange]
) -> Checkout | None:
    """The checkout that paid for the visit: it has booked it, or the visit that became this one."""
    if (checkout := await unit.checkouts.booked(appointment_id)) is not None:
        return checkout
    source = next((one for one in changes if one.new_appointment_id == appointment_id), None)
    if source is None or source.checkout_id is None:
        return None
    return await unit.checkouts.get(source.checkout_id)


def _moves(changes: Sequence[RequestedChange]) -> int:
    """How often the visit was moved here by its patient. The system of record may not count what the practice's keys move."""
    return sum(change.moved_to is not None and not change.by_staff for change in changes)


def _paid(checkout: Checkout, refunded: Money) -> Paid | None:
    if checkout.charge is None:
        return None
    return Paid(
        charge=checkout.charge,
        refunded=refunded,
        plan_id=checkout.quote.plan_id,
        list_price=checkout.quote.list_price,
    )


def by_staff(caller: Caller) -> bool:
    """Whether the policy does not bind the caller."""
    return caller.principal.kind is PrincipalKind.STAFF


def may_see(caller: Caller, patient_id: str) -> bool:
    """Whether what is of this patient is the caller's: their own, or staff's to look after."""
    return by_staff(caller) or caller.principal.patient_id == patient_id
