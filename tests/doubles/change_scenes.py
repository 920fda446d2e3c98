"""Changes in which a certain action occurs, on the way as their patients accept them, and what must hold when they are done."""

from dataclasses import replace
from datetime import timedelta

from booking.changes.model import ActionKind as A
from booking.changes.model import ActionState, ChangeState, RequestedChange
from booking.changes.policy import ChangePolicy, PlanVisitTreatment
from booking.checkout.model import Checkout
from booking.money import Money
from tests.doubles.booking_world import MONTHLY, a_slot
from tests.doubles.change_upstream import RULES
from tests.doubles.change_world import ChangeWorld

LATER = a_slot(hours=48)
WITH_C2 = a_slot(clinician="c2", hours=48)
FEE = Money.of("25", "USD")

# Actions that no change of a visit has: see tests/unit/test_changes_invoices.py and test_changes_membership_pauses.py.
ELSEWHERE = {A.PAY_INVOICE, A.READ_INVOICE, A.PAUSE_RECURRING, A.RESUME_RECURRING}
OF_VISITS = [kind for kind in A if kind not in ELSEWHERE]


class Scene:
    """A change in which the action occurs, on the way as its patient accepts it."""

    def __init__(self, kind: A) -> None:
        fee = kind is A.CHARGE_FEE
        self.kind = kind
        self.world = ChangeWorld(
            ChangePolicy(
                other_clinicians=True,
                charge_late_fee=fee,
                late_notice=timedelta(hours=48) if fee else None,
                plan_visits=PlanVisitTreatment.MONEY
                if kind is A.STOP_RECURRING
                else PlanVisitTreatment.CREDIT,
            )
        )
        self.world.books.plan_recurs = kind is A.STOP_RECURRING
        self.world.changes.credit_used = kind is A.READ_CREDIT
        self.world.changes.rules = replace(
            RULES, late_cancellation_fee=FEE if fee else None, restores_credit=kind is A.READ_CREDIT
        )

    async def booked(self) -> Checkout:
        plans = {A.STOP_RECURRING: MONTHLY.id, A.READ_CREDIT: "once"}
        return await self.world.booked(plan_id=plans.get(self.kind))

    async def accept(self, checkout: Checkout) -> RequestedChange:
        if self.kind is A.MOVE_VISIT:
            return await self.world.move(checkout, LATER)
        if self.kind is A.BOOK_VISIT:
            return await self.world.move(checkout, WITH_C2)
        return await self.world.cancel(checkout)

    def assert_done_once(self, checkout: Checkout, row: RequestedChange) -> None:
        """Check that all of the change was done, and none of it twice."""
        changes = self.world.changes
        assert row.state is ChangeState.DONE
        assert all(action.state is ActionState.DONE for action in row.actions)
        assert row.attention == ()
        visit = self.world.visit(checkout)
        if self.kind is A.MOVE_VISIT:
            assert visit.start == LATER.start
            assert changes.statuses[visit.id] == ["moved"]
        else:
            assert changes.statuses[visit.id] == ["Cancelled"]
        booked = len(self.world.books.live_appointments) - 1
        assert booked == (1 if self.kind is A.BOOK_VISIT else 0)
        assert len(changes.sent_back) == (1 if row.action(A.REFUND) else 0)
        assert len(changes.fees) == (1 if row.action(A.CHARGE_FEE) else 0)
        assert self.world.database.claims == {}
        assert self.world.holds_left() == []
