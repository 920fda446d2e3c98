"""Attempt limits: how often a caller may try what can be guessed, such as stolen cards, promo codes and emailed codes.

An attempt is counted before it is made, so concurrent attempts cannot exceed a limit. It is uncounted when the payment went
through, or when the caller learned nothing by it; a declined one stays counted. The limits: docs/rates.md.
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
    """What is limited; each kind has a count of its own."""

    CARD = "card"
    PROMO_CODE = "promo_code"
    UNPAID_VISIT = "unpaid_visit"  # see checkout/unpaid_visits.py
    # A patient record whose checkout is not paid in the end; see checkout/unpaid_visits.py.
    NEW_RECORD = "new_record"
    EMAIL_CODE = "email_code"  # a code mailed to a guest


class CountedAttempt(Protocol):
    """An attempt that was counted."""

    async def uncount(self) -> None:
        """Take it off the count. Raises nothing: where the store cannot be reached it stays counted."""


class AttemptLimiter(Protocol):
    """Bounds attempts by principal, by network, and for all callers together who have not signed in."""

    async def begin(
        self,
        what: AttemptKind,
        *,
        names: Collection[str],
        client: str | None,
        signed_in: bool,
        day: str | None = None,
    ) -> CountedAttempt:
        """Count one attempt for each of these names (principal keys), for the network `client`, and for the clinician's `day`.

        None: the network is not known; the attempt belongs to no day. Raises TooManyAttempts, with nothing counted.
        """


@dataclass(frozen=True, kw_only=True)
class CountedAttempts:
    """The attempts that a confirm was counted as, each with a test of the row that says whether to uncount it."""

    attempts: tuple[tuple[CountedAttempt, Callable[[Checkout], bool]], ...] = ()

    def also(self, attempt: CountedAttempt | None, was_none: Callable[[Checkout], bool]) -> Self:
        """Return these with `attempt` added; None adds nothing."""
        return replace(self, attempts=(*self.attempts, (attempt, was_none))) if attempt else self

    async def uncount(self) -> None:
        """Uncount all: the confirm was refused before it did anything."""
        for attempt, _ in self.attempts:
            await attempt.uncount()

    async def settle(self, checkout: Checkout) -> None:
        """Uncount those that, by the row, were none."""
        for attempt, was_none in self.attempts:
            if was_none(checkout):
                await attempt.uncount()


class AttemptLimitedPromotions:
    """Implements Promotions over `inner`: a code that does not apply counts for the caller (`current_work`)."""

    def __init__(self, *, inner: Promotions, attempts: AttemptLimiter) -> None:
        self._inner = inner
        self._attempts = attempts

    async def apply(self, *, code: str, plan: Plan) -> Promo:
        """Return the code's effect. Raises PromoInvalid, TooManyAttempts; UpstreamUnavailable, which is not counted."""
        work = current_work.get()
        is_principal = ":" in work.actor  # otherwise a word: an anonymous caller, or this program
        attempt = await self._attempts.begin(
            AttemptKind.PROMO_CODE,
            names=[work.actor] if is_principal else [],
            client=work.client,
            signed_in=is_principal and not is_anonymous(work.actor),
        )
        try:
            promo = await self._inner.apply(code=code, plan=plan)
        except (UpstreamUnavailable, asyncio.CancelledError):  # pages cancel requests while somebody types
            await attempt.uncount()
            raise
        await attempt.uncount()
        return promo


async def count_card(
    attempts: AttemptLimiter, caller: Caller, checkout: Checkout, card: CardChoice, *, also: CountedAttempts
) -> CountedAttempts:
    """Count a card that is about to be tried; returns `also` with it added.

    It counts for the checkout's owner (a guest owns one checkout) and for the principal that started it. Raises
    TooManyAttempts.
    """
    attempt = await attempts.begin(
        AttemptKind.CARD,
        names={checkout.owner, checkout.started_by},
        client=caller.client,
        signed_in=not is_anonymous(caller.principal.key),
    )
    # Attaching a new card tells whether it is good; a card on file is not judged until it is charged.
    is_new = card.token is not None
    return also.also(attempt, lambda row: not was_attempt(row, is_new=is_new))


def was_attempt(checkout: Checkout, *, is_new: bool) -> bool:
    """Whether a bank has judged the card of a confirmed checkout, and it did not pay.

    A new card that was attached and not charged counts: who cancels then, loses the slot, or had it put on file for a
    visit that costs nothing, has learned that it is good. An unknown outcome does not count: lost answers must not use up
    a patient's limit.
    """
    if checkout.declined is not None:
        return not checkout.card_unjudged
    if checkout.charge is not None:
        return checkout.cancel_requested
    was_attached = is_new and checkout.card_id is not None
    return was_attached and (at_rest(checkout) or checkout.cancel_requested)
