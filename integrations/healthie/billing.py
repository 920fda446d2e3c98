"""HealthieBilling: charges and refunds, all through Healthie, with the clinician's key where there is one."""

from datetime import datetime

from booking.checkout.model import Checkout
from booking.models import Charge
from booking.money import Money
from booking.ports import LateCharges
from integrations.healthie.acting import ClinicianClient, StaffClient
from integrations.healthie.asked_charge import of_checkout
from integrations.healthie.charge_calls import find_charge, payments_since, send_charge
from integrations.healthie.declines import DeclineCodes
from integrations.healthie.errors import Refused
from integrations.healthie.late_payments import late_charges_among
from integrations.healthie.payments import CLOCK_SKEW
from integrations.healthie.readback import Comparison
from integrations.healthie.refund_calls import give_back, read_payment, stop_series
from integrations.upstream.errors import reading


class HealthieBilling:
    """The port Billing. `recipient_id` receives all payments; without it each goes to the treating clinician."""

    def __init__(
        self,
        *,
        clinician: ClinicianClient,
        staff: StaffClient,
        declines: DeclineCodes,
        comparison: Comparison,
        recipient_id: str | None = None,
    ) -> None:
        self._clinician = clinician
        self._comparison = comparison
        self._declines = declines
        self._staff = staff
        self._recipient_id = recipient_id

    async def charge(self, checkout: Checkout) -> Charge:
        """Charge the quote to the checkout's card, once, with the checkout's upstream key as idempotency key.

        Raises CardDeclined, AmountNotChargeable, UpstreamRefused, UpstreamUnavailable, ClinicianNotBookable, OutcomeUnknown.
        """
        clinician_id = checkout.clinician_id
        return await send_charge(
            await self._clinician(clinician_id),
            of_checkout(checkout),
            recipient_id=self._recipient_id or clinician_id,
            declines=self._declines,
            comparison=self._comparison,
        )

    async def find_charge(self, checkout: Checkout, *, since: datetime) -> Charge | None:
        """The charge of the checkout's current attempt, found by the note's reference, else by amount, card and time; or None.

        Raises UpstreamUnavailable, and OutcomeUnknown when a match is not proved or there are several.
        """
        client = await self._staff(checkout.clinician_id)
        return await find_charge(client, of_checkout(checkout), since=since)

    async def late_charges(self, checkout: Checkout, *, known: frozenset[str]) -> LateCharges:
        """Outstanding charges of any attempt that are not in `known`, and recurring payments that continue.

        Raises UpstreamUnavailable.
        """
        if checkout.patient_id is None or not checkout.attempts:
            return LateCharges()
        client = await self._staff(checkout.clinician_id)
        since = min(attempt.intended_at for attempt in checkout.attempts) - CLOCK_SKEW
        with reading():
            payments = await payments_since(client, checkout.patient_id, since)
        return late_charges_among(payments, checkout, known=known)

    async def refund(self, checkout: Checkout) -> Money:
        """Refund the rest of the charge, read it back, and return the total refunded. Idempotent.

        Raises UpstreamRefused, UpstreamUnavailable, OutcomeUnknown.
        """
        charge = _charge_of(checkout)
        client = await self._staff(checkout.clinician_id)
        return await give_back(
            client,
            self._comparison,
            await read_payment(client, charge.billing_item_id),
            until=charge.net,
            key=lambda given: f"{checkout.upstream_key}-refund-{charge.billing_item_id}-{given.amount}",
            is_certain=_any_refusal,
        )

    async def cancel_recurring(self, checkout: Checkout) -> None:
        """Cancel the recurring payment that the charge started, and read back that it stopped. Idempotent.

        Raises UpstreamRefused, UpstreamUnavailable, OutcomeUnknown.
        """
        client = await self._staff(checkout.clinician_id)
        payment = await read_payment(client, _charge_of(checkout).billing_item_id)
        await stop_series(client, self._comparison, payment, is_certain=_any_refusal)


def _any_refusal(_: Refused) -> bool:
    """A checkout that gives money back asks a person at once, whatever the refusal that changed nothing says."""
    return True


def _charge_of(checkout: Checkout) -> Charge:
    if checkout.charge is None:
        raise ValueError("nothing was charged")
    return checkout.charge
