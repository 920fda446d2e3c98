"""Reconciliation: for 72 hours after its end a checkout is compared with what upstream says, five times.

Findings are a charge of any attempt that landed late, a failed payment that staff sent again, a second visit, and a
recurring payment that goes on after its refund or that nobody accepted. A finding that certainly is this checkout's is
undone; any other is escalated. The rightful payment of a confirmed visit is never a finding, and neither is what a requested
change has done since (later_changes.py). An escalated checkout is compared as often, and findings are flagged.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime

from booking.checkout.invoices import for_a_person, noted
from booking.checkout.later_changes import LaterChanges, LaterChangesReader
from booking.checkout.ledger import ChargeLedger, reconcile
from booking.checkout.model import Checkout, LateFinding
from booking.checkout.model import CheckoutState as S
from booking.checkout.transitions import IN_FLIGHT
from booking.errors import UpstreamUnavailable
from booking.models import Appointment, AppointmentStatus, Charge
from booking.operations.model import AttentionReason
from booking.ports import Billing, Clock, LateCharges, Scheduling
from booking.stored_names import Unknown

# Among `resolved_ids`: it was escalated that the visit or payment of a checkout that an operator resolved as booked is
# not found.
_UNPROVED = "booking:unproved"

_GONE = frozenset({AppointmentStatus.CANCELLED, AppointmentStatus.RESCHEDULED})


class LateReconciler:
    """Compares a checkout with upstream and the ledger; returns the row for the caller to write."""

    def __init__(
        self,
        *,
        billing: Billing,
        scheduling: Scheduling,
        later: LaterChangesReader,
        clock: Clock,
        ledger: ChargeLedger | None = None,
    ) -> None:
        self._billing = billing
        self._later = later
        self._ledger = ledger
        self._scheduling = scheduling
        self._clock = clock

    async def check(self, checkout: Checkout, others: Sequence[Checkout]) -> Checkout:
        """Return the row at a late state, to undo a finding, or with one more check done, flagged where a person must look.

        `others` are the patient's other checkouts: what is on them is not this one's. Raises UpstreamUnavailable, to check again later;
        also while another of them is being paid, or a visit of the patient is changed, since what that does may not be on its row yet.
        """
        _assert_none_is_paid(others)
        later = await self._changes_at_rest(checkout)
        visits = await self._scheduling.find_all(checkout)
        accounted = _accounted_ids(checkout, others) | later.fees
        charges = await self._billing.late_charges(checkout, known=accounted)
        await self._changes_at_rest(checkout, still=later)
        if checkout.state is S.NEEDS_ATTENTION:
            return _flag_findings(checkout, visits, charges)
        checkout = _note_invoice(_record_booked(checkout, visits, charges), visits, later)
        undo = self._visit_to_undo(checkout, visits, later) or _charge_to_undo(checkout, charges)
        if undo is not None:
            return undo
        return _checked(checkout, visits, charges, later, now=self._clock.now())

    async def compare(self, checkout: Checkout, others: Sequence[Checkout]) -> Checkout:
        """Return an ended row with each difference from the card processor's ledger escalated once.

        Raises UpstreamUnavailable, as `check` does.
        """
        if self._ledger is None or checkout.state is S.NEEDS_ATTENTION:
            return checkout
        _assert_none_is_paid(others)
        later = await self._changes_at_rest(checkout)
        differences = await reconcile(self._ledger, checkout, others, later)
        await self._changes_at_rest(checkout, still=later)
        if not differences:
            return checkout
        return _escalated(checkout, (each.id for each in differences), AttentionReason.LEDGER_DIFFERENCE)

    async def _changes_at_rest(
        self, checkout: Checkout, *, still: LaterChanges | None = None
    ) -> LaterChanges:
        """What was changed since, while nothing is. Read before and after upstream is: what came in between may be in either answer."""
        later = await self._later.since(checkout)
        if later.under_way or (still is not None and later != still):
            raise UpstreamUnavailable("a visit of the patient is being changed")
        return later

    def _visit_to_undo(
        self, checkout: Checkout, visits: Sequence[Appointment], later: LaterChanges
    ) -> Checkout | None:
        undoable, _ = _surplus(checkout, visits, later, now=self._clock.now())
        if not undoable:
            return None
        late = LateFinding(ended_as=checkout.known_state, appointment_id=undoable[0].id)
        return checkout.changed(state=S.LATE_DELETION_INTENDED, late=late)


def _assert_none_is_paid(others: Sequence[Checkout]) -> None:
    # At a state of a newer release money may be moving.
    if any(other.state in IN_FLIGHT or isinstance(other.state, Unknown) for other in others):
        raise UpstreamUnavailable("another checkout of the patient is under way")


def _accounted_ids(checkout: Checkout, others: Sequence[Checkout]) -> frozenset[str]:
    """Return ids of payments of other checkouts, and of this one's charge if it is confirmed or escalated."""
    own = [checkout.charge] if checkout.state in {S.CONFIRMED, S.NEEDS_ATTENTION} else []
    paid = [other.charge for other in others] + own
    ids = {name for charge in paid if charge for name in _charge_ids(charge)}
    return frozenset(ids | {name for other in others for name in other.resolved_ids})


