"""The actions of requested changes: one record a kind, with everything that the driver (changes/driver.py) knows about it.

The driver uses a record in this order: `look`, where the action may have been sent before; `guards`; `step`. A certain refusal of
the first action ends the change, with nothing done. Later, `takes_back` says whether what was done is undone, and `attention`
why a person must finish it. To add an action, add a member to ActionKind and a record here.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from booking.changes.guards import Guard, begun, changed_by_practice, clinician_blocked, key_not_proved
from booking.changes.model import ActionKind as A
from booking.changes.model import RequestedChange
from booking.changes.steps import ChangeSteps
from booking.operations.model import AttentionReason


@dataclass(frozen=True, kw_only=True)
class ActionRecord:
    """One kind of action."""

    # Makes the call and returns the row to be written next.
    step: Callable[[ChangeSteps, RequestedChange], Awaitable[RequestedChange]]
    # Finds out what became of a call that may have been sent. An action without a look has an idempotent step, which reads
    # before it writes.
    look: Callable[[ChangeSteps, RequestedChange], Awaitable[RequestedChange | None]] | None = None
    # Undoes the action once it is done; idempotent.
    undo: Callable[[ChangeSteps, RequestedChange], Awaitable[None]] | None = None
    # Asked right before every send.
    guards: tuple[Guard, ...] = ()
    # What a person is told when it is refused after others were done.
    attention: AttentionReason
    # What was done before it is undone when it is refused: without it, that was not what the patient asked for.
    takes_back: bool = False


_OF_THE_VISIT: tuple[Guard, ...] = (changed_by_practice, begun)
_INTO_A_SLOT: tuple[Guard, ...] = (*_OF_THE_VISIT, clinician_blocked, key_not_proved)

ACTIONS: Mapping[str, ActionRecord] = {
    A.MOVE_VISIT: ActionRecord(
        step=ChangeSteps.move,
        look=ChangeSteps.look_for_move,
        guards=_INTO_A_SLOT,
        attention=AttentionReason.OUT_OF_TRIES,  # it is always the first action, and only ends so
    ),
    A.BOOK_VISIT: ActionRecord(
        step=ChangeSteps.book,
        look=ChangeSteps.look_for_booking,
        undo=ChangeSteps.delete_booked,
        guards=_INTO_A_SLOT,
        attention=AttentionReason.APPOINTMENT_NOT_DELETED,
    ),
    A.CANCEL_VISIT: ActionRecord(
        step=ChangeSteps.cancel,
        look=ChangeSteps.look_for_cancellation,
        guards=_OF_THE_VISIT,
        attention=AttentionReason.VISIT_NOT_CANCELLED,
        takes_back=True,
    ),
    A.STOP_RECURRING: ActionRecord(
        step=ChangeSteps.stop_recurring, attention=AttentionReason.RECURRING_NOT_CANCELLED
    ),
    A.PAUSE_RECURRING: ActionRecord(
        step=ChangeSteps.pause_recurring,
        look=ChangeSteps.look_for_pause,
        attention=AttentionReason.MEMBERSHIP_NOT_CHANGED,
    ),
    A.RESUME_RECURRING: ActionRecord(
        step=ChangeSteps.resume_recurring,
        look=ChangeSteps.look_for_resumption,
        attention=AttentionReason.MEMBERSHIP_NOT_CHANGED,
    ),
    A.REFUND: ActionRecord(step=ChangeSteps.refund, attention=AttentionReason.REFUND_FAILED),
    A.CHARGE_FEE: ActionRecord(
        step=ChangeSteps.charge_fee,
        look=ChangeSteps.look_for_fee,
        attention=AttentionReason.FEE_NOT_CHARGED,
    ),
    A.READ_CREDIT: ActionRecord(
        step=ChangeSteps.read_credit, attention=AttentionReason.CREDIT_NOT_GIVEN_BACK
    ),
}
