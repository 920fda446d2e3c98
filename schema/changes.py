"""GraphQL types of changes after the booking: quotes of cancelling and moving a visit, and what became of one."""

from collections.abc import Awaitable, Callable
from datetime import datetime
from enum import Enum

import strawberry
from strawberry import enum_value, field

from schema.appointments import Appointment
from schema.fields import computed
from schema.money import Money
from schema.permissions import reached
from schema.slots import Slot


@strawberry.enum(description="Who takes the fee of a late cancellation.")
class FeeMethod(Enum):
    """`booking.change_quotes.FeeMethod`, with descriptions."""

    CHARGED = enum_value("charged", description="It is charged at once, to the card that paid the visit.")
    BY_PRACTICE = enum_value("by_practice", description="The practice charges it itself, afterwards.")


@reached
@strawberry.type(description="What a late cancellation costs.")
class LateFee:
    """`booking.change_quotes.Fee`."""

    amount: Money = field(description="How much.")
    method: FeeMethod = field(description="Who takes it.")


@strawberry.enum(description="What becomes of the plan's credit that paid a visit.")
class CreditOutcome(Enum):
    """`booking.change_quotes.CreditOutcome`, with descriptions."""

    GIVEN_BACK = enum_value("given_back", description="It can be used for another visit.")
    LOST = enum_value("lost", description="It is used up.")


@reached
@strawberry.type(
    description="What cancelling a visit does now. Nothing else is done when its id is accepted: "
    "if it has changed by then, `cancelAppointment` answers `CancellationQuoteChanged`."
)
class CancellationQuote:
    """`booking.change_quotes.CancellationQuote`. Its times are in UTC, so that one id has one content."""

    id: strawberry.ID = field(description="Names the visit and these terms; `cancelAppointment` takes it.")
    appointment_id: strawberry.ID = field(description="The visit.")
    start: datetime = field(description="When the visit starts, as it is booked now (UTC).")
    late: bool = field(
        description="Whether there is less notice than the practice asks for, so that it counts as a late cancellation."
    )
    free_until: datetime | None = field(
        description="Until when cancelling costs nothing (UTC); null: it costs something at any time, or never does."
    )
    refund: Money | None = field(
        description="What is given back to the card; null: nothing. A visit that was not paid here is settled by the practice."
    )
    kept: Money | None = field(
        description="What the practice keeps of the payment; null: nothing, or nothing was paid here."
    )
    fee: LateFee | None = field(description="What cancelling costs besides; null: nothing.")
    credit: CreditOutcome | None = field(
        description="What becomes of the credit of a plan; null: none was used for the visit."
    )
    stops_recurring: bool = field(
        description="Whether the later payments of the plan that paid the visit end with it."
    )
    reason_required: bool = field(description="Whether `cancelAppointment` needs a `reason` or a `reasonId`.")


@reached
@strawberry.type(
    description="What moving a visit to another time means now. Moving charges nothing, and gives nothing back. "
    "If it has changed when its id is accepted, `rescheduleAppointment` answers `RescheduleQuoteChanged`."
)
class RescheduleQuote:
    """`booking.change_quotes.RescheduleQuote`. Its times are in UTC, so that one id has one content."""

    id: strawberry.ID = field(
        description="Names the visit and these terms; `rescheduleAppointment` takes it."
    )
    appointment_id: strawberry.ID = field(description="The visit.")
    start: datetime = field(description="When the visit starts, as it is booked now (UTC).")
    until: datetime = field(description="Until when it may be moved (UTC).")
    moves_left: int | None = field(
        description="How often it may be moved, this time included; null: any number."
    )
    clinician_id: strawberry.ID = field(description="With whom it is booked.")
    other_clinicians: bool = field(
        description="Whether the new time may be another clinician's. Then the visit gets a new id."
    )
    visit_type_id: strawberry.ID = field(description="The kind of visit, which the new time must be for.")


@reached
@strawberry.type(description="One of the practice's reasons for a cancellation by a patient.")
class CancellationReason:
    """`booking.changes.visit.CancellationReasonOption`."""

    id: strawberry.ID = field(description="Names the reason; `cancelAppointment` takes it as `reasonId`.")
    text: str = field(description="The practice's words.")


@strawberry.enum(description="What was asked for.")
class AppointmentChangeKind(Enum):
    """`booking.changes.model.ChangeKind`, with descriptions."""

    CANCELLATION = enum_value("cancellation", description="To cancel a visit.")
    RESCHEDULE = enum_value("reschedule", description="To move a visit to another time.")


@strawberry.enum(description="Where a change stands.")
class AppointmentChangeStatus(Enum):
    """`booking.changes.model.ChangeState` as its patient sees it."""

    PROCESSING = enum_value("processing", description="It is under way.")
    DONE = enum_value("done", description="All of it is done.")
    REFUSED = enum_value("refused", description="It was not possible, and the visit stands as it was.")
    SUPERSEDED = enum_value(
        "superseded",
        description="The practice changed the visit meanwhile; its change stands, and nothing else was done.",
    )
    NEEDS_ATTENTION = enum_value(
        "needs_attention",
        description="A part of it is done. The practice finishes the rest by hand, and gets in touch.",
    )


@strawberry.enum(description="Why a change was not made.")
class AppointmentChangeEndReason(Enum):
    """`booking.changes.model.ChangeEndReason`, with descriptions."""

    SLOT_TAKEN = enum_value("slot_taken", description="Somebody else has the new time.")
    CHANGED_BY_PRACTICE = enum_value(
        "changed_by_practice", description="The practice changed the visit meanwhile."
    )
    CLINICIAN_NOT_BOOKABLE = enum_value(
        "clinician_not_bookable", description="The clinician cannot be booked online at the moment."
    )
    REFUSED_UPSTREAM = enum_value("refused_upstream", description="The practice's books refused it.")
    TOO_LATE = enum_value("too_late", description="The visit had begun by then.")
    PROVIDER_MISMATCH = enum_value(
        "provider_mismatch", description="The books would have had it with another clinician than was chosen."
    )


@reached
@strawberry.type(description="One cancelling or moving of a visit, and what came of it.")
class AppointmentChange:
    """`booking.changes.model.RequestedChange`; the visit is read from the practice's books when it is selected."""

    id: strawberry.ID = field(description="Names the change.")
    kind: AppointmentChangeKind = field(description="What was asked for.")
    status: AppointmentChangeStatus = field(description="Where it stands.")
    end_reason: AppointmentChangeEndReason | None = field(description="Why it was not made, if it was not.")
    slot: Slot = field(description="The time of the visit before the change.")
    new_slot: Slot | None = field(description="The time that a visit is moved to; null for a cancellation.")
    appointment_id: strawberry.ID = field(
        description="The visit; once it was moved to another clinician, the new visit."
    )
    refunded: Money | None = field(description="What was given back to the card so far; null: nothing.")
    fee: Money | None = field(
        description="What was charged for cancelling late so far; null: nothing was charged here."
    )
    credit_given_back: bool = field(
        description="Whether the practice's ledger shows that the plan's credit which paid the visit was given back."
    )
    recurring_stopped: bool = field(
        description="Whether later payments of the plan that paid the visit were ended."
    )
    requested_at: datetime = field(description="When it was asked for (UTC).")
    load_appointment: strawberry.Private[Callable[[], Awaitable[Appointment | None]]]

    @computed(
        description="The visit as it stands now in the practice's books; null when they cannot be read at the moment."
    )
    async def appointment(self) -> Appointment | None:
        """The visit."""
        return await self.load_appointment()
