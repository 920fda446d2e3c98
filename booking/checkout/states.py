"""The state machine of the checkout saga: one record a state, with everything that the driver (checkout/saga.py) knows about it.

The driver uses a record in this order:

1. `early`: guards that need only the row. The first one with a reason ends the checkout, or sends it to `undo`.
2. `onward`: where the row goes on to without a call, at one of `to`; written with what led here, if possible.
3. `look`: finds out what became of a call that may have been sent, where another driver committed the intent.
4. `guards`: like `early`, but they also read the database, right before the call is sent.
5. `budget`: renews the lease first, if less than this is left of it.
6. `step`: makes the call and returns the row to be written next, at one of `to`.

checkout/transitions.py derives its sets and tables from these records, and `frontdoor checkouts graph` its diagram. To
add a state, add a member to CheckoutState and a record here.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from enum import Enum, auto

from booking.checkout.guards import BEFORE_A_CALL, EARLY, ENDING, UNDER_A_CLAIM, Guard, Moment, Send
from booking.checkout.model import Checkout
from booking.checkout.model import CheckoutState as S
from booking.checkout.onward import to_the_booking, to_the_card, to_the_end, to_the_patient
from booking.checkout.steps import Steps
from booking.checkout.timing import IDENTIFY_BUDGET, STEP_BUDGET


class Phase(Enum):
    """How far a checkout has come, in order: decides on its slot claim, and whether it is the patient's payment in flight."""

    WAITING = auto()  # for the patient to confirm; nothing is under way upstream
    IDENTIFYING = auto()  # finding or creating the patient's record
    CARD = auto()  # putting the card on file; no money has moved
    PAYING = auto()  # charging and booking, under the slot claim
    UNDOING = auto()  # compensation: deleting the visit, cancelling the recurring payment, refunding
    WITH_A_PERSON = auto()  # on the attention list; the slot claim is kept
    OVER = auto()  # ended; hold and slot claim are given back
    LATE = auto()  # ended, while reconciliation undoes a late charge or visit; takes no claim


@dataclass(frozen=True, kw_only=True)
class State:
    """One recovery point: its transitions, its step, and what is asked before the step."""

    phase: Phase
    to: tuple[S, ...] = ()  # legal transitions of a driver
    by_operator: tuple[S, ...] = ()  # legal transitions of an operator, besides
    # Where the row goes on to by itself, without a call (checkout/onward.py): in the write that entered this state, where
    # nothing speaks against it. Returns None when the step has to be taken.
    onward: Callable[[Checkout], Checkout | None] | None = None
    # The driver's work at this state: returns the row to be written next. None: no work, the row rests or goes on by itself.
    step: Callable[[Steps, Checkout], Awaitable[Checkout]] | None = None
    # The state is an intent, committed before the step's call: a driver that finds a row here assumes that the call was sent.
    intent: bool = False
    # Finds out what became of a call that may be out, before it is sent again. Returns None when nothing landed. An
    # intent without a look has an idempotent step, which reads before it writes.
    look: Callable[[Steps, Checkout], Awaitable[Checkout | None]] | None = None
    # Finds proof that the call has landed, at any time (`Saga.check_early`). None is no proof of the contrary: nothing is
    # sent on it.
    landed: Callable[[Steps, Checkout], Awaitable[Checkout | None]] | None = None
    # Guards that stop the row, asked first, of the row alone …
    early: Mapping[str, Guard[Moment]] = field(default_factory=dict)
    # … and right before every send, also after a look.
    guards: Mapping[str, Guard[Send]] = field(default_factory=dict)
    # Where compensation begins for a stopped row that is paid or booked. Without it, or with nothing to undo, the row ends.
    undo: S | None = None
    # What must be left of the lease when the step begins.
    budget: timedelta = STEP_BUDGET


_ENDS = (S.CONFIRMED, S.CANCELLED, S.SLOT_LOST, S.REFUNDED, S.EXPIRED)
_LATE = (S.LATE_DELETION_INTENDED, S.LATE_RECURRING_CANCEL_INTENDED, S.LATE_REFUND_INTENDED)

# The write that enters an end gives the slot claim back, and the hold follows. A late finding leads away from it, and back.
_ENDED = State(phase=Phase.OVER, to=_LATE)

