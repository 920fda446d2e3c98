"""What strangers try until it works: cards that may be stolen, promo codes that may be guessed, mailboxes that are not theirs.

A trial is counted before it is made, so that a hundred at once are no more than one after the other, and taken back when it
was none: the payment went through, or nobody learned anything. What remains of the count is what was declined.
"""

from collections.abc import Collection
from enum import StrEnum
from typing import Protocol

from booking.catalog import Plan
from booking.checkout_row import Checkout
from booking.checkout_row import CheckoutState as S
from booking.current import current_work
from booking.errors import UpstreamUnavailable
from booking.models import Promo
from booking.ports import Promotions
from booking.principals import Caller, PrincipalKind
from booking.recording import at_rest

_STRANGERS = {PrincipalKind.VISITOR, PrincipalKind.GUEST}


class Tried(StrEnum):
    """The things that are tried."""

    CARD = "card"
    PROMO_CODE = "promo_code"
    EMAIL_CODE = "email_code"  # that is sent to a mailbox


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
            signed_in=bool(named) and kind not in _STRANGERS,
        )
        try:
            promo = await self._inner.apply(code=code, plan=plan)
        except UpstreamUnavailable:
            await trial.forgive()
            raise
        await trial.forgive()
        return promo


async def try_card(trials: Trials, caller: Caller, checkout: Checkout) -> Trial:
    """Count a card that is about to be tried: for the checkout's owner (a guest is one checkout) and whoever started it.

    Raises TooManyAttempts.
    """
    return await trials.begin(
        Tried.CARD,
        names={checkout.owner, checkout.started_by},
        client=caller.client,
        signed_in=caller.principal.kind not in _STRANGERS,
    )


def was_no_trial(checkout: Checkout) -> bool:
    """Whether the card of a confirmed checkout is not to be counted: it paid, or its outcome is not known for now.

    A card that was attached and then not charged is counted: who cancels in that moment, or loses the slot, knows that it is good.
    """
    if checkout.cancel_requested:
        return False
    parked = not at_rest(checkout) and checkout.lease_owner is None
    return parked or checkout.stands in {S.CONFIRMED, S.REFUNDED}
