"""Quotes of visits that are booked by credit: for a signed-in patient who has one."""

from booking.catalog.quotes import credit_quote
from booking.checkout.credits import CreditsLeft
from booking.errors import InvalidInput
from booking.models import Quote
from booking.ports import CatalogSource
from booking.principals import Caller
from booking.refusals import NoCreditLeft, SignInRequired


class CreditQuotes:
    """Offers and quotes the booking by credit."""

    def __init__(self, *, catalog: CatalogSource, credit: CreditsLeft) -> None:
        self._catalog = catalog
        self._credit = credit

    async def left(
        self, caller: Caller | None, visit_type_id: str, *, clinician_id: str | None = None
    ) -> int:
        """How many visits of this type the caller may book by credit: none for who has not signed in as a patient.

        `clinician_id`: with whom; None: with the first who offers the visit. Raises UpstreamUnavailable.
        """
        patient_id = caller.principal.patient_id if caller else None
        if patient_id is None:
            return 0
        if clinician_id is None:
            people = (await self._catalog.catalog()).clinicians_for(visit_type_id=visit_type_id)
            if not people:
                return 0
            clinician_id = people[0].id
        return await self._credit.left(patient_id, visit_type_id, clinician_id=clinician_id)

    async def quote(
        self,
        caller: Caller | None,
        visit_type_id: str | None,
        *,
        plan_id: str | None = None,
        promo_code: str | None = None,
        clinician_id: str | None = None,
    ) -> Quote:
        """The quote of this visit by credit: nothing is due. Raises InvalidInput, SignInRequired, NoCreditLeft, UpstreamUnavailable.

        A plan or a promo code cannot go with a credit.
        """
        if plan_id is not None or promo_code:
            raise InvalidInput(
                field="useCredit",
                reason="A credit pays for a single visit: name no plan and no promo code.",
            )
        quote = credit_quote(await self._catalog.catalog(), visit_type_id)
        if caller is None or caller.principal.patient_id is None:
            raise SignInRequired
        if visit_type_id is None or not await self.left(caller, visit_type_id, clinician_id=clinician_id):
            raise NoCreditLeft
        return quote
