"""Refusals that concern a membership: the recurring payment of a plan."""

from enum import StrEnum

from booking.change_quotes import MembershipEndQuote, MembershipPauseQuote, MembershipResumeQuote
from booking.refusals.base import Refusal


class MembershipOver(Refusal):
    """The membership has ended, or was paid for the last time: nothing is left to end."""

    code = "MEMBERSHIP_OVER"
    message = "This membership has ended already. Nothing more is charged for it."


class MembershipQuoteChanged(Refusal):
    """The membership is not as it was when it was quoted; carries the present quote. Nothing was done."""

    code = "MEMBERSHIP_QUOTE_CHANGED"
    message = "This membership has changed. Please look at it again. Nothing was done."

    def __init__(self, quote: MembershipEndQuote) -> None:
        super().__init__()
        self.quote = quote


class MembershipPauseQuoteChanged(Refusal):
    """Pausing the membership does something else by now than what was accepted; carries the present quote. Nothing was done."""

    code = "MEMBERSHIP_PAUSE_QUOTE_CHANGED"
    message = "This membership has changed. Please look at it again. Nothing was done."

    def __init__(self, quote: MembershipPauseQuote) -> None:
        super().__init__()
        self.quote = quote


class MembershipResumeQuoteChanged(Refusal):
    """Resuming the membership does something else by now than what was accepted; carries the present quote. Nothing was done."""

    code = "MEMBERSHIP_RESUME_QUOTE_CHANGED"
    message = "This membership has changed. Please look at it again. Nothing was done."

    def __init__(self, quote: MembershipResumeQuote) -> None:
        super().__init__()
        self.quote = quote


class MembershipNotAllowedReason(StrEnum):
    """Why a membership may not be paused or resumed here."""

    NOT_ONLINE = "not_online"  # the practice does not let its patients pause
    PAUSED_TOO_OFTEN = "paused_too_often"
    PAUSED_ALREADY = "paused_already"
    NOT_PAUSED = "not_paused"
    PAUSED_BY_PRACTICE = "paused_by_practice"  # only the practice ends its own pause
    NEXT_PAYMENT_UNKNOWN = "next_payment_unknown"  # upstream does not say when it would bill


_NOT_ALLOWED = {
    MembershipNotAllowedReason.NOT_ONLINE: "This membership cannot be paused online. Please contact the practice.",
    MembershipNotAllowedReason.PAUSED_TOO_OFTEN: "This membership was paused as often as it may be. Please contact the practice.",
    MembershipNotAllowedReason.PAUSED_ALREADY: "This membership is paused already.",
    MembershipNotAllowedReason.NOT_PAUSED: "This membership is not paused.",
    MembershipNotAllowedReason.PAUSED_BY_PRACTICE: "The practice paused this membership. Please contact the practice.",
    MembershipNotAllowedReason.NEXT_PAYMENT_UNKNOWN: "It is not known when this membership would be paid next. Please contact the practice.",
}


class MembershipChangeNotAllowed(Refusal):
    """The membership may not be paused, or not be resumed, here."""

    code = "MEMBERSHIP_CHANGE_NOT_ALLOWED"

    def __init__(self, reason: MembershipNotAllowedReason) -> None:
        super().__init__(_NOT_ALLOWED[reason])
        self.reason = reason


class MembershipChangedByPractice(Refusal):
    """The practice changed the membership right before this change could be made. Nothing was done by us."""

    code = "MEMBERSHIP_CHANGED_BY_PRACTICE"
    message = "The practice has changed this membership. Please look at it again. Nothing was done."


class MembershipChangeInProgress(Refusal):
    """Another change of the same membership is under way."""

    code = "MEMBERSHIP_CHANGE_IN_PROGRESS"
    message = "This membership is being changed at this moment. Please look again in a moment."
    retryable = True


class MembershipChangeFailed(Refusal):
    """The practice's books refused the change. The membership goes on as it was."""

    code = "MEMBERSHIP_CHANGE_FAILED"
    message = "The membership could not be changed. It goes on as it was. Please contact the practice."
