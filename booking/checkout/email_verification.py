"""Email verification: a guest proves that an email address is theirs by a one-time code that is mailed to it.

Only the mail holds the code: the row keeps a keyed digest, bound to the checkout and the address. A code is sent to any
address that a guest gave, whether the practice knows it or not, so that the answer tells nobody who is a patient.
"""

import secrets
from collections.abc import Callable
from datetime import datetime, timedelta
from hmac import compare_digest
from typing import Protocol

from booking.checkout.access import CheckoutAccess
from booking.checkout.attempt_limits import AttemptKind, AttemptLimiter
from booking.checkout.model import Checkout
from booking.checkout.model import CheckoutState as S
from booking.checkout.transitions import ENDED, at_rest
from booking.errors import StaleCheckout
from booking.models import EmailCode
from booking.operations.model import HistoryKind
from booking.ports import Clock
from booking.principals import Caller
from booking.refusals import (
    CheckoutClosed,
    EmailCodeInvalid,
    EmailNotSent,
    EmailVerificationUnavailable,
)
from booking.unit_of_work import UnitOfWorkFactory

# NIST SP 800-63B, 5.1.3.2: an out-of-band secret that is typed in has at least six decimal digits and is valid for at
# most ten minutes.
DIGITS = 6
GOOD_FOR = timedelta(minutes=10)

# Guesses for each code: with five codes an hour for an address (docs/rates.md), 25 guesses at one in a million.
TRIES = 5


class CodeSender(Protocol):
    """Sends codes by the practice's mail server."""

    async def send(self, email: str, code: str, *, good_for: timedelta) -> None:
        """Mail the code; the mail contains nothing else that a caller typed. Raises EmailNotSent."""


class EmailVerification:
    """Sends codes to guests and verifies them."""

    def __init__(
        self,
        *,
        sender: CodeSender | None,
        units: UnitOfWorkFactory,
        clock: Clock,
        attempts: AttemptLimiter,
        digest: Callable[[str], str],
    ) -> None:
        """`sender` None: the practice does not verify email addresses. `digest` is keyed and deterministic (HMAC)."""
        self._sender = sender
        self._access = CheckoutAccess(units=units, clock=clock)
        self._clock = clock
        self._attempts = attempts
        self._digest = digest

    async def request(self, caller: Caller, checkout_id: str) -> Checkout:
        """Send a new code to the checkout's guest, which replaces the former one; nothing if the address is verified.

        Raises NotFound; EmailVerificationUnavailable, CheckoutClosed; TooManyAttempts for the checkout, the principal
        that started it, the email address or the network; EmailNotSent, which is not counted.
        """
        checkout = await self._open_checkout(caller, checkout_id)
        if checkout.email_verified_at is not None:
            return checkout
        if self._sender is None:
            raise EmailVerificationUnavailable
        attempt = await self._attempts.begin(
            AttemptKind.EMAIL_CODE,
            names={checkout.owner, checkout.started_by, f"email:{self._digest(_address(checkout))}"},
            client=caller.client,
            signed_in=False,
        )
        code = f"{secrets.randbelow(10**DIGITS):0{DIGITS}}"
        try:
            kept = await self._store_code(caller, checkout, code)
            await self._sender.send(_email(kept), code, good_for=GOOD_FOR)
        except (EmailNotSent, EmailVerificationUnavailable, CheckoutClosed):
            await attempt.uncount()
            raise
        return kept

    async def verify(self, caller: Caller, checkout_id: str, code: str) -> Checkout:
        """Verify the email address by its code. A wrong try is counted on the row before the caller learns that it was wrong.

        Raises NotFound; EmailVerificationUnavailable, CheckoutClosed; EmailCodeInvalid for a wrong, a replaced and an
        expired code alike.
        """
        while True:
            checkout = await self._open_checkout(caller, checkout_id)
            if checkout.email_verified_at is not None:
                return checkout
            if self._sender is None:
                raise EmailVerificationUnavailable
            sent, now = checkout.email_code, self._clock.now()
            if sent is None or now >= sent.expires_at or sent.tries >= TRIES:
                raise EmailCodeInvalid(tries_left=0)
            right = compare_digest(sent.digest, self._digest_of(checkout, code))
            tried = EmailCode(digest=sent.digest, expires_at=sent.expires_at, tries=sent.tries + 1)
            try:
                if right:
                    return await self._save_verified(checkout, now)
                wrong = checkout.changed(email_code=tried, updated_at=now)
                await self._access.save(checkout, wrong, HistoryKind.EMAIL_CODE_WRONG)
            except StaleCheckout:  # another try, or the checkout's progress, was written first: start over
                continue
            raise EmailCodeInvalid(tries_left=TRIES - tried.tries)

    async def _save_verified(self, checkout: Checkout, now: datetime) -> Checkout:
        verified = checkout.changed(email_code=None, email_verified_at=now, updated_at=now)
        return await self._access.save(checkout, verified, HistoryKind.EMAIL_VERIFIED)

    async def _store_code(self, caller: Caller, checkout: Checkout, code: str) -> Checkout:
        while True:
            now = self._clock.now()
            sent = EmailCode(digest=self._digest_of(checkout, code), expires_at=now + GOOD_FOR)
            try:
                with_code = checkout.changed(email_code=sent, updated_at=now)
                return await self._access.save(checkout, with_code, HistoryKind.EMAIL_CODE_SENT)
            except StaleCheckout:
                checkout = await self._open_checkout(caller, checkout.id)

    async def _open_checkout(self, caller: Caller, checkout_id: str) -> Checkout:
        """Return the guest's checkout while it is not decided yet which patient record it uses."""
        checkout = await self._access.get(caller, checkout_id)
        if checkout.state in ENDED:
            raise CheckoutClosed(checkout.stands)
        waits = checkout.state is S.STARTED and at_rest(checkout) and checkout.guest is not None
        if not waits and checkout.email_verified_at is None:
            raise EmailVerificationUnavailable
        return checkout

    def _digest_of(self, checkout: Checkout, code: str) -> str:
        return self._digest(f"{checkout.id}\n{_address(checkout)}\n{code}")


def same_email(one: Checkout, other: Checkout) -> bool:
    """Whether both have guests with the same email address, so that its verification holds for both."""
    return one.guest is not None and other.guest is not None and _address(one) == _address(other)


def _email(checkout: Checkout) -> str:
    if checkout.guest is None:
        raise AssertionError("an email address is verified while the guest's details are there")
    return checkout.guest.email


def _address(checkout: Checkout) -> str:
    """Return the address in lower case; not case-folded, which would merge `straße` with `strasse`, somebody else's address."""
    return _email(checkout).lower()
