"""A booked visit is cancelled, and moved, through the service on a real database and the emulator, in fair weather and foul."""

from dataclasses import dataclass
from datetime import timedelta

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from booking.changes.accepted import AcceptedChanges
from booking.changes.access import VisitAccess
from booking.changes.driver import ChangeDriver
from booking.changes.guards import Guards
from booking.changes.late_looks import LateLooks
from booking.changes.model import ChangeState, RequestedChange
from booking.changes.outcomes import outcome
from booking.changes.policy import ChangePolicy, PlanVisitTreatment
from booking.changes.service import ChangeService
from booking.changes.steps import ChangeSteps
from booking.checkout.model import Checkout, CheckoutState
from booking.checkout.timing import LEASE
from booking.models import Hold
from booking.principals import Caller, Principal, PrincipalKind
from booking.refusals.changes import ChangedByPractice
from booking.resources import Kind, Resource
from booking.slots import Slot
from integrations.database.holds import SqlHoldStore
from integrations.database.unit_of_work import sql_unit_of_work
from tests.integration.changes_on_emulator import a_booked_checkout
from tests.integration.database_samples import SEALER
from tests.integration.healthie_on_emulator import Practice, practice

POLICY = ChangePolicy(plan_visits=PlanVisitTreatment.MONEY)


@dataclass
class Process:
    """One process of the gateway on this database and emulator."""

    here: Practice
    engine: AsyncEngine
    name: str = "first"

    def __post_init__(self) -> None:
        clock, upstream = self.here.world.clock, self.here.healthie
        self.units = sql_unit_of_work(self.engine, SEALER)
        self.holds = SqlHoldStore(engine=self.engine, clock=clock)
        self.driver = ChangeDriver(
            steps=ChangeSteps(
                visits=upstream.visits,
                visit_changes=upstream.visit_changes,
                payments=upstream.change_payments,
                credit_ledger=upstream.credits,
                membership_changes=upstream.membership_changes,
                clock=clock,
            ),
            guards=Guards(visits=upstream.visits, units=self.units, keys=upstream.keys, clock=clock),
            late_looks=LateLooks(visits=upstream.visits, visit_changes=upstream.visit_changes),
            units=self.units,
            holds=self.holds,
            clock=clock,
            name=self.name,
        )
        self.service = ChangeService(
            accepted=AcceptedChanges(driver=self.driver, answer_within=timedelta(seconds=5)),
            access=VisitAccess(
                visits=upstream.visits, payments=upstream.change_payments, units=self.units, clock=clock
            ),
            visits=upstream.visits,
            holds=self.holds,
            clock=clock,
            policy=POLICY,
        )

    async def booked(self) -> Checkout:
        """A confirmed checkout of the first patient's, in the books and in the database."""
        booked = await a_booked_checkout(self.here)
        row = booked.changed(
            state=CheckoutState.CONFIRMED, owner=self.patient.principal.key, ended_at=booked.created_at
        )
        async with self.units() as unit:
            await unit.checkouts.add(row)
            await unit.commit()
        return row

    @property
    def patient(self) -> Caller:
        return Caller(principal=Principal(kind=PrincipalKind.PATIENT, id=self.here.patient(1)))

    async def cancel(self, row: Checkout) -> RequestedChange:
        quote = await self.service.cancellation_quote(self.patient, str(row.appointment_id))
        assert row.charge is not None
        assert quote.refund == row.charge.net
        return await self.service.cancel(
            self.patient, quote_id=quote.id, reason="sample words", reason_id=None
        )

    async def move(self, row: Checkout, slot: Slot) -> RequestedChange:
        quote = await self.service.reschedule_quote(self.patient, str(row.appointment_id))
        now = self.here.world.clock.now()
        hold = await self.holds.acquire(
            Hold(
                id="hold_new",
                owner=self.patient.principal.key,
                taken_by=self.patient.principal.key,
                slot=slot,
                time_zone="America/New_York",
                created_at=now,
                expires_at=now + timedelta(minutes=5),
            ),
            limit=None,
        )
        return await self.service.reschedule(self.patient, quote_id=quote.id, hold_id=hold.id)

    async def resumed(self, change: RequestedChange) -> RequestedChange:
        """What another process makes of the row when the lease or the pause of the first is over."""
        other = Process(self.here, self.engine, "second")
        self.here.world.clock.advance(LEASE.total_seconds() + 1)
        await other.driver.resume(change.id)
        return await other.driver.load(change.id)

    async def refreshes(self) -> list[Resource]:
        async with self.units() as unit:
            return list(await unit.pending_refreshes.due(self.here.world.clock.now(), limit=10))

    async def claims(self, slot: Slot) -> int:
        async with self.units() as unit:
            return len(await unit.claims.busy([slot.clinician_id], slot.interval))

    def visit(self, row: Checkout) -> object:
        return self.here.world.appointments[str(row.appointment_id)]


@pytest.mark.parametrize("fault", [None, "lost_answer", "lost_request"])
async def test_a_cancelled_visit_is_given_back_once(engine: AsyncEngine, fault: str | None) -> None:
    async with practice() as here:
        first = Process(here, engine)
        row = await first.booked()
        if fault is not None:
            here.fault(fault, "CancelVisit")
        change = await first.cancel(row)
        if fault is not None:
            assert change.state is ChangeState.OPEN
            change = await first.resumed(change)
        assert change.state is ChangeState.DONE
        assert row.charge is not None
        assert first.visit(row).pm_status == "Cancelled"  # type: ignore[attr-defined]
        assert here.wire.operations["CancelVisit"] == (2 if fault == "lost_request" else 1)
        given_back = await here.healthie.change_payments.refunded(
            row.charge, clinician_id=row.slot.clinician_id
        )
        assert given_back == row.charge.net
        assert (await first.driver.load(change.id)).reason is None
        assert Resource(kind=Kind.VISIT, id=str(row.appointment_id)) in await first.refreshes()


@pytest.mark.parametrize("fault", [None, "lost_answer", "lost_request"])
async def test_a_moved_visit_is_moved_once_and_its_new_time_claimed_meanwhile(
    engine: AsyncEngine, fault: str | None
) -> None:
    async with practice() as here:
        first = Process(here, engine)
        row = await first.booked()
        slot = next(one for one in await here.free() if not one.interval.overlaps(row.slot.interval))
        if fault is not None:
            here.fault(fault, "MoveVisit")
        change = await first.move(row, slot)
        if fault is not None:
            assert (change.state, await first.claims(slot)) == (ChangeState.OPEN, 1)
            change = await first.resumed(change)
        assert change.state is ChangeState.DONE
        stands = await here.healthie.visits.stands(
            str(row.appointment_id), clinician_id=row.slot.clinician_id
        )
        assert stands is not None
        assert stands.appointment.start == slot.start
        assert await first.claims(slot) == 0
        assert await first.holds.get("hold_new") is None


async def test_the_practices_own_change_wins(engine: AsyncEngine) -> None:
    async with practice() as here:
        first = Process(here, engine)
        row = await first.booked()
        here.fault("lost_request", "CancelVisit")
        change = await first.cancel(row)
        here.world.appointments.change(str(row.appointment_id), pm_status="No-Show")
        change = await first.resumed(change)
        assert change.state is ChangeState.SUPERSEDED
        assert here.wire.operations["CancelVisit"] == 1
        with pytest.raises(ChangedByPractice):
            outcome(change)
