"""What strangers try until it works: cards that may be stolen, promo codes that may be guessed, email addresses that are not theirs.

A trial is counted before it is made, so that a hundred at once are no more than one after the other, and taken back when it
was none: the payment went through, or nobody learned anything. What remains of the count is what was declined.
"""

import asyncio
from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Protocol, Self

from booking.catalog.model import Plan
from booking.checkout.model import Checkout
from booking.checkout.transitions import at_rest
from booking.errors import UpstreamUnavailable
from booking.models import CardChoice, Promo
from booking.ports import Promotions
from booking.principals import Caller, is_anonymous
from booking.work_context import current_work


class AttemptKind(StrEnum):
    """The things that are tried."""

    CARD = "card"
    PROMO_CODE = "promo_code"
    UNPAID_VISIT = "unpaid_visit"  # see checkout/unpaid_visits.py
    NEW_RECORD = "new_record"  # of a patient who does not pay in the end; see checkout/unpaid_visits.py
    EMAIL_CODE = "email_code"  # that is mailed to a guest


class CountedAttempt(Protocol):
    """One that was counted."""

    async def uncount(self) -> None:
        """Take it back: it was none. Raises nothing; one that cannot be taken back stays counted."""


class AttemptLimiter(Protocol):
    """Bounds trials by who makes them, by their network, and by all together who have not signed in."""

    async def begin(
        self,
        what: AttemptKind,
        *,
        names: Collection[str],
        client: str | None,
        signed_in: bool,
        day: str | None = None,
    ) -> CountedAttempt:
        """Count one, for each of these names (keys of principals), for their network, where that is known, and for a clinician's day.

        Raises TooManyAttempts; then it is not counted.
        """


@dataclass(frozen=True, kw_only=True)
class CountedAttempts:
    """What a confirm is counted as, each with how to tell afterwards that it was none."""

    attempts: tuple[tuple[CountedAttempt, Callable[[Checkout], bool]], ...] = ()

    def also(self, attempt: CountedAttempt | None, was_none: Callable[[Checkout], bool]) -> Self:
        """The same with one more, where there is one."""
        return replace(self, attempts=(*self.attempts, (attempt, was_none))) if attempt else self

    async def uncount(self) -> None:
        """Take everything back: the confirm was refused before it did anything."""
        for attempt, _ in self.attempts:
            await attempt.uncount()

    async def settle(self, checkout: Checkout) -> None:
        """Take back what the checkout shows to have been none."""
        for attempt, was_none in self.attempts:
            if was_none(checkout):
                await attempt.uncount()


class AttemptLimitedPromotions:
    """The port Promotions over another one: codes that do not apply are counted for whoever asks."""

    def __init__(self, *, inner: Promotions, attempts: AttemptLimiter) -> None:
        self._inner = inner
        self._attempts = attempts

    async def apply(self, *, code: str, plan: Plan) -> Promo:
        """The code's effect. Raises PromoInvalid, TooManyAttempts; UpstreamUnavailable, which counts for nothing."""
        work = current_work.get()
        is_principal = ":" in work.actor  # else a word for whoever has not said who they are, or for us
        attempt = await self._attempts.begin(
            AttemptKind.PROMO_CODE,
            names=[work.actor] if is_principal else [],
            client=work.client,
            signed_in=is_principal and not is_anonymous(work.actor),
        )
        try:
            promo = await self._inner.apply(code=code, plan=plan)
        except (UpstreamUnavailable, asyncio.CancelledError):  # or hung up, as pages do while somebody types
            await attempt.uncount()
            raise
        await attempt.uncount()
        return promo


async def count_card(
    attempts: AttemptLimiter, caller: Caller, checkout: Checkout, card: CardChoice, *, also: CountedAttempts
) -> CountedAttempts:
    """Count a card that is about to be tried, besides what is counted.

    It counts for the checkout's owner (a guest is one checkout) and whoever started it. Raises TooManyAttempts.
    """
    attempt = await attempts.begin(
        AttemptKind.CARD,
        names={checkout.owner, checkout.started_by},
        client=caller.client,
        signed_in=not is_anonymous(caller.principal.key),
    )
    # Attaching it tells whether it is good; one on file is only named until it is charged.
    is_new = card.token is not None
    return also.also(attempt, lambda row: not was_attempt(row, is_new=is_new))


def was_attempt(checkout: Checkout, *, is_new: bool) -> bool:
    """Whether a bank has said something about the card of a confirmed checkout, and it did not pay.

    A new card that was attached and then not charged is one: who cancels in that moment, or loses the slot, or had it put on file
    for a visit that costs nothing, knows that it is good. Whose outcome is not known for now is none: answers that get lost must
    not use up what patients may do.
    """
    if checkout.declined is not None:
        return not checkout.card_unjudged
    if checkout.charge is not None:
        return checkout.cancel_requested
    was_attached = is_new and checkout.card_id is not None
    return was_attached and (at_rest(checkout) or checkout.cancel_requested)
