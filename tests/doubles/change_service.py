"""A scripted service of changes, with samples of visits, quotes and rows: for tests of the GraphQL fields alone."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

from booking.change_quotes import (
    CancellationQuote,
    Fee,
    FeeMethod,
    MembershipEndQuote,
    MembershipPauseQuote,
    MembershipResumeQuote,
    RescheduleQuote,
)
from booking.changes.model import Action, ActionKind, ActionState, ChangeKind, ChangeState, RequestedChange
from booking.changes.visit import BookedVisit, CancellationReasonOption, ChangeVerdict, VisitRules
from booking.errors import NotFound
from booking.models import Appointment, AppointmentStatus
from booking.money import Money
from booking.principals import Caller
from tests.doubles.booking_ports import NOW
from tests.doubles.booking_world import a_slot

SLOT = a_slot()
VISIT_ID = "a-own"

CANCELLATION = CancellationQuote(
    appointment_id=VISIT_ID,
    slot=SLOT,
    late=True,
    free_until=NOW - timedelta(hours=1),
    refund=Money.of("112.50", "USD"),
    kept=Money.of("37.50", "USD"),
    fee=Fee(amount=Money.of("25.00", "USD"), method=FeeMethod.CHARGED),
    credit=None,
    stops_recurring=False,
    reason_required=True,
)
MOVE = RescheduleQuote(
    appointment_id=VISIT_ID,
    slot=SLOT,
    until=NOW + timedelta(hours=20),
    moves_left=2,
    other_clinicians=False,
)
MEMBERSHIP_END = MembershipEndQuote(
    membership_id="series-own",
    plan_name="Sample monthly",
    amount=Money.of("99.00", "USD"),
    next_payment_at=NOW + timedelta(days=20),
    payments_left=None,
)
MEMBERSHIP_PAUSE = MembershipPauseQuote(
    membership_id="series-own",
    plan_name="Sample monthly",
    amount=Money.of("99.00", "USD"),
    next_payment_at=NOW + timedelta(days=20),
    payments_left=None,
    pauses_left=2,
)
MEMBERSHIP_RESUME = MembershipResumeQuote(
    membership_id="series-own",
    plan_name="Sample monthly",
    amount=Money.of("99.00", "USD"),
    next_payment_on=(NOW + timedelta(days=20)).date(),
    payments_left=None,
)
VISIT = BookedVisit(
    appointment=Appointment(
        id=VISIT_ID,
        clinician_id=SLOT.clinician_id,
        clinician_name="Sample Clinician",
        patient_id="p-sample",
        visit_type_id=SLOT.visit_type_id,
        visit_type_name="Sample visit",
        start=SLOT.start,
        minutes=SLOT.minutes,
        contact_type=SLOT.contact_type,
        location_id=None,
        status=AppointmentStatus.CANCELLED,
        checkout_id=None,
        open_invoice=None,
    ),
    rules=VisitRules(may_cancel=True, may_reschedule=True, cancel_notice=None, reschedule_notice=None),
    verdict=ChangeVerdict(can_cancel=True, can_reschedule=True),
)


def a_change(kind: ChangeKind = ChangeKind.CANCELLATION, **values: Any) -> RequestedChange:
    """A cancellation that is done, with a refund and a fee, or a reschedule that is done."""
    cancelled = kind is ChangeKind.CANCELLATION
    actions = (
        (
            Action(kind=ActionKind.CANCEL_VISIT, state=ActionState.DONE),
            Action(kind=ActionKind.REFUND, state=ActionState.DONE, amount=Money.of("112.50", "USD")),
            Action(kind=ActionKind.CHARGE_FEE, state=ActionState.DONE, amount=Money.of("25.00", "USD")),
        )
        if cancelled
        else (Action(kind=ActionKind.MOVE_VISIT, state=ActionState.DONE),)
    )
    given: dict[str, Any] = {
        "id": "chg_sample",
        "kind": kind,
        "state": ChangeState.DONE,
        "owner": "patient:p-sample",
        "patient_id": "p-sample",
        "appointment_id": VISIT_ID,
        "slot": SLOT,
        "new_slot": None if cancelled else a_slot(hours=28),
        "time_zone": "America/New_York",
        "checkout_id": "chk_sample",
        "quote_id": (CANCELLATION if cancelled else MOVE).id,
        "actions": actions,
        "created_at": NOW,
        "updated_at": NOW,
    }
    return RequestedChange(**given | values)


class ScriptedChanges:
    """One visit, whose quotes and changes are as a test says. What is an exception is raised."""

    def __init__(self) -> None:
        self.quotes: dict[str, CancellationQuote | RescheduleQuote | Exception] = {
            "cancel": CANCELLATION,
            "move": MOVE,
        }
        self.outcomes: list[RequestedChange | Exception] = []  # of changes, in order
        self.asked: list[dict[str, Any]] = []  # what was accepted
        self.rows: dict[str, RequestedChange] = {}
        self.now: BookedVisit | Exception | None = VISIT

    async def cancellation_quote(self, caller: Caller, appointment_id: str) -> Any:
        return self._quote("cancel", appointment_id)

    async def reschedule_quote(self, caller: Caller, appointment_id: str) -> Any:
        return self._quote("move", appointment_id)

    async def cancellation_reasons(self) -> Sequence[CancellationReasonOption]:
        return [CancellationReasonOption(id="r1", text="Feeling better")]

    async def cancel(self, caller: Caller, **given: Any) -> RequestedChange:
        return self._accept(caller, given)

    async def reschedule(self, caller: Caller, **given: Any) -> RequestedChange:
        return self._accept(caller, given)

    async def view(self, caller: Caller, change_id: str) -> RequestedChange | None:
        row = self.rows.get(change_id)
        return row if row and caller.owns(row.owner) else None

    async def visit(self, change: RequestedChange) -> BookedVisit | None:
        if isinstance(self.now, Exception):
            raise self.now
        return self.now

    def _quote(self, kind: str, appointment_id: str) -> CancellationQuote | RescheduleQuote:
        quote = self.quotes[kind]
        if isinstance(quote, Exception):
            raise quote
        if appointment_id != quote.appointment_id:
            raise NotFound("appointment")
        return quote

    def _accept(self, caller: Caller, given: dict[str, Any]) -> RequestedChange:
        self.asked.append(given)
        outcome = self.outcomes.pop(0)
        if isinstance(outcome, Exception):
            raise outcome
        self.rows[outcome.id] = outcome
        return replace(outcome, owner=caller.principal.key)
