"""A requested change of a visit or a membership: one row, with the actions that the patient accepted and how far they have come.

A change is its actions, in order. They are chosen and frozen when the patient accepts a quote, and carried out one after
another by a driver (changes/driver.py): the intent of an action is committed, then it is sent, then its outcome is
committed. An action that was intended by another driver is looked up before it is sent again.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Any, Self

from booking.money import Money
from booking.slots import Slot
from booking.stored_names import Unknown


class ChangeKind(StrEnum):
    """What the patient asked for."""

    CANCELLATION = "cancellation"
    RESCHEDULE = "reschedule"
    MEMBERSHIP_END = "membership_end"
    MEMBERSHIP_PAUSE = "membership_pause"
    MEMBERSHIP_RESUME = "membership_resume"


class SubjectKind(StrEnum):
    """What a change is about. At most one change of a subject is under way at a time."""

    VISIT = "visit"
    MEMBERSHIP = "membership"


@dataclass(frozen=True, kw_only=True)
class Subject:
    """What a change is about."""

    kind: SubjectKind
    id: str


class ChangeState(StrEnum):
    """Where a change stands."""

    OPEN = "open"  # a driver carries its actions out
    DONE = "done"  # every action is done
    REFUSED = "refused"  # upstream refused the first action; nothing was changed
    SUPERSEDED = "superseded"  # the practice had changed the subject; nothing was changed by us
    NEEDS_ATTENTION = "needs_attention"  # some actions are done, and one cannot be; a person looks after it


class ActionKind(StrEnum):
    """What an action does in the system of record."""

    MOVE_VISIT = "move_visit"  # to the new slot, with the same clinician
    BOOK_VISIT = "book_visit"  # a new visit in the new slot, with another clinician
    CANCEL_VISIT = "cancel_visit"
    STOP_RECURRING = (
        "stop_recurring"  # ends the later payments of the membership, or of the plan that paid the visit
    )
    PAUSE_RECURRING = "pause_recurring"  # the membership bills nothing until it is resumed
    RESUME_RECURRING = "resume_recurring"  # the membership bills on; `amount` is the next payment's
    REFUND = "refund"
    CHARGE_FEE = "charge_fee"
    READ_CREDIT = (
        "read_credit"  # reads in the ledger whether the visit's credit was given back; changes nothing
    )


class ActionState(StrEnum):
    """How far an action has come."""

    PENDING = "pending"
    INTENDED = "intended"  # committed before it is sent: whoever finds it assumes that it was sent
    DONE = "done"  # and read back
    FAILED = "failed"  # certainly not done, and not going to be
    UNDO_INTENDED = "undo_intended"  # it was done, and is being undone, since a later one was refused
    UNDONE = "undone"


class ChangeEndReason(StrEnum):
    """Why a change was not carried out."""

    SLOT_TAKEN = "slot_taken"  # somebody else has the new slot
    CHANGED_BY_PRACTICE = "changed_by_practice"
    CLINICIAN_NOT_BOOKABLE = "clinician_not_bookable"
    REFUSED_UPSTREAM = "refused_upstream"
    TOO_LATE = "too_late"  # the visit begun before the change could be made
    PROVIDER_MISMATCH = "provider_mismatch"


@dataclass(frozen=True, kw_only=True)
class Action:
    """One action of a change."""

    kind: ActionKind | Unknown
    state: ActionState = ActionState.PENDING
    amount: Money | None = None  # of a refund, a fee or a next payment, as accepted
    intended_at: datetime | None = None  # UTC; when the intent was first committed
    ended_at: datetime | None = None  # UTC; when its outcome was committed
    result: Mapping[str, str] = field(
        default_factory=dict
    )  # ids and times that upstream answered, or that were accepted; no patient data


@dataclass(frozen=True, kw_only=True)
class RequestedChange:
    """One change that a patient accepted: a row. Every write of it increments `version` (optimistic locking)."""

    id: str
    version: int = 0
    kind: ChangeKind | Unknown
    state: ChangeState | Unknown = ChangeState.OPEN
    owner: str  # Principal.key of who asked for it: the patient, the guest of the checkout, or staff
    by_staff: bool = False  # staff asked for it, and were not bound by the policy
    patient_id: str
    # Of a visit: as it was when the quote was accepted. One that is not so any more was changed by the practice.
    appointment_id: str | None = None
    slot: Slot | None = None
    membership_id: str | None = None  # of a membership: the recurring payment
    new_slot: Slot | None = None  # of a reschedule
    hold_id: str | None = None  # on the new slot
    time_zone: str  # IANA, the patient's
    checkout_id: str | None  # that booked the visit; None: the practice did, or it is no change of a visit
    quote_id: str  # that was accepted
    reason: str | None = field(default=None, repr=False)  # the patient's words. Sealed; cleared at the end.
    reason_id: str | None = None  # of the practice's list
    # Staff's: why they set the policy aside. Kept, and sealed as the reason is.
    note: str | None = field(default=None, repr=False)
    # It is cancelled at the status for which the practice's system charges its late fee itself.
    late: bool = False
    # The charge that is refunded, and what the card of a fee is.
    payment_id: str | None = None
    charge_id: str | None = None
    card_id: str | None = None
    charged_by: str | None = None  # the clinician whose key made the charge
    refunded_before: Money | None = None  # of the payment, when the quote was accepted
    recurring_payment_id: str | None = None
    actions: tuple[Action, ...]
    new_appointment_id: str | None = None  # that BOOK_VISIT booked
    end_reason: ChangeEndReason | Unknown | None = None
    attention: tuple[str, ...] = ()
    tries: int = 0
    lease_owner: str | None = None
    lease_until: datetime | None = None  # UTC
    due_at: datetime | None = (
        None  # UTC; when a worker takes the row up, also right after its end; None: never
    )
    created_at: datetime  # UTC
    updated_at: datetime  # UTC
    ended_at: datetime | None = None  # UTC

    @property
    def subject(self) -> Subject:
        """What the change is about. Raises AssertionError for a row of a newer release that is about something else."""
        if self.appointment_id is not None:
            return Subject(kind=SubjectKind.VISIT, id=self.appointment_id)
        if self.membership_id is not None:
            return Subject(kind=SubjectKind.MEMBERSHIP, id=self.membership_id)
        raise AssertionError("a change that this version knows is of a visit or a membership")

    @property
    def visit_id(self) -> str:
        """The visit that is changed. Raises AssertionError for a change of something else."""
        if self.appointment_id is None:
            raise AssertionError("only a change of a visit has a visit")
        return self.appointment_id

    @property
    def visit_slot(self) -> Slot:
        """The time of the visit that is changed, as `slot`. Raises AssertionError for a change of something else."""
        if self.slot is None:
            raise AssertionError("only a change of a visit has a time")
        return self.slot

    @property
    def at(self) -> int | None:
        """The index of the action that a driver works on: one that is being undone, else the first that is not done.

        None when all are done, or one has failed.
        """
        states = [action.state for action in self.actions]
        if ActionState.UNDO_INTENDED in states:
            return states.index(ActionState.UNDO_INTENDED)
        if ActionState.FAILED in states:
            return None
        return next((n for n, state in enumerate(states) if state is not ActionState.DONE), None)

    @property
    def begun(self) -> bool:
        """Whether an action is done: from then on the change is finished, or a person looks after it."""
        return any(action.state is ActionState.DONE for action in self.actions)

    @property
    def ended(self) -> bool:
        """Whether no driver works on it again by itself; a newer release's state is not known to have ended."""
        return self.state in {ChangeState.DONE, ChangeState.REFUSED, ChangeState.SUPERSEDED}

    @property
    def moved_to(self) -> Slot | None:
        """The new slot, once the visit has been moved or booked into it; else None."""
        return self.new_slot if self.state is ChangeState.DONE else None

    def upstream_key(self, index: int) -> str:
        """The idempotency key, upstream, of an action that moves money."""
        return f"{self.id}-{index}"

    def action(self, kind: ActionKind) -> Action | None:
        """The action of this kind, if the change has one."""
        return next((action for action in self.actions if action.kind is kind), None)

    def with_action(self, index: int, **changes: Any) -> Self:
        """Return a copy with these values of one action."""
        action = replace(self.actions[index], **changes)
        return replace(self, actions=(*self.actions[:index], action, *self.actions[index + 1 :]))

    def changed(self, **changes: Any) -> Self:
        """Return a copy with these values; replace() checks the names."""
        return replace(self, **changes)
