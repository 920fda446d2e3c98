"""Email verification: a guest proves that an email address is theirs, by a one-time code that is sent there.

The code is nowhere but in the mail: the row keeps a keyed digest, bound to the checkout and the address. Codes are sent to
whatever address a guest gave, a patient's or not, so nobody learns from it whose the practice knows.
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

# NIST SP 800-63B, 5.1.3.2: an out-of-band secret that is typed in has at least six decimal digits and is good for ten minutes at most.
DIGITS = 6
GOOD_FOR = timedelta(minutes=10)

# Of each code: with five codes an hour for an address (docs/rates.md), 25 guesses at a million.
TRIES = 5


class CodeSender(Protocol):
    """The practice's sender of mail."""

    async def send(self, email: str, code: str, *, good_for: timedelta) -> None:
        """Mail the code; nothing else that a caller gave is in the mail. Raises EmailNotSent."""


class EmailVerification:
    """Sends codes, and takes them."""

    def __init__(
        self,
        *,
        sender: CodeSender | None,
        units: UnitOfWorkFactory,
        clock: Clock,
        attempts: AttemptLimiter,
        digest: Callable[[str], str],
    ) -> None:
        """`sender` None: the practice verifies no email addresses. `digest` is keyed; equal texts have equal digests."""
        self._sender = sender
        self._own = CheckoutAccess(units=units, clock=clock)
        self._clock = clock
        self._attempts = attempts
        self._digest = digest

    async def request(self, caller: Caller, checkout_id: str) -> Checkout:
        """Send a fresh code to the checkout's guest; a former one is good no more. Of a verified one nothing is sent.

        Raises NotFound; EmailVerificationUnavailable, CheckoutClosed; TooManyAttempts for the checkout, whoever started it, the
        email address or the network; EmailNotSent, which counts for nothing.
        """
        checkout = await self._open(caller, checkout_id)
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
            kept = await self._keep(caller, checkout, code)
            await self._sender.send(_email(kept), code, good_for=GOOD_FOR)
        except (EmailNotSent, EmailVerificationUnavailable, CheckoutClosed):
            await attempt.uncount()
            raise
        return kept

    async def verify(self, caller: Caller, checkout_id: str, code: str) -> Checkout:
        """Take the code: from then on the email address is verified. Each try is counted on the row before it is compared.

        Raises NotFound; EmailVerificationUnavailable, CheckoutClosed; EmailCodeInvalid for a wrong, a former and an expired one alike.
        """
        while True:
            checkout = await self._open(caller, checkout_id)
            if checkout.email_verified_at is not None:
                return checkout
            if self._sender is None:
                raise EmailVerificationUnavailable
            sent, now = checkout.email_code, self._clock.now()
            if sent is None or now >= sent.expires_at or sent.tries >= TRIES:
                raise EmailCodeInvalid(tries_left=0)
            right = compare_digest(sent.digest, self._of(checkout, code))
            tried = EmailCode(digest=sent.digest, expires_at=sent.expires_at, tries=sent.tries + 1)
            try:
                if right:
                    return await self._verified(checkout, now)
                await self._own.save(
                    checkout.changed(email_code=tried, updated_at=now), HistoryKind.EMAIL_CODE_WRONG
                )
            except StaleCheckout:  # another try came in between, or the checkout went on: as it is now
                continue
            raise EmailCodeInvalid(tries_left=TRIES - tried.tries)

    async def _verified(self, checkout: Checkout, now: datetime) -> Checkout:
        verified = checkout.changed(email_code=None, email_verified_at=now, updated_at=now)
        return await self._own.save(verified, HistoryKind.EMAIL_VERIFIED)

    async def _keep(self, caller: Caller, checkout: Checkout, code: str) -> Checkout:
        while True:
            now = self._clock.now()
            sent = EmailCode(digest=self._of(checkout, code), expires_at=now + GOOD_FOR)
            try:
                return await self._own.save(
                    checkout.changed(email_code=sent, updated_at=now), HistoryKind.EMAIL_CODE_SENT
                )
            except StaleCheckout:
                checkout = await self._open(caller, checkout.id)

    async def _open(self, caller: Caller, checkout_id: str) -> Checkout:
        """The guest's checkout, while it is not settled yet which record it writes into."""
        checkout = await self._own.get(caller, checkout_id)
        if checkout.state in ENDED:
            raise CheckoutClosed(checkout.stands)
        waits = checkout.state is S.STARTED and at_rest(checkout) and checkout.guest is not None
        if not waits and checkout.email_verified_at is None:
            raise EmailVerificationUnavailable
        return checkout

    def _of(self, checkout: Checkout, code: str) -> str:
        return self._digest(f"{checkout.id}\n{_address(checkout)}\n{code}")


def same_email(one: Checkout, other: Checkout) -> bool:
    """Whether what was verified for the guest of one is so for the guest of the other."""
    return one.guest is not None and other.guest is not None and _address(one) == _address(other)


def _email(checkout: Checkout) -> str:
    if checkout.guest is None:
        raise AssertionError("an email address is verified while the guest's details are there")
    return checkout.guest.email


def _address(checkout: Checkout) -> str:
    """The address without case; not case-folded, which would take `straße` for `strasse`, an address of somebody else's."""
    return _email(checkout).lower()
