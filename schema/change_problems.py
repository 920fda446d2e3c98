"""Problems of cancelling and moving a booked visit, one type for each refusal of `booking/refusals/changes.py`."""

from datetime import datetime
from enum import Enum

import strawberry
from strawberry import enum_value, field

from schema.changes import CancellationQuote, RescheduleQuote
from schema.problems import Problem


@strawberry.enum(description="Why a visit may not be cancelled or moved here.")
class ChangeNotAllowedReason(Enum):
    """`booking.refusals.NotAllowedReason`, with descriptions."""

    NOT_ONLINE = enum_value(
        "not_online", description="The practice does not let its patients do it: contact the practice."
    )
    TOO_LATE = enum_value("too_late", description="The practice's notice has passed: contact the practice.")
    OVER = enum_value(
        "over", description="The visit is cancelled, has begun or is over: there is nothing to change."
    )
    MOVED_TOO_OFTEN = enum_value(
        "moved_too_often",
        description="It was moved as often as it may be: cancel it, or contact the practice.",
    )
    NOT_SINGLE = enum_value(
        "not_single", description="It is a group's visit, or one of a series: contact the practice."
    )


@strawberry.type(
    description="The visit cannot be cancelled here. Nothing was done. `message` may be the practice's own words."
)
class CancellationNotAllowed(Problem):
    """`booking.refusals.CancellationNotAllowed`."""

    reason: ChangeNotAllowedReason = field(description="Why, and what the patient can do.")
    until: datetime | None = field(
        description="Until when it could be cancelled (UTC), if there was such a time."
    )


@strawberry.type(
    description="The visit cannot be moved here. Nothing was done. `message` may be the practice's own words."
)
class RescheduleNotAllowed(Problem):
    """`booking.refusals.RescheduleNotAllowed`."""

    reason: ChangeNotAllowedReason = field(description="Why, and what the patient can do.")
    until: datetime | None = field(
        description="Until when it could be moved (UTC), if there was such a time."
    )


@strawberry.type(
    description="Cancelling does something else by now than what was accepted; nothing was done. Show the present quote, and accept that with a new key."
)
class CancellationQuoteChanged(Problem):
    """`booking.refusals.CancellationQuoteChanged`."""

    quote: CancellationQuote = field(description="What cancelling does now.")


@strawberry.type(
    description="The visit, or how it may be moved, has changed since it was quoted; nothing was done, and the new time stays held. "
    "Show the present quote, and accept that with a new key."
)
class RescheduleQuoteChanged(Problem):
    """`booking.refusals.RescheduleQuoteChanged`."""

    quote: RescheduleQuote = field(description="What moving means now.")


@strawberry.type(
    description="The practice wants to know why; nothing was done. Ask for a reason (`cancellationReasons`), and send it with a new key."
)
class CancellationReasonRequired(Problem):
    """`booking.refusals.CancellationReasonRequired`."""


@strawberry.type(
    description="The visit is being cancelled or moved at this moment, on other terms, from another window for example; this request did nothing. "
    "Look at the visit again in a moment."
)
class ChangeInProgress(Problem):
    """`booking.refusals.ChangeInProgress`."""


@strawberry.type(
    description="The held time is for another kind of visit, or with a clinician whom this visit may not be moved to; nothing was done. "
    "Hold one that fits the quote."
)
class SlotDoesNotFit(Problem):
    """`booking.refusals.SlotDoesNotFit`."""


@strawberry.type(
    description="The practice changed the visit at the same time; its change stands, and nothing else was done. Show the visit again."
)
class ChangedByPractice(Problem):
    """`booking.refusals.ChangedByPractice`."""


@strawberry.type(
    description="The practice's books refused the change. The visit stands as it was; contact the practice."
)
class ChangeFailed(Problem):
    """`booking.refusals.ChangeFailed`."""
