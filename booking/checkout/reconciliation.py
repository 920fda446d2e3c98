"""Late truth: for 72 hours after its end a checkout is compared with what upstream says now.

A charge that landed after all, of any attempt, a failed payment that staff sent again, a second visit: undone where that is
certain to be right, else given to a person. A recurring payment that goes on after its money was given back, or that nobody
accepted, is one of them. What a confirmed visit rightly paid is never among the findings. A checkout that
a person has is looked at as often, and they are told.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime

from booking.checkout.ledger import ChargeLedger, reconcile
from booking.checkout.model import Checkout, LateFinding
from booking.checkout.model import CheckoutState as S
from booking.checkout.transitions import IN_FLIGHT
from booking.errors import UpstreamUnavailable
from booking.models import Appointment, AppointmentStatus, Charge
from booking.operations.model import AttentionReason
from booking.ports import Billing, Clock, LateCharges, Scheduling
from booking.stored_names import Unknown

# Among what is settled: that a person was told that neither visit nor payment is found of what an operator called booked.
_UNPROVED = "booking:unproved"

_GONE = frozenset({AppointmentStatus.CANCELLED, AppointmentStatus.RESCHEDULED})


class LateReconciler:
    """Compares; what it answers is what the driver writes next."""

    def __init__(
        self, *, billing: Billing, scheduling: Scheduling, clock: Clock, ledger: ChargeLedger | None = None
    ) -> None:
        self._billing = billing
        self._ledger = ledger
        self._scheduling = scheduling
        self._clock = clock

    async def check(self, checkout: Checkout, others: Sequence[Checkout]) -> Checkout:
        """The row reopened to undo what was found, or flagged, or looked at once more.

        `others` are the patient's other checkouts: what is theirs is not this one's. Raises UpstreamUnavailable: look again
        later, also while one of them is being paid, since its charge may not be on its row yet.
        """
        _assert_none_is_paid(others)
        visits = await self._scheduling.find_all(checkout)
        charges = await self._billing.late_charges(checkout, known=_known(checkout, others))
        if checkout.state is S.NEEDS_ATTENTION:
            return _told(checkout, visits, charges)
        checkout = _adopted(checkout, visits, charges)
        undo = self._visit_to_undo(checkout, visits) or _charge_to_undo(checkout, charges)
        if undo is not None:
            return undo
        return _checked(checkout, visits, charges, now=self._clock.now())

    async def compare(self, checkout: Checkout, others: Sequence[Checkout]) -> Checkout:
        """An ended row with what the card processor's books tell otherwise; each difference is given to a person once.

        Raises UpstreamUnavailable, as `look` does.
        """
        if self._ledger is None or checkout.state is S.NEEDS_ATTENTION:
            return checkout
        _assert_none_is_paid(others)
        differences = await reconcile(self._ledger, checkout, others)
        if not differences:
            return checkout
        return _given_to_a_person(
            checkout, (each.id for each in differences), AttentionReason.SWEEP_DIFFERENCE
        )

    def _visit_to_undo(self, checkout: Checkout, visits: Sequence[Appointment]) -> Checkout | None:
        undoable, _ = _surplus(checkout, visits, now=self._clock.now())
        if not undoable:
            return None
        late = LateFinding(ended_as=checkout.known_state, appointment_id=undoable[0].id)
        return checkout.changed(state=S.LATE_DELETION_INTENDED, late=late)


def _assert_none_is_paid(others: Sequence[Checkout]) -> None:
    # Of a newer version's state it is not known whether money moves.
    if any(other.state in IN_FLIGHT or isinstance(other.state, Unknown) for other in others):
        raise UpstreamUnavailable("another checkout of the patient is under way")


def _known(checkout: Checkout, others: Sequence[Checkout]) -> frozenset[str]:
    """Payments that are accounted for: of other checkouts, or what this confirmed visit cost."""
    own = [checkout.charge] if checkout.state in {S.CONFIRMED, S.NEEDS_ATTENTION} else []
    paid = [other.charge for other in others] + own
    ids = {name for charge in paid if charge for name in _names(charge)}
    return frozenset(ids | {name for other in others for name in other.resolved_ids})


def _names(charge: Charge) -> set[str]:
    return {charge.billing_item_id, charge.charge_id}


def _told(checkout: Checkout, visits: Sequence[Appointment], charges: LateCharges) -> Checkout:
    """A row that a person has: they are told of what came since. It is undone, or adopted, once they have resolved the row."""
    checkout = checkout.changed(checks=checkout.checks + 1)
    if charges.certain or charges.uncertain:
        checkout = checkout.flagged(AttentionReason.LATE_CHARGE)
    if any(visit.id != checkout.appointment_id for visit in _live(visits)):
        checkout = checkout.flagged(AttentionReason.LATE_VISIT)
    return checkout


def _adopted(checkout: Checkout, visits: Sequence[Appointment], charges: LateCharges) -> Checkout:
    """A row that a person resolved as booked learns which visit and charge that was; they are not late findings."""
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


def _surplus_charges(checkout: Checkout, charges: LateCharges) -> list[tuple[int, Charge]]:
    """All that are certain, less what a confirmed visit cost."""
    own = checkout.charge if checkout.state is S.CONFIRMED else None
    return [one for one in charges.certain if own is None or own.charge_id != one[1].charge_id]


def _charge_to_undo(checkout: Checkout, charges: LateCharges) -> Checkout | None:
    for attempt, charge in _surplus_charges(checkout, charges):
        if _names(charge) & set(checkout.resolved_ids):
            continue
        recurs = charge.recurring_payment_id is not None
        return checkout.changed(
            state=S.LATE_RECURRING_CANCEL_INTENDED if recurs else S.LATE_REFUND_INTENDED,
            late=LateFinding(ended_as=checkout.known_state, attempt=attempt, charge=charge),
        )
    return None


def _checked(
    checkout: Checkout, visits: Sequence[Appointment], charges: LateCharges, *, now: datetime
) -> Checkout:
    """The row after a look that found nothing to undo; what no machine should decide goes to a person."""
    checkout = checkout.changed(checks=checkout.checks + 1)
    _, doubtful = _surplus(checkout, visits, now=now)
    if doubtful:
        checkout = _given_to_a_person(checkout, (visit.id for visit in doubtful), AttentionReason.LATE_VISIT)
    if charges.uncertain:
        checkout = _given_to_a_person(checkout, charges.uncertain, AttentionReason.LATE_CHARGE_UNCERTAIN)
    if _surplus_charges(checkout, charges):
        # It could not be undone, and stands whatever was said of it since.
        checkout = checkout.flagged(AttentionReason.LATE_UNDO_FAILED)
    if _unaccepted_series(checkout, charges):
        checkout = checkout.flagged(AttentionReason.LIVE_SERIES)
    if checkout.state is S.CONFIRMED and _UNPROVED not in checkout.resolved_ids and not _is_proved(checkout):
        checkout = _given_to_a_person(checkout, (_UNPROVED,), AttentionReason.BOOKING_UNPROVED)
    return checkout


def _given_to_a_person(checkout: Checkout, what: Iterable[str], why: AttentionReason) -> Checkout:
    """The row on the attention list, and what it is there for settled: they are told of each once."""
    return checkout.changed(resolved_ids=(*checkout.resolved_ids, *what)).flagged(why)


def _unaccepted_series(checkout: Checkout, charges: LateCharges) -> bool:
    """Whether a recurring payment goes on that is not the one of a confirmed checkout whose patient accepted it."""
    own = checkout.charge if checkout.state is S.CONFIRMED and checkout.quote.recurrence else None
    accepted = own.billing_item_id if own and "recurrence" not in own.differs else None
    return any(payment != accepted for payment in charges.series)


def _is_proved(checkout: Checkout) -> bool:
    """Whether the visit and the payment of a confirmed checkout are known: not those of one that a person called booked."""
    paid = checkout.charge is not None or checkout.quote.due_today.is_zero
    return paid and checkout.appointment_id is not None


def _live(visits: Sequence[Appointment]) -> list[Appointment]:
    return [visit for visit in visits if visit.status not in _GONE]


def _surplus(
    checkout: Checkout, visits: Sequence[Appointment], *, now: datetime
) -> tuple[list[Appointment], list[Appointment]]:
    """Visits beyond those that the checkout ended with: to be deleted, and for a person to judge.

    The only one of a confirmed checkout is its visit under whatever id: staff may have booked it anew. Deleted is what
    stands as this program booked it and has not begun, beside the right one where there is one.
    """
    live = [visit for visit in _live(visits) if visit.id not in checkout.resolved_ids]
    if checkout.state is S.CONFIRMED:
        right = [visit for visit in live if visit.id == checkout.appointment_id]
        surplus = [visit for visit in live if visit not in right] if len(live) > 1 else []
        if not right:
            return [], surplus
        live = surplus
    undoable = [visit for visit in live if _as_booked(visit, checkout) and visit.start > now]
    return undoable, [visit for visit in live if visit not in undoable]


def _as_booked(visit: Appointment, checkout: Checkout) -> bool:
    return visit.status is AppointmentStatus.BOOKED and visit.start == checkout.slot.start
