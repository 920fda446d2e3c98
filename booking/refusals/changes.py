"""Refusals that concern a booked visit: cancelling it, or moving it to another time."""

from datetime import datetime
from enum import StrEnum

from booking.changes.quotes import CancellationQuote, RescheduleQuote
from booking.refusals.base import Refusal


class NotAllowedReason(StrEnum):
    """Why a visit may not be cancelled or moved here."""

    NOT_ONLINE = "not_online"  # the practice does not let its patients do it
    TOO_LATE = "too_late"  # the practice's notice has passed
    OVER = "over"  # it is cancelled, missed, completed or begun
    MOVED_TOO_OFTEN = "moved_too_often"
    NOT_SINGLE = "not_single"  # a group's visit, or one of a series


class CancellationNotAllowed(Refusal):
    """The visit may not be cancelled here; `until` is when it last could be (UTC), `message` may be the practice's own."""

    code = "CANCELLATION_NOT_ALLOWED"

    def __init__(
        self, reason: NotAllowedReason, *, until: datetime | None = None, message: str | None = None
    ) -> None:
        super().__init__(message or _CANCELLATION[reason])
        self.reason = reason
        self.until = until


class RescheduleNotAllowed(Refusal):
    """The visit may not be moved here; `until` is when it last could be (UTC), `message` may be the practice's own."""

    code = "RESCHEDULE_NOT_ALLOWED"

    def __init__(
        self, reason: NotAllowedReason, *, until: datetime | None = None, message: str | None = None
    ) -> None:
        super().__init__(message or _RESCHEDULE[reason])
        self.reason = reason
        self.until = until


_CANCELLATION = {
    NotAllowedReason.NOT_ONLINE: "This visit cannot be cancelled online. Please contact the practice.",
    NotAllowedReason.TOO_LATE: "It is too late to cancel this visit online. Please contact the practice.",
    NotAllowedReason.OVER: "This visit is over, or cancelled already.",
    NotAllowedReason.MOVED_TOO_OFTEN: "This visit cannot be cancelled online. Please contact the practice.",
    NotAllowedReason.NOT_SINGLE: "This visit is one of a group or a series. Please contact the practice.",
}
_RESCHEDULE = {
    NotAllowedReason.NOT_ONLINE: "This visit cannot be moved online. Please contact the practice.",
    NotAllowedReason.TOO_LATE: "It is too late to move this visit online. Please contact the practice.",
    NotAllowedReason.OVER: "This visit is over, or cancelled already.",
    NotAllowedReason.MOVED_TOO_OFTEN: "This visit was moved as often as it may be. Please contact the practice.",
    NotAllowedReason.NOT_SINGLE: "This visit is one of a group or a series. Please contact the practice.",
}


class CancellationQuoteChanged(Refusal):
    """Cancelling does something else by now than what was accepted; carries the present quote. Nothing was done."""

    code = "CANCELLATION_QUOTE_CHANGED"
    message = "What cancelling this visit means has changed. Please look at it again. Nothing was done."

    def __init__(self, quote: CancellationQuote) -> None:
        super().__init__()
        self.quote = quote


class RescheduleQuoteChanged(Refusal):
    """The terms of moving the visit, or the visit itself, have changed; carries the present quote. Nothing was done."""

    code = "RESCHEDULE_QUOTE_CHANGED"
    message = "This visit, or how it may be moved, has changed. Please look at it again. Nothing was done."

    def __init__(self, quote: RescheduleQuote) -> None:
        super().__init__()
        self.quote = quote


class CancellationReasonRequired(Refusal):
    """The practice asks for a reason of every cancellation."""

    code = "CANCELLATION_REASON_REQUIRED"
    message = "Please say why you cancel."


class ChangeInProgress(Refusal):
    """Another change of the same visit is under way."""

    code = "CHANGE_IN_PROGRESS"
    message = "This visit is being changed at this moment. Please look again in a moment."
    retryable = True


class SlotDoesNotFit(Refusal):
    """The held slot is for another type of visit, or with a clinician whom the visit may not be moved to."""

    code = "SLOT_DOES_NOT_FIT"
    message = "This time does not fit your visit. Please choose one of the same kind."


class ChangedByPractice(Refusal):
    """The practice changed the visit while the patient did. Its change stands, and nothing else was done."""

    code = "CHANGED_BY_PRACTICE"
    message = "The practice has just changed this visit. Please look at it again. Nothing else was done."


class ChangeFailed(Refusal):
    """The practice's books refused the change. The visit stands as it was."""

    code = "CHANGE_FAILED"
    message = "The visit could not be changed. It stands as it was. Please contact the practice."
