"""Maps refusals of the domain to GraphQL problems; done only here."""

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from strawberry.schema.exception_handlers import ExceptionHandler

from booking import refusals
from booking.refusals import Refusal
from resolvers.changes import to_cancellation_quote, to_reschedule_quote
from resolvers.checkouts import to_end_status
from resolvers.memberships import (
    to_membership_end_quote,
    to_membership_pause_quote,
    to_membership_resume_quote,
)
from resolvers.quotes import to_quote
from schema import change_problems, memberships, problems, waitlist_results
from schema.change_problems import ChangeNotAllowedReason
from schema.checkouts import DeclineReason
from schema.problems import Problem

R = TypeVar("R", bound=Refusal)


class RefusalHandler:
    """Returns the problem for one kind of refusal, on every field whose result union has it as a member.

    On other fields the refusal stays an error, which the gateway explains.
    """

    def __init__(
        self, refusal: type[Refusal], problem: type[Problem], extras: Callable[[Any], dict[str, Any]]
    ) -> None:
        self.exception_type = refusal
        self.error_type = problem
        self._extras = extras

    def handle(self, exception: Refusal, **_: object) -> Problem:
        """The problem."""
        return self.error_type(
            code=exception.code,
            message=exception.message,
            retryable=exception.retryable,
            **self._extras(exception),
        )


def _plain(_: Refusal) -> dict[str, Any]:
    return {}


def _same(name: str) -> Callable[[Refusal], dict[str, Any]]:
    """Copy the attribute that the refusal and its problem share by name."""
    return lambda no: {name: getattr(no, name)}


def _handler(
    refusal: type[R], problem: type[Problem], extras: Callable[[R], dict[str, Any]] = _plain
) -> RefusalHandler:
    return RefusalHandler(refusal, problem, extras)


