"""Requested changes wired to the doubles of the domain: a booked and paid visit, and any number of processes that change it."""

import itertools
from datetime import timedelta

from booking.changes.accepted import AcceptedChanges
from booking.changes.access import VisitAccess
from booking.changes.driver import ChangeDriver
from booking.changes.guards import Guards
from booking.changes.late_looks import LateLooks
from booking.changes.membership_service import MembershipService
from booking.changes.model import RequestedChange
from booking.changes.policy import ChangePolicy, MembershipPolicy
from booking.changes.service import ChangeService
from booking.changes.steps import ChangeSteps
from booking.checkout.model import Checkout, CheckoutState
from booking.checkout.timing import LEASE
from booking.models import Appointment, AppointmentStatus, Hold
from booking.principals import Caller, Principal, PrincipalKind
from booking.slots import Slot
from tests.doubles.booking_world import PLANNED, PRICED, World, a_slot, as_guest
from tests.doubles.change_upstream import (
    ChangeBooks,
    FakeChangePayments,
    FakeCredits,
    FakeMembershipChanges,
    FakeMemberships,
    FakeVisitChanges,
    FakeVisits,
)

STAFF = Caller(principal=Principal(kind=PrincipalKind.STAFF, id="s-sample"))
FOREIGN = Caller(principal=Principal(kind=PrincipalKind.PATIENT, id="p-other"))


class ChangeWorld:
    """One practice with booked visits."""

    def __init__(self, policy: ChangePolicy | None = None, *, world: World | None = None) -> None:
        self.world = world or World()
        self.clock, self.tape, self.database = self.world.clock, self.world.tape, self.world.database
        self.holds, self.books = self.world.announced, self.world.books
        self.changes = ChangeBooks(books=self.books, now=self.clock.now)
        self.policy = policy or ChangePolicy()
        self.membership_policy = MembershipPolicy(patients_may_pause=True)
        self._processes = itertools.count(1)
        self.access = VisitAccess(
            visits=FakeVisits(self.changes),
            payments=FakeChangePayments(self.changes),
            units=self.database,
            clock=self.clock,
        )
        self.driver = self.a_driver()
        self.service = self.a_service(self.driver)

    def a_driver(self) -> ChangeDriver:
        """Answer the driver of another process."""
        visits = FakeVisits(self.changes)
        return ChangeDriver(
            steps=ChangeSteps(
                visits=visits,
                visit_changes=FakeVisitChanges(self.changes),
                payments=FakeChangePayments(self.changes),
                credit_ledger=FakeCredits(self.changes),
                membership_changes=FakeMembershipChanges(self.changes),
                clock=self.clock,
            ),
            guards=Guards(visits=visits, units=self.database, keys=self.world.keys, clock=self.clock),
            late_looks=LateLooks(visits=visits, visit_changes=FakeVisitChanges(self.changes)),
            units=self.database,
            holds=self.holds,
            clock=self.clock,
            name=f"changer-{next(self._processes)}",
        )

    def a_service(self, driver: ChangeDriver) -> ChangeService:
        """Answer the service of another process."""
        visits = FakeVisits(self.changes)
        accepted = AcceptedChanges(driver=driver, answer_within=timedelta(seconds=1))
        self.accepted = accepted
        return ChangeService(
            accepted=accepted,
            access=self.access,
            visits=visits,
            holds=self.holds,
            clock=self.clock,
            policy=self.policy,
        )

    def a_membership_service(self, driver: ChangeDriver) -> MembershipService:
        """Answer the service of memberships of another process."""
        return MembershipService(
            accepted=AcceptedChanges(driver=driver, answer_within=timedelta(seconds=1)),
            memberships=FakeMemberships(self.changes),
            units=self.database,
            clock=self.clock,
            policy=self.membership_policy,
            time_zone="America/New_York",
        )

    async def booked(self, *, plan_id: str | None = None, hours: float = 24) -> Checkout:
        """Answer a guest's confirmed checkout: a priced visit, or the planned one of a plan."""
        checkout = await self.world.start(
            slot=a_slot(PLANNED if plan_id else PRICED, hours=hours), plan_id=plan_id
        )
        row = await self.world.checkouts.confirm(
            as_guest(checkout), checkout.id, self.world.token(), quote_id=checkout.quote.id
        )
        assert row.state is CheckoutState.CONFIRMED
        self.tape.events.clear()
        self.tape.points = 0
        return row

    def visit_of_practice(self, slot: Slot, *, patient_id: str) -> Appointment:
        """Answer a visit that the practice booked."""
        visit = Appointment(
            id=f"a{len(self.books.appointments) + 1}",
            clinician_id=slot.clinician_id,
            clinician_name=None,
            patient_id=patient_id,
            visit_type_id=slot.visit_type_id,
            visit_type_name=None,
            start=slot.start,
            minutes=slot.minutes,
            contact_type=slot.contact_type,
            location_id=slot.location_id,
            status=AppointmentStatus.BOOKED,
            checkout_id=None,
            open_invoice=None,
        )
        self.books.appointments.append(visit)
        return visit

    async def hold(self, caller: Caller, slot: Slot) -> Hold:
        """Hold a slot for the caller, whether or not it is on offer."""
        now = self.clock.now()
        return await self.holds.acquire(
            Hold(
                id=f"hold_{next(self._processes)}",
                owner=caller.principal.key,
                taken_by=caller.principal.key,
                slot=slot,
                time_zone="America/New_York",
                created_at=now,
                expires_at=now + timedelta(minutes=5),
            ),
            limit=None,
        )

    async def cancel(self, checkout: Checkout, **given: str | None) -> RequestedChange:
        """Have the guest accept the present quote."""
        visit, caller = _visit(checkout), as_guest(checkout)
        quote = await self.service.cancellation_quote(caller, visit)
        return await self.service.cancel(
            caller,
            **{"quote_id": quote.id, "reason": None, "reason_id": None, **given},  # type: ignore[arg-type]
        )

    async def move(self, checkout: Checkout, slot: Slot) -> RequestedChange:
        """Have the guest hold this slot and move their visit into it."""
        caller = as_guest(checkout)
        quote = await self.service.reschedule_quote(caller, _visit(checkout))
        hold = await self.hold(caller, slot)
        return await self.service.reschedule(caller, quote_id=quote.id, hold_id=hold.id)

    def visit(self, checkout: Checkout) -> Appointment:
        """Answer the visit as it stands upstream."""
        visit = self.changes.visit(_visit(checkout))
        assert visit is not None
        return visit

    def holds_left(self) -> list[Hold]:
        """Answer the live holds."""
        return self.world.holds.live

    def row(self, change_id: str | None = None) -> RequestedChange:
        """Answer a change as it stands in the database: this one, or the only one."""
        if change_id is not None:
            return self.database.changes[change_id]
        (row,) = self.database.changes.values()
        return row

    async def settle(self, change_id: str | None = None) -> RequestedChange:
        """Let other processes take the row up, each after the last one's lease, until no driver works on it."""
        for _ in range(200):
            row = self.row(change_id)
            if row.due_at is None:
                break
            due = (row.due_at - self.clock.now()).total_seconds()
            self.clock.advance(seconds=max(LEASE.total_seconds() + 1, due))
            await self.a_driver().resume(row.id)
        return self.row(change_id)


def _visit(checkout: Checkout) -> str:
    assert checkout.appointment_id is not None
    return checkout.appointment_id
