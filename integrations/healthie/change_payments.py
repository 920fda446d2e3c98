"""HealthieChangePayments: the money that a requested change moves, all of it through Healthie."""

from booking.changes.model import RequestedChange
from booking.changes.steps import owed
from booking.errors import OutcomeUnknown, UpstreamRefused
from booking.models import Charge
from booking.money import Money
from integrations.healthie.acting import ClinicianClient, StaffClient
from integrations.healthie.asked_charge import of_fee
from integrations.healthie.charge_calls import find_charge, send_charge
from integrations.healthie.declines import DeclineCodes
from integrations.healthie.generated.client import Client
from integrations.healthie.generated.fragments import Payment
from integrations.healthie.payments import Unproved, charged
from integrations.healthie.readback import Comparison
from integrations.healthie.refund_calls import (
    give_back,
    given_back,
    is_known_refusal,
    read_payment,
    stop_series,
)


class HealthieChangePayments:
    """The port ChangePayments. `recipient_id` receives all fees; without it each goes to the treating clinician."""

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

    async def refunded(self, charge: Charge, *, clinician_id: str) -> Money:
        """What was given back of the payment so far, by whomever. Raises UpstreamUnavailable, OutcomeUnknown."""
        client = await self._staff(clinician_id)
        return given_back(await read_payment(client, charge.billing_item_id), charge.net.currency)

    async def refund(self, change: RequestedChange, index: int) -> Money:
        """Give back what is missing to what was given back before the change and the action's amount; read it back. Idempotent.

        The idempotency key stands for the change and the action: a repetition with another amount is refused by the processor
        rather than paid in addition.
        Raises UpstreamRefused, UpstreamUnavailable, OutcomeUnknown.
        """
        amount = change.actions[index].amount
        if amount is None:
            raise ValueError("a refund has an amount")
        until = owed(change, amount)
        client = await self._staff(_charged_by(change))
        payment = await _own_payment(client, change, "Refund")
        if not _covers(payment, until):
            raise UpstreamRefused("Refund", "more_than_paid")
        return await give_back(
            client,
            self._comparison,
            payment,
            until=until,
            key=lambda _: change.upstream_key(index),
            is_certain=is_known_refusal,
        )

    async def charge_fee(self, change: RequestedChange, index: int) -> str:
        """Charge the fee to the card, once; returns the payment's id. Raises as Billing.charge.

        A fee that was charged on other terms than accepted is OutcomeUnknown: a person looks after it.
        """
        clinician_id = change.visit_slot.clinician_id
        charge = await send_charge(
            await self._clinician(clinician_id),
            of_fee(change, index),
            recipient_id=self._recipient_id or clinician_id,
            declines=self._declines,
            comparison=self._comparison,
        )
        return _id_as_accepted(charge)

    async def find_fee(self, change: RequestedChange, index: int) -> str | None:
        """The payment's id of the fee, found as a checkout's charge is; None when there is none.

        Raises UpstreamUnavailable, and OutcomeUnknown when a match is not proved, has other terms, or there are several.
        """
        since = change.actions[index].intended_at or change.created_at
        client = await self._staff(change.visit_slot.clinician_id)
        charge = await find_charge(client, of_fee(change, index), since=since)
        return None if charge is None else _id_as_accepted(charge)

    async def stop_recurring(self, change: RequestedChange) -> None:
        """End the recurring payment that the payment started, and read back that it stopped. Idempotent.

        Raises UpstreamRefused, UpstreamUnavailable, OutcomeUnknown.
        """
        client = await self._staff(_charged_by(change))
        payment = await _own_payment(client, change, "CancelRecurring")
        series = payment.recurring_payment
        if series is not None and change.recurring_payment_id not in (None, series.id):
            raise UpstreamRefused("CancelRecurring", "another_series")
        await stop_series(client, self._comparison, payment, is_certain=is_known_refusal)


async def _own_payment(client: Client, change: RequestedChange, operation: str) -> Payment:
    """The payment of the change. Raises UpstreamRefused when it is another patient's, or another charge; UpstreamUnavailable."""
    if change.payment_id is None:
        raise ValueError("nothing was paid here")
    payment = await read_payment(client, change.payment_id)
    same_charge = change.charge_id in (None, payment.stripe_charge_id)
    if payment.sender_id != change.patient_id or not same_charge:
        raise UpstreamRefused(operation, "not_theirs")
    return payment


def _charged_by(change: RequestedChange) -> str:
    """The clinician with whose key the payment was made: it went to them, and others may not see it."""
    return change.charged_by or change.visit_slot.clinician_id


def _covers(payment: Payment, until: Money) -> bool:
    """Whether that much was charged, in this currency."""
    try:
        net = charged(payment, until.currency)
    except Unproved:
        raise OutcomeUnknown("PaymentById: unreadable amount") from None
    return net.currency == until.currency and until.amount <= net.amount


def _id_as_accepted(charge: Charge) -> str:
    if charge.differs:
        raise OutcomeUnknown("Charge: on other terms")
    return charge.billing_item_id
