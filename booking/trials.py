"""What strangers try until it works: cards that may be stolen, promo codes that may be guessed, email addresses that are not theirs.

A trial is counted before it is made, so that a hundred at once are no more than one after the other, and taken back when it
was none: the payment went through, or nobody learned anything. What remains of the count is what was declined.
"""

import asyncio
from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Protocol, Self

from booking.catalog import Plan
from booking.checkout_row import Checkout
from booking.current import current_work
from booking.errors import UpstreamUnavailable
from booking.models import CardChoice, Promo
from booking.ports import Promotions
from booking.principals import Caller, is_anonymous
from booking.recording import at_rest


class Tried(StrEnum):
    """The things that are tried."""

    CARD = "card"
    PROMO_CODE = "promo_code"
    UNPAID_VISIT = "unpaid_visit"  # see unpaid.py
    NEW_RECORD = "new_record"  # of a patient who does not pay in the end; see unpaid.py
    EMAIL_CODE = "email_code"  # that is mailed to a guest


class Trial(Protocol):
    """One that was counted."""

    async def forgive(self) -> None:
        """Take it back: it was none. Raises nothing; one that cannot be taken back stays counted."""


class Trials(Protocol):
    """Bounds trials by who makes them, by their network, and by all together who have not signed in."""

    async def begin(
        self,
        what: Tried,
        *,
        names: Collection[str],
        client: str | None,
        signed_in: bool,
        day: str | None = None,
    ) -> Trial:
        """Count one, for each of these names (keys of principals), for their network, where that is known, and for a clinician's day.

        Raises TooManyAttempts; then it is not counted.
        """


@dataclass(frozen=True, kw_only=True)
class Counted:
    """What a confirm is counted as, each with how to tell afterwards that it was none."""

    trials: tuple[tuple[Trial, Callable[[Checkout], bool]], ...] = ()

    def also(self, trial: Trial | None, was_none: Callable[[Checkout], bool]) -> Self:
        """The same with one more, where there is one."""
        return replace(self, trials=(*self.trials, (trial, was_none))) if trial else self

    async def forgive(self) -> None:
        """Take everything back: the confirm was refused before it did anything."""
        for trial, _ in self.trials:
            await trial.forgive()

    async def settle(self, checkout: Checkout) -> None:
        """Take back what the checkout shows to have been none."""
        for trial, was_none in self.trials:
            if was_none(checkout):
                await trial.forgive()


class BoundedPromotions:
    """The port Promotions over another one: codes that do not apply are counted for whoever asks."""

    def __init__(self, *, inner: Promotions, trials: Trials) -> None:
        self._inner = inner
        self._trials = trials

    async def apply(self, *, code: str, plan: Plan) -> Promo:
        """The code's effect. Raises PromoInvalid, TooManyAttempts; UpstreamUnavailable, which counts for nothing."""
        work = current_work.get()
        is_principal = ":" in work.actor  # else a word for whoever has not said who they are, or for us
        trial = await self._trials.begin(
            Tried.PROMO_CODE,
            names=[work.actor] if is_principal else [],
            client=work.client,
            signed_in=is_principal and not is_anonymous(work.actor),
        )
        try:
            promo = await self._inner.apply(code=code, plan=plan)
        except (UpstreamUnavailable, asyncio.CancelledError):  # or hung up, as pages do while somebody types
            await trial.forgive()
            raise
        await trial.forgive()
        return promo


async def try_card(
    trials: Trials, caller: Caller, checkout: Checkout, card: CardChoice, *, also: Counted
) -> Counted:
    """Count a card that is about to be tried, besides what is counted.

    It counts for the checkout's owner (a guest is one checkout) and whoever started it. Raises TooManyAttempts.
    """
    trial = await trials.begin(
        Tried.CARD,
        names={checkout.owner, checkout.started_by},
        client=caller.client,
        signed_in=not is_anonymous(caller.principal.key),
    )
    # Attaching it tells whether it is good; one on file is only named until it is charged.
    is_new = card.token is not None
    return also.also(trial, lambda row: not was_trial(row, is_new=is_new))


def was_trial(checkout: Checkout, *, is_new: bool) -> bool:
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
