"""What strangers try until it works: cards that may be stolen, promo codes that may be guessed.

A trial is counted before it is made, so that a hundred at once are no more than one after the other, and taken back when it
was none: the payment went through, or nobody learned anything. What remains of the count is what was declined.
"""

from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from booking.catalog import Plan
from booking.checkout_row import Checkout
from booking.current import current_work
from booking.errors import UpstreamUnavailable
from booking.models import CardChoice, Promo
from booking.ports import Promotions
from booking.principals import STRANGERS, Caller
from booking.recording import at_rest


class Tried(StrEnum):
    """The things that are tried."""

    CARD = "card"
    PROMO_CODE = "promo_code"


class Trial(Protocol):
    """One that was counted."""

    async def forgive(self) -> None:
        """Take it back: it was none. Raises nothing; one that cannot be taken back stays counted."""


class Trials(Protocol):
    """Bounds trials by who makes them, by their network, and by all together who have not signed in."""

    async def begin(
        self, what: Tried, *, names: Collection[str], client: str | None, signed_in: bool
    ) -> Trial:
        """Count one, for each of these names (keys of principals) and for their network, where that is known.

        Raises TooManyAttempts; then it is not counted.
        """


class BoundedPromotions:
    """The port Promotions over another one: codes that do not apply are counted for whoever asks."""

    def __init__(self, *, inner: Promotions, trials: Trials) -> None:
        self._inner = inner
        self._trials = trials

    async def apply(self, *, code: str, plan: Plan) -> Promo:
        """The code's effect. Raises PromoInvalid, TooManyAttempts; UpstreamUnavailable, which counts for nothing."""
        work = current_work.get()
        kind, named, _ = work.actor.partition(":")
        trial = await self._trials.begin(
            Tried.PROMO_CODE,
            names=[work.actor] if named else [],
            client=work.client,
            signed_in=bool(named) and kind not in STRANGERS,
        )
        try:
            promo = await self._inner.apply(code=code, plan=plan)
        except UpstreamUnavailable:
            await trial.forgive()
            raise
        await trial.forgive()
        return promo


@dataclass(frozen=True, kw_only=True)
class CardTrial:
    """The card of one confirm, counted until it is known that nobody learned anything of it, or that it paid."""

    trial: Trial
    is_new: bool  # a token: attaching it tells whether it is good. A card on file is only named until it is charged

    async def settle(self, checkout: Checkout) -> None:
        """Take the count back unless the row, as the confirm left it, tells that it was a trial."""
        if not was_trial(checkout, is_new=self.is_new):
            await self.trial.forgive()


async def try_card(trials: Trials, caller: Caller, checkout: Checkout, card: CardChoice) -> CardTrial:
    """Count a card that is about to be tried: for the checkout's owner (a guest is one checkout) and whoever started it.

    Raises TooManyAttempts.
    """
    trial = await trials.begin(
        Tried.CARD,
        names={checkout.owner, checkout.started_by},
        client=caller.client,
        signed_in=caller.principal.kind not in STRANGERS,
    )
    return CardTrial(trial=trial, is_new=card.token is not None)


def was_trial(checkout: Checkout, *, is_new: bool) -> bool:
    """Whether a bank has said something about the card of a confirmed checkout, and it did not pay.

    A new card that was attached and then not charged is one: who cancels in that moment, or loses the slot, knows that it is
    good. Whose outcome is not known for now is none: answers that get lost must not use up what patients may do.
    """
    if checkout.declined is not None:
        return not checkout.card_unjudged
    if checkout.charge is not None:
        return checkout.cancel_requested
    was_attached = is_new and checkout.card_id is not None
    return was_attached and (at_rest(checkout) or checkout.cancel_requested)