STATES: Mapping[S, State] = {
    S.STARTED: State(
        phase=Phase.WAITING,
        onward=to_the_patient,
        early=EARLY,
        to=(S.PATIENT_INTENDED, S.PATIENT_READY, S.SLOT_LOST, S.CANCELLED, S.EXPIRED),
    ),
    S.PATIENT_INTENDED: State(
        phase=Phase.IDENTIFYING,
        intent=True,
        step=Steps.identify_patient,
        look=Steps.look_for_patient,
        early=EARLY,
        guards=BEFORE_A_CALL,
        budget=IDENTIFY_BUDGET,
        to=(S.PATIENT_READY, S.CANCELLED, S.EXPIRED),
    ),
    S.PATIENT_READY: State(
        phase=Phase.WAITING,
        onward=to_the_card,
        step=Steps.check_terms_and_hold,  # of a visit that costs nothing, without a card
        early=EARLY,
        to=(S.CARD_INTENDED, S.CARD_READY, S.BOOKING_INTENDED, S.SLOT_LOST, S.CANCELLED, S.EXPIRED),
    ),
    S.CARD_INTENDED: State(
        phase=Phase.CARD,
        intent=True,
        step=Steps.attach_card,
        look=Steps.look_for_card,
        early=EARLY,
        guards=BEFORE_A_CALL,
        to=(S.CARD_READY, S.PATIENT_READY, S.CANCELLED, S.EXPIRED),
    ),
    S.CARD_READY: State(
        phase=Phase.CARD,
        step=Steps.check_terms_and_hold,
        early=EARLY,
        to=(S.CHARGE_INTENDED, S.BOOKING_INTENDED, S.PATIENT_READY, S.SLOT_LOST, S.CANCELLED, S.EXPIRED),
    ),
    S.CHARGE_INTENDED: State(
        phase=Phase.PAYING,
        intent=True,
        step=Steps.charge,
        look=Steps.look_for_charge,
        landed=Steps.landed_charge,
        guards=UNDER_A_CLAIM,
        to=(S.CHARGED, S.PATIENT_READY, S.SLOT_LOST, S.CANCELLED, S.EXPIRED, S.NEEDS_ATTENTION),
    ),
    S.CHARGED: State(
        phase=Phase.PAYING,
        onward=to_the_booking,
        early=ENDING,
        undo=S.COMPENSATING,
        to=(S.BOOKING_INTENDED, S.CONFIRMED, S.COMPENSATING),  # confirmed: a plan is bought without a visit
    ),
    S.BOOKING_INTENDED: State(
        phase=Phase.PAYING,
        intent=True,
        step=Steps.book,
        look=Steps.look_for_booking,
        landed=Steps.landed_booking,
        guards=UNDER_A_CLAIM,
        undo=S.COMPENSATING,
        to=(S.BOOKED, S.COMPENSATING, S.SLOT_LOST, S.CANCELLED, S.NEEDS_ATTENTION),
    ),
    S.BOOKED: State(
        phase=Phase.PAYING,
        onward=to_the_end,
        step=Steps.prove_credit,  # of a visit that is booked by credit; a read, which may be taken again
        early=ENDING,
        undo=S.DELETION_INTENDED,
        to=(S.CONFIRMED, S.DELETION_INTENDED),
    ),
    S.DELETION_INTENDED: State(
        phase=Phase.UNDOING,
        intent=True,
        step=Steps.delete_appointment,
        to=(S.COMPENSATING, S.CANCELLED, S.NEEDS_ATTENTION),
    ),
    S.COMPENSATING: State(
        phase=Phase.UNDOING,
        step=Steps.choose_compensation,
        to=(S.RECURRING_CANCEL_INTENDED, S.REFUND_INTENDED),
    ),
    S.RECURRING_CANCEL_INTENDED: State(
        phase=Phase.UNDOING,
        intent=True,
        step=Steps.cancel_recurring,
        to=(S.RECURRING_CANCELLED, S.NEEDS_ATTENTION),
    ),
    S.RECURRING_CANCELLED: State(phase=Phase.UNDOING, step=Steps.refund_next, to=(S.REFUND_INTENDED,)),
    S.REFUND_INTENDED: State(
        phase=Phase.UNDOING, intent=True, step=Steps.refund, to=(S.REFUNDED, S.NEEDS_ATTENTION)
    ),
    # `retry` and `resolve` of checkout/operator_actions.py: the step again, compensation from one of these on, or booked.
    S.NEEDS_ATTENTION: State(
        phase=Phase.WITH_A_PERSON,
        by_operator=(
            S.CHARGE_INTENDED,
            S.BOOKING_INTENDED,
            S.DELETION_INTENDED,
            S.RECURRING_CANCEL_INTENDED,
            S.REFUND_INTENDED,
            S.CONFIRMED,
        ),
    ),
    **dict.fromkeys(_ENDS, _ENDED),
    # Each returns to the end that the row came from (`Checkout.late.ended_as`).
    S.LATE_DELETION_INTENDED: State(phase=Phase.LATE, intent=True, step=Steps.delete_late_visit, to=_ENDS),
    S.LATE_RECURRING_CANCEL_INTENDED: State(
        phase=Phase.LATE,
        intent=True,
        step=Steps.cancel_late_recurring,
        to=(*_ENDS, S.LATE_REFUND_INTENDED),
    ),
    S.LATE_REFUND_INTENDED: State(phase=Phase.LATE, intent=True, step=Steps.refund_late_charge, to=_ENDS),
}
