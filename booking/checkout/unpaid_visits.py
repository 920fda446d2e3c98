"""Limits on visits that cost nothing, for callers who have not signed in: what they must show first, and how many they may book.

A paid visit is limited by its card. A free one takes a clinician's time and creates a patient record for anybody who fills in a
form. So it is counted before it is booked, and uncounted when it was not booked and created no record. Signed-in patients are
not limited.
"""

from collections.abc import Callable
from enum import StrEnum

from booking.checkout.attempt_limits import AttemptKind, AttemptLimiter, CountedAttempts
from booking.checkout.model import Checkout
from booking.checkout.model import CheckoutState as S
from booking.checkout.transitions import TERMINAL, WAITING, at_rest
from booking.models import Quote
from booking.principals import Caller, is_anonymous
from booking.refusals import (
    EmailVerificationRequired,
    SignInRequired,
    TooManyAttempts,
    UnpaidVisitsUsedUp,
)


class UnpaidPolicy(StrEnum):
    """What a caller who has not signed in must show before booking a visit that costs nothing."""

    OPEN = "open"  # nothing
    VERIFIED_EMAIL = "verified_email"  # that the email address is theirs, by a mailed code
    CARD = "card"  # a card, which is put on file and not charged
    SIGNED_IN = "signed_in"  # they cannot: they sign in first


class UnpaidVisits:
    """Applies the policy and the attempt limits to guests' unpaid visits, and counts new records of paid ones."""

    def __init__(self, *, policy: UnpaidPolicy, attempts: AttemptLimiter) -> None:
        self._policy = policy
        self._attempts = attempts

    def check_start(self, caller: Caller, quote: Quote) -> None:
        """Refuse a start that could never be confirmed. Raises SignInRequired."""
        unpaid = quote.due_today.is_zero and caller.principal.patient_id is None
        if unpaid and self._policy is UnpaidPolicy.SIGNED_IN:
            raise SignInRequired

    def wants_card(self, checkout: Checkout) -> bool:
        """Whether a card is required although it is not charged."""
        return self._policy is UnpaidPolicy.CARD and _is_unpaid(checkout)

    async def count(self, caller: Caller, checkout: Checkout) -> CountedAttempts:
        """Count a guest's visit that costs nothing, or, for a paid one, the patient record that is created before the payment.

        A checkout that has created its record was counted before.
        Raises SignInRequired, EmailVerificationRequired, UnpaidVisitsUsedUp, TooManyAttempts.
        """
        if not is_anonymous(checkout.owner):
            return CountedAttempts()
        if not checkout.quote.due_today.is_zero:
            return await self._count(AttemptKind.NEW_RECORD, caller, checkout, was_none=no_record_unpaid)
        if self._policy is UnpaidPolicy.SIGNED_IN:
            raise SignInRequired
        if self._policy is UnpaidPolicy.VERIFIED_EMAIL and checkout.email_verified_at is None:
            raise EmailVerificationRequired
        try:
            return await self._count(AttemptKind.UNPAID_VISIT, caller, checkout, was_none=came_to_nothing)
        except TooManyAttempts as refused:
            raise UnpaidVisitsUsedUp(refused.retry_after) from refused

    async def _count(
        self, what: AttemptKind, caller: Caller, checkout: Checkout, *, was_none: Callable[[Checkout], bool]
    ) -> CountedAttempts:
        if checkout.patient_created:
            return CountedAttempts()
        attempt = await self._attempts.begin(
            what,
            names={checkout.owner, checkout.started_by},
            client=caller.client,
            signed_in=False,
            day=f"{checkout.clinician_id} {checkout.slot.day}" if checkout.slot is not None else None,
        )
        return CountedAttempts().also(attempt, was_none)


def _is_unpaid(checkout: Checkout) -> bool:
    return checkout.quote.due_today.is_zero and is_anonymous(checkout.owner)


def came_to_nothing(checkout: Checkout) -> bool:
    """Whether a confirmed checkout certainly led to neither a visit nor a new patient record."""
    if checkout.patient_created or not at_rest(checkout):
        return False
    return checkout.state in WAITING or checkout.stands in TERMINAL - {S.CONFIRMED}


def no_record_unpaid(checkout: Checkout) -> bool:
    """Whether a confirmed checkout created no record, or was paid, or its outcome is unknown, which no caller can cause."""
    return not checkout.patient_created or checkout.charge is not None or not at_rest(checkout)