_HANDLERS = (
    _handler(refusals.SlotTaken, problems.SlotTaken),
    _handler(refusals.SlotNotOffered, problems.SlotNotOffered),
    _handler(refusals.TooLateToBook, problems.TooLateToBook, _same("bookable_until")),
    _handler(refusals.HoldExpired, problems.HoldExpired),
    _handler(refusals.HoldInCheckout, problems.HoldInCheckout),
    _handler(refusals.HoldLimitReached, problems.HoldLimitReached, _same("limit")),
    _handler(refusals.HoldCapacityReached, problems.HoldCapacityReached, _same("retry_after")),
    _handler(refusals.HoldExtensionsUsedUp, problems.HoldExtensionsUsedUp, _same("expires_at")),
    _handler(refusals.ClinicianNotBookable, problems.ClinicianNotBookable),
    _handler(refusals.PlanRequired, problems.PlanRequired),
    _handler(refusals.PlanSoldOut, problems.PlanSoldOut),
    _handler(refusals.PlanDoesNotCoverVisit, problems.PlanDoesNotCoverVisit),
    _handler(refusals.NothingDueToday, problems.NothingDueToday),
    _handler(refusals.AmountNotChargeable, problems.AmountNotChargeable),
    _handler(refusals.NoCreditLeft, problems.NoCreditLeft),
    _handler(refusals.PromoInvalid, problems.PromoInvalid, _same("reason")),
    _handler(refusals.RecurrenceNotAccepted, problems.RecurrenceNotAccepted),
    _handler(refusals.GuestDetailsRequired, problems.GuestDetailsRequired),
    _handler(
        refusals.QuoteChanged,
        problems.QuoteChanged,
        lambda no: {"quote": to_quote(no.quote), "checkout_id": no.checkout_id},
    ),
    _handler(refusals.CardRequired, problems.CardRequired),
    _handler(
        refusals.CardDeclined,
        problems.CardDeclined,
        lambda no: {"reason": DeclineReason[no.reason.name]},
    ),
    _handler(refusals.TooManyAttempts, problems.TooManyAttempts, _same("retry_after")),
    _handler(refusals.SignInRequired, problems.SignInRequired),
    _handler(refusals.EmailVerificationRequired, problems.EmailVerificationRequired),
    _handler(refusals.UnpaidVisitsUsedUp, problems.UnpaidVisitsUsedUp, _same("retry_after")),
    _handler(refusals.EmailVerificationUnavailable, problems.EmailVerificationUnavailable),
    _handler(refusals.EmailNotSent, problems.EmailNotSent),
    _handler(refusals.EmailCodeInvalid, problems.EmailCodeInvalid, _same("tries_left")),
    _handler(
        refusals.CheckoutClosed,
        problems.CheckoutClosed,
        lambda no: {"status": to_end_status(no.state)},
    ),
    _handler(refusals.PaymentInProgress, problems.PaymentInProgress),
    _handler(refusals.PaymentUnavailable, problems.PaymentUnavailable),
    _handler(refusals.TermsChanged, problems.TermsChanged),
    _handler(refusals.ChargedWrongly, problems.ChargedWrongly),
    _handler(refusals.BookingFailed, problems.BookingFailed),
    _handler(
        refusals.CancellationNotAllowed,
        change_problems.CancellationNotAllowed,
        lambda no: {"reason": ChangeNotAllowedReason[no.reason.name], "until": no.until},
    ),
    _handler(
        refusals.RescheduleNotAllowed,
        change_problems.RescheduleNotAllowed,
        lambda no: {"reason": ChangeNotAllowedReason[no.reason.name], "until": no.until},
    ),
    _handler(
        refusals.CancellationQuoteChanged,
        change_problems.CancellationQuoteChanged,
        lambda no: {"quote": to_cancellation_quote(no.quote)},
    ),
    _handler(
        refusals.RescheduleQuoteChanged,
        change_problems.RescheduleQuoteChanged,
        lambda no: {"quote": to_reschedule_quote(no.quote)},
    ),
    _handler(refusals.CancellationReasonRequired, change_problems.CancellationReasonRequired),
    _handler(refusals.ChangeInProgress, change_problems.ChangeInProgress),
    _handler(refusals.SlotDoesNotFit, change_problems.SlotDoesNotFit),
    _handler(refusals.ChangedByPractice, change_problems.ChangedByPractice),
    _handler(refusals.ChangeFailed, change_problems.ChangeFailed),
    _handler(refusals.MembershipOver, memberships.MembershipOver),
    _handler(
        refusals.MembershipQuoteChanged,
        memberships.MembershipQuoteChanged,
        lambda no: {"quote": to_membership_end_quote(no.quote)},
    ),
    _handler(
        refusals.MembershipPauseQuoteChanged,
        memberships.MembershipPauseQuoteChanged,
        lambda no: {"quote": to_membership_pause_quote(no.quote)},
    ),
    _handler(
        refusals.MembershipResumeQuoteChanged,
        memberships.MembershipResumeQuoteChanged,
        lambda no: {"quote": to_membership_resume_quote(no.quote)},
    ),
    _handler(
        refusals.MembershipChangeNotAllowed,
        memberships.MembershipChangeNotAllowed,
        lambda no: {"reason": memberships.MembershipNotAllowedReason[no.reason.name]},
    ),
    _handler(refusals.MembershipChangedByPractice, memberships.MembershipChangedByPractice),
    _handler(refusals.MembershipChangeInProgress, memberships.MembershipChangeInProgress),
    _handler(refusals.MembershipChangeFailed, memberships.MembershipChangeFailed),
    _handler(refusals.WaitlistLimitReached, waitlist_results.WaitlistLimitReached, _same("limit")),
    _handler(refusals.WaitlistFull, waitlist_results.WaitlistFull),
)

PROBLEMS: Mapping[type[Refusal], RefusalHandler] = {one.exception_type: one for one in _HANDLERS}


def refusal_handlers() -> list[ExceptionHandler[Any]]:
    """The exception handlers to register with the schema."""
    return list(PROBLEMS.values())
