"""Refusals that concern a membership: the recurring payment of a plan."""

from booking.change_quotes import MembershipEndQuote
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


class MembershipChangeInProgress(Refusal):
    """Another change of the same membership is under way."""

    code = "MEMBERSHIP_CHANGE_IN_PROGRESS"
    message = "This membership is being changed at this moment. Please look again in a moment."
    retryable = True


class MembershipChangeFailed(Refusal):
    """The practice's books refused the change. The membership goes on as it was."""

    code = "MEMBERSHIP_CHANGE_FAILED"
    message = "The membership could not be changed. It goes on as it was. Please contact the practice."