def _charge_ids(charge: Charge) -> set[str]:
    return {charge.billing_item_id, charge.charge_id}


def _flag_findings(checkout: Checkout, visits: Sequence[Appointment], charges: LateCharges) -> Checkout:
    """Flag an escalated row's findings. They are undone, or recorded on the row, once an operator has resolved it."""
    checkout = checkout.changed(checks=checkout.checks + 1)
    if charges.certain or charges.uncertain:
        checkout = checkout.flagged(AttentionReason.LATE_CHARGE)
    if any(visit.id != checkout.appointment_id for visit in _live(visits)):
        checkout = checkout.flagged(AttentionReason.LATE_VISIT)
    return checkout


def _record_booked(checkout: Checkout, visits: Sequence[Appointment], charges: LateCharges) -> Checkout:
    """Record visit and charge on a row that an operator resolved as booked; they are no late findings."""
    if checkout.state is not S.CONFIRMED:
        return checkout
    mine = [visit for visit in _live(visits) if visit.clinician_id == checkout.slot.clinician_id]
    if checkout.appointment_id is None and mine:
        checkout = checkout.changed(appointment_id=mine[0].id)
    if checkout.charge is None and not checkout.quote.due_today.is_zero and charges.certain:
        attempt, charge = charges.certain[0]
        checkout = checkout.changed(charge=charge, attempt=attempt)
        if charge.differs:
            checkout = checkout.flagged(AttentionReason.CHARGED_WRONGLY)
    return checkout


def _note_invoice(checkout: Checkout, visits: Sequence[Appointment], later: LaterChanges) -> Checkout:
    """Note an invoice of a confirmed visit that is open; upstream may raise it minutes after the booking.

    The fee that the practice takes for a late cancellation is as its patient accepted it. What was paid for a visit does not pay another
    invoice of one that was cancelled and refunded.
    """
    if checkout.state is not S.CONFIRMED:
        return checkout
    own = next((visit for visit in visits if visit.id == checkout.appointment_id), None)
    if own is None or own.open_invoice is None or later.explains(own.open_invoice, own.id):
        return checkout
    refunded = checkout.charge is not None and not later.given_back(checkout.charge)[1].is_zero
    if refunded and own.open_invoice.id not in checkout.resolved_ids:
        return for_a_person(checkout, own.open_invoice.id)
    return noted(checkout, own.open_invoice)


def _surplus_charges(checkout: Checkout, charges: LateCharges) -> list[tuple[int, Charge]]:
    """Return the charges that are certainly this checkout's, without the one that a confirmed visit paid."""
    own = checkout.charge if checkout.state is S.CONFIRMED else None
    return [one for one in charges.certain if own is None or own.charge_id != one[1].charge_id]


def _charge_to_undo(checkout: Checkout, charges: LateCharges) -> Checkout | None:
    for attempt, charge in _surplus_charges(checkout, charges):
        if _charge_ids(charge) & set(checkout.resolved_ids):
            continue
        recurs = charge.recurring_payment_id is not None
        return checkout.changed(
            state=S.LATE_RECURRING_CANCEL_INTENDED if recurs else S.LATE_REFUND_INTENDED,
            late=LateFinding(ended_as=checkout.known_state, attempt=attempt, charge=charge),
        )
    return None


