"""What queries and mutations about changes of a booked visit answer: a success or a problem, in named unions."""

from typing import Annotated

import strawberry
from strawberry import field

from schema.change_problems import (
    CancellationNotAllowed,
    CancellationQuoteChanged,
    CancellationReasonRequired,
    ChangedByPractice,
    ChangeFailed,
    ChangeInProgress,
    RescheduleNotAllowed,
    RescheduleQuoteChanged,
    SlotDoesNotFit,
)
from schema.changes import AppointmentChange, CancellationQuote, RescheduleQuote
from schema.permissions import reached
from schema.problems import ClinicianNotBookable, HoldExpired, HoldInCheckout, SlotTaken, TooLateToBook


@reached
@strawberry.type(description="The visit can be cancelled.")
class CancellationQuoteSuccess:
    """A quote of a cancellation."""

    quote: CancellationQuote = field(description="What cancelling does now.")


@reached
@strawberry.type(description="The visit can be moved.")
class RescheduleQuoteSuccess:
    """A quote of a reschedule."""

    quote: RescheduleQuote = field(description="What moving means now.")


@reached
@strawberry.type(description="The visit is cancelled, and all that the quote said is done.")
class CancelAppointmentSuccess:
    """A cancelled visit."""

    change: AppointmentChange = field(description="What was done, with the visit as it stands now.")


@reached
@strawberry.type(description="The visit is at its new time, and the old time is free.")
class RescheduleAppointmentSuccess:
    """A moved visit."""

    change: AppointmentChange = field(description="What was done, with the visit as it stands now.")


@reached
@strawberry.type(
    description="The outcome is not known yet, or a person of the practice looks after it (`change.status` says which). Send the same request with "
    "the same idempotency key again, or look with the query `appointmentChange`; nothing is done twice."
)
class AppointmentChangeProcessing:
    """A change that is not finished at the deadline of the request."""

    change: AppointmentChange = field(description="The change as it stands.")


CancellationQuoteResult = Annotated[
    CancellationQuoteSuccess | CancellationNotAllowed | ChangeInProgress,
    strawberry.union(
        "CancellationQuoteResult", description="What cancelling a visit does, or why it is not possible here."
    ),
]

RescheduleQuoteResult = Annotated[
    RescheduleQuoteSuccess | RescheduleNotAllowed | ChangeInProgress,
    strawberry.union(
        "RescheduleQuoteResult", description="What moving a visit means, or why it is not possible here."
    ),
]

CancelAppointmentResult = Annotated[
    CancelAppointmentSuccess
    | AppointmentChangeProcessing
    | CancellationQuoteChanged
    | CancellationReasonRequired
    | CancellationNotAllowed
    | ClinicianNotBookable
    | ChangeInProgress
    | ChangedByPractice
    | ChangeFailed,
    strawberry.union(
        "CancelAppointmentResult", description="A cancelled visit, or why it was not cancelled."
    ),
]

RescheduleAppointmentResult = Annotated[
    RescheduleAppointmentSuccess
    | AppointmentChangeProcessing
    | RescheduleQuoteChanged
    | RescheduleNotAllowed
    | HoldExpired
    | HoldInCheckout
    | SlotDoesNotFit
    | SlotTaken
    | TooLateToBook
    | ClinicianNotBookable
    | ChangeInProgress
    | ChangedByPractice
    | ChangeFailed,
    strawberry.union("RescheduleAppointmentResult", description="A moved visit, or why it was not moved."),
]
