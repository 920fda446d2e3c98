"""CardService: a patient's cards on file are removed, and one is made the default."""

from booking.changes.model import ChangeState, RequestedChange
from booking.checkout.model import Checkout
from booking.checkout.transitions import ENDED, at_rest
from booking.errors import NotFound, OutcomeUnknown, UpstreamRefused
from booking.models import Card
from booking.packages.ports import Purchases
from booking.ports import Cards
from booking.principals import Caller, PrincipalKind
from booking.refusals import CardInUse, CardNotChanged, CardUse
from booking.unit_of_work import Scope, UnitOfWorkFactory


class CardService:
    """Changes a signed-in patient's own cards. A foreign card and a missing one answer alike."""

    def __init__(self, *, cards: Cards, purchases: Purchases, units: UnitOfWorkFactory) -> None:
        self._cards = cards
        self._purchases = purchases
        self._units = units

    async def remove(self, caller: Caller, card_id: str) -> None:
        """Take the card off file. Raises NotFound; CardInUse and CardNotChanged (nothing was done); UpstreamUnavailable, OutcomeUnknown.

        When no answer came, the cards are read: one that is gone was removed.
        """
        patient_id, card, is_charged = await self._own(caller, card_id)
        await self._check_no_payment_under_way(patient_id, card)
        if is_charged:
            await self._check_no_membership(patient_id)
        try:
            await self._cards.remove(patient_id=patient_id, card_id=card.id)
        except OutcomeUnknown:
            if any(one.id == card.id for one in await self._cards.on_file(patient_id)):
                raise
        except UpstreamRefused:
            raise CardNotChanged from None

    async def make_default(self, caller: Caller, card_id: str) -> None:
        """Make the card the default; sends nothing if it is. Raises NotFound, CardNotChanged, UpstreamUnavailable, OutcomeUnknown."""
        patient_id, card, _ = await self._own(caller, card_id)
        if card.is_default:
            return
        try:
            await self._cards.make_default(patient_id=patient_id, card_id=card.id)
        except OutcomeUnknown:
            if not any(one.id == card.id and one.is_default for one in await self._cards.on_file(patient_id)):
                raise
        except UpstreamRefused:
            raise CardNotChanged from None

    async def _own(self, caller: Caller, card_id: str) -> tuple[str, Card, bool]:
        """The patient, the card, and whether it may be the default: also where none of the cards is known to be."""
        patient_id = caller.principal.patient_id
        if caller.principal.kind is not PrincipalKind.PATIENT or patient_id is None:
            raise NotFound("card")
        cards = await self._cards.on_file(patient_id)
        for card in cards:
            if card.id == card_id:
                return patient_id, card, card.is_default or not any(one.is_default for one in cards)
        raise NotFound("card")

    async def _check_no_payment_under_way(self, patient_id: str, card: Card) -> None:
        async with self._units(Scope.READING) as unit:
            checkouts = await unit.checkouts.of_patient(patient_id, besides="")
            changes = await unit.changes.of_patient(patient_id)
        if any(_pays_checkout(one, card.id) for one in checkouts) or any(
            _pays_change(one, card.id) for one in changes
        ):
            raise CardInUse(CardUse.PAYMENT)

    async def _check_no_membership(self, patient_id: str) -> None:
        """A membership that goes on charges the default card."""
        if any(one.is_open for one in await self._purchases.memberships(patient_id)):
            raise CardInUse(CardUse.MEMBERSHIP)


def _pays_checkout(checkout: Checkout, card_id: str) -> bool:
    chosen = checkout.card.on_file_id if checkout.card is not None else None
    under_way = checkout.state not in ENDED and not at_rest(checkout)
    return under_way and card_id in {checkout.card_id, chosen}


def _pays_change(change: RequestedChange, card_id: str) -> bool:
    return change.state is ChangeState.OPEN and change.card_id == card_id