def _checked(
    checkout: Checkout,
    visits: Sequence[Appointment],
    charges: LateCharges,
    later: LaterChanges,
    *,
    now: datetime,
) -> Checkout:
    """Return the row after a check with nothing to undo; what no machine should decide is escalated."""
    checkout = checkout.changed(checks=checkout.checks + 1)
    _, doubtful = _surplus(checkout, visits, later, now=now)
    if doubtful:
        checkout = _escalated(checkout, (visit.id for visit in doubtful), AttentionReason.LATE_VISIT)
    if charges.uncertain:
        checkout = _escalated(checkout, charges.uncertain, AttentionReason.LATE_CHARGE_UNCERTAIN)
    if _surplus_charges(checkout, charges):
        # It could not be undone and still stands, even if an operator resolved it.
        checkout = checkout.flagged(AttentionReason.LATE_UNDO_FAILED)
    if _unaccepted_series(checkout, charges, later):
        checkout = checkout.flagged(AttentionReason.LIVE_SERIES)
    if checkout.state is S.CONFIRMED and _UNPROVED not in checkout.resolved_ids and not _is_proved(checkout):
        checkout = _escalated(checkout, (_UNPROVED,), AttentionReason.BOOKING_UNPROVED)
    return checkout


def _escalated(checkout: Checkout, what: Iterable[str], why: AttentionReason) -> Checkout:
    """Flag the row, and remember the ids of the findings, so that each is escalated once."""
    return checkout.changed(resolved_ids=(*checkout.resolved_ids, *what)).flagged(why)


def _unaccepted_series(checkout: Checkout, charges: LateCharges, later: LaterChanges) -> bool:
    """Whether a recurring payment goes on other than the accepted one of a confirmed checkout, or though a change has ended it."""
    own = checkout.charge if checkout.state is S.CONFIRMED and checkout.quote.recurrence else None
    goes_on = own is not None and "recurrence" not in own.differs and not later.stopped(own)
    accepted = own.billing_item_id if own and goes_on else None
    return any(payment != accepted for payment in charges.series)


def _is_proved(checkout: Checkout) -> bool:
    """Whether visit and payment of a confirmed checkout are on the row: not so if an operator resolved it as booked."""
    paid = checkout.charge is not None or checkout.quote.due_today.is_zero
    return paid and checkout.appointment_id is not None


def _live(visits: Sequence[Appointment]) -> list[Appointment]:
    return [visit for visit in visits if visit.status not in _GONE]


def _surplus(
    checkout: Checkout, visits: Sequence[Appointment], later: LaterChanges, *, now: datetime
) -> tuple[list[Appointment], list[Appointment]]:
    """Return the visits beyond the rightful one: those to delete, and those to escalate.

    A confirmed checkout's only visit is the rightful one under any id, since staff may have booked it again; not if its patient has
    cancelled the rightful one, or moved it out of sight, nor if the practice has cancelled it and it is there to be seen. To delete are visits that stand as this program booked them and have not begun,
    and for a confirmed checkout only beside the rightful one.
    """
    live = [visit for visit in _live(visits) if visit.id not in checkout.resolved_ids]
    if checkout.state is S.CONFIRMED:
        right = [visit for visit in live if visit.id == checkout.appointment_id]
        cancelled = any(visit.id == checkout.appointment_id and visit.status in _GONE for visit in visits)
        is_second = len(live) > 1 or cancelled or later.left_its_time(checkout.appointment_id)
        surplus = [visit for visit in live if visit not in right] if is_second else []
        if not right:
            return [], surplus
        live = surplus
    undoable = [visit for visit in live if _as_booked(visit, checkout) and visit.start > now]
    return undoable, [visit for visit in live if visit not in undoable]


def _as_booked(visit: Appointment, checkout: Checkout) -> bool:
    return visit.status is AppointmentStatus.BOOKED and visit.start == checkout.slot.start
