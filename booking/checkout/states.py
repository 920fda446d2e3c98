"""The states of the checkout saga: one record each, with everything that the driver (checkout/saga.py) knows of it.

The sets and tables that the rest of the program asks (checkout/transitions.py) are made of these records, and so is the diagram of
`frontdoor checkouts graph`. A new state is a member of CheckoutState and a record here.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from enum import Enum, auto

from booking.checkout.guards import BEFORE_A_CALL, EARLY, ENDING, UNDER_A_CLAIM, Guard, Moment, Send
from booking.checkout.model import Checkout
from booking.checkout.model import CheckoutState as S
from booking.checkout.steps import Steps
from booking.checkout.timing import IDENTIFY_BUDGET, STEP_BUDGET


class Phase(Enum):
    """How far a checkout is, in order; it decides on the slot claim and on what a patient has in flight."""

    WAITING = auto()  # for the patient, until they confirm: nothing is under way upstream
    IDENTIFYING = auto()  # whose record the checkout writes into
    CARD = auto()  # is put on file: no money has moved
    PAYING = auto()  # and booking: under the slot claim
    UNDOING = auto()  # what was paid or booked
    WITH_A_PERSON = auto()
    OVER = auto()
    LATE = (
        auto()
    )  # over, while a charge or a visit that was found late is undone: no claim is taken, and nobody waits


@dataclass(frozen=True, kw_only=True)
class State:
    """One recovery point."""

    phase: Phase
    to: tuple[S, ...] = ()  # where a driver may take a row from here
    by_operator: tuple[S, ...] = ()  # and where an operator may, with a note
    # What a driver does here; it answers the row as it shall be written next. None: nothing, the row rests.
    step: Callable[[Steps, Checkout], Awaitable[Checkout]] | None = None
    # Committed before the step's call: whoever finds a row here must take the call for sent.
    intent: bool = False
    # What became of a call that may be out, asked before it is sent again; None: nothing landed. No look: the step reads before
    # it writes, and is safe to repeat.
    look: Callable[[Steps, Checkout], Awaitable[Checkout | None]] | None = None
    # What proves at any time that the call has landed, since it names this checkout alone; None: nothing yet, which proves nothing.
    landed: Callable[[Steps, Checkout], Awaitable[Checkout | None]] | None = None
    # Why a row goes no further: asked before anything else, of the row alone …
    early: Mapping[str, Guard[Moment]] = field(default_factory=dict)
    # … and right before the call goes out, the first time and every time after a look.
    guards: Mapping[str, Guard[Send]] = field(default_factory=dict)
    # Where a stopped row goes when it is paid or booked already; with nothing to undo it has ended.
    undo: S | None = None
    # What must be left of the lease when the step begins.
    budget: timedelta = STEP_BUDGET


_ENDS = (S.CONFIRMED, S.CANCELLED, S.SLOT_LOST, S.REFUNDED, S.EXPIRED)
_UNDONE_LATE = (S.LATE_DELETION_INTENDED, S.LATE_RECURRING_CANCEL_INTENDED, S.LATE_REFUND_INTENDED)

# The hold and the slot claim are given back with the write that gets a row here. What is found late leads away, and back.
_OVER = State(phase=Phase.OVER, to=_UNDONE_LATE)

STATES: Mapping[S, State] = {
    S.STARTED: State(
        phase=Phase.WAITING,
        step=Steps.begin,
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
        step=Steps.choose_payment,
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
        step=Steps.book_next,
        early=ENDING,
        undo=S.COMPENSATING,
        to=(S.BOOKING_INTENDED, S.COMPENSATING),
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
        step=Steps.confirm,
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
    # A step is tried again, everything is undone from one of them on, or it is booked by an operator's word.
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
    **dict.fromkeys(_ENDS, _OVER),
    # They come back to the end that they came from: the row says which.
    S.LATE_DELETION_INTENDED: State(phase=Phase.LATE, intent=True, step=Steps.delete_late_visit, to=_ENDS),
    S.LATE_RECURRING_CANCEL_INTENDED: State(
        phase=Phase.LATE,
        intent=True,
        step=Steps.cancel_late_recurring,
        to=(*_ENDS, S.LATE_REFUND_INTENDED),
    ),
    S.LATE_REFUND_INTENDED: State(phase=Phase.LATE, intent=True, step=Steps.refund_late_charge, to=_ENDS),
}
