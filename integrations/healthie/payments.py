"""Reads billing items as money: the charged and refunded amounts, and whether a payment is proved to be a charge that was asked for."""

from datetime import timedelta
from decimal import Decimal
from typing import Protocol

from booking.models import Charge, Recurrence
from booking.money import Money
from integrations.healthie.answers import money, number
from integrations.healthie.asked_charge import AskedCharge, has_reference
from integrations.healthie.catalog import FREQUENCIES
from integrations.healthie.generated.enums import BillingItemState
from integrations.healthie.generated.fragments import Payment
from integrations.healthie.readback import READ_BACKS

# Clocks differ: a payment may appear older than its intent by this much.
CLOCK_SKEW = timedelta(minutes=5)


class Unproved(Exception):
    """A billing item that differs from the request, or is not certain.

    The text names the differing part, never a value.
    """


class Amounts(Protocol):
    """The amounts of a billing item."""

    @property
    def amount_paid(self) -> str | None: ...  # noqa: D102 - Healthie's word
    @property
    def net_payment(self) -> str | None: ...  # noqa: D102 - Healthie's word
    @property
    def refund_amount(self) -> str | None: ...  # noqa: D102 - Healthie's word
    @property
    def currency(self) -> str | None: ...  # noqa: D102 - Healthie's word


def refunded(payment: Amounts, currency: str) -> Money:
    """The refunded amount, in the payment's currency, else the given one. Raises Unproved when it cannot be parsed."""
    return _amount(payment.refund_amount or "0", payment.currency or currency)


def nothing_in(amount: str | None) -> bool:
    """Whether an amount such as a refund is certainly zero or absent, in any currency."""
    try:
        return not number(amount)
    except ValueError:
        return False


def charged(payment: Amounts, currency: str) -> Money:
    """The charged amount before any refund, in the payment's currency, else the given one. Raises Unproved.

    Without a refund it is `net_payment`. After one, `net_payment` is documented as the rest, but may also be unreduced;
    `amount_paid`, with or without a coupon's discount, is the upper bound that tells the two apart.
    """
    given, code = refunded(payment, currency), payment.currency or currency
    if given.is_zero:
        return _amount(payment.net_payment, code)
    most = _amount(payment.amount_paid, code)
    if not payment.net_payment:
        return most
    net = _amount(payment.net_payment, code)
    return net + given if (net + given).amount <= most.amount else net


def is_dead(payment: Payment) -> bool:
    """Whether certainly nothing was charged. A deleted record of a charge is none: deleting gives no money back."""
    if payment.state == BillingItemState.FAILED:
        return True
    return payment.deleted_at is not None and not payment.stripe_charge_id


def proofs(payment: Payment | None, asked: AskedCharge) -> dict[str, bool]:
    """For each part of a charge, whether it matches what the patient accepted and chose."""
    if payment is None:
        return dict.fromkeys(READ_BACKS["Charge"].compared, False)
    return {
        "state": payment.state == BillingItemState.SUCCEEDED
        and not payment.is_outside_payment
        and bool(payment.stripe_charge_id),
        "sender": payment.sender_id == asked.patient_id,
        "amount": _took(payment, asked.due),
        "card": paid_with(payment, asked.card_id),
        # What plan an invoice is for was not asked for by the charge.
        "plan": asked.invoice_id is not None or payment.offering_id == asked.plan_id,
        "invoice": payment.requested_payment_id == asked.invoice_id,
        "recurrence": _recurs_as_stated(payment, asked.recurrence),
    }


def proved_charge(payment: Payment, asked: AskedCharge) -> Charge:
    """The payment as the charge that was asked for. Raises Unproved when that is not certain.

    A payment whose note has its reference may have other terms than accepted, if the response shows them for certain;
    `differs` names them. Any other payment must match the quote and the patient's choice in every part.
    """
    differs = tuple(part for part, proved in proofs(payment, asked).items() if not proved)
    named = asked.is_named_in(payment.note)
    for part in differs:
        if not (named and _is_shown(part, payment, asked)):
            raise Unproved(part)
    series = payment.recurring_payment
    return Charge(
        billing_item_id=payment.id,
        charge_id=payment.stripe_charge_id or "",
        net=charged(payment, asked.due.currency),
        card_id=None if "card" in differs else asked.card_id,
        recurring_payment_id=series.id if series else None,
        package_id=payment.user_package_selection.id if payment.user_package_selection else None,
        differs=differs,
    )


def bills_on(payment: Payment) -> bool:
    """Whether the recurring payment that this payment started continues."""
    return payment.recurring_payment is not None and not payment.recurring_payment.is_canceled


def is_given_back(payment: Payment, currency: str) -> bool:
    """Whether the charge has certainly been refunded in full."""
    try:
        given = refunded(payment, currency)
        return not given.is_zero and given == charged(payment, currency)
    except Unproved:
        return False


def paid_with(payment: Payment, card_id: str | None) -> bool:
    """Whether the payment shows the last four digits of this card, which must be one of the sender's."""
    digits = _digits_of(payment, card_id)
    return digits is not None and digits == payment.card_last_4


def _digits_of(payment: Payment, card_id: str | None) -> str | None:
    cards = payment.sender.stripe_customer_details if payment.sender else None
    return next((card.last_four for card in cards or () if card.id == card_id), None)


def _is_shown(part: str, payment: Payment, asked: AskedCharge) -> bool:
    """Whether a difference is certain: the payment shows the actual value, and it can be compared with the accepted one."""
    match part:
        case "amount":
            due = asked.due
            try:
                return charged(payment, due.currency).currency == due.currency
            except Unproved:
                return False
        case "card":
            return None not in (payment.card_last_4, _digits_of(payment, asked.card_id))
        case "plan" | "recurrence" | "invoice":
            return True
    return False  # with another state or sender it is not the checkout's charge at all


def _recurs_as_stated(payment: Payment, stated: Recurrence | None) -> bool:
    """Whether the payment recurs as the quote says.

    True without a series, which may be created later, and for an unknown frequency.
    """
    series = payment.recurring_payment
    if series is None:
        return True
    frequency = FREQUENCIES.get((series.billing_frequency or "").strip().casefold())
    return stated is not None and frequency in (None, stated.frequency)


def could_be(payment: Payment, asked: AskedCharge, *, on_other_terms: bool = False) -> bool:
    """Whether a payment without a reference may be this checkout's: same amount, card and plan.

    With `on_other_terms` the same card with either the same amount or the same plan is enough, to ask an operator.
    """
    if has_reference(payment.note) or payment.is_outside_payment or not payment.stripe_charge_id:
        return False
    if payment.requested_payment_id != asked.invoice_id:  # nothing attaches a payment to an invoice later
        return False
    proved = proofs(payment, asked)
    same_plan = proved["plan"] and asked.plan_id is not None
    alike = proved["amount"] or same_plan if on_other_terms else proved["amount"] and proved["plan"]
    return proved["card"] and alike


def _took(payment: Payment, due: Money) -> bool:
    try:
        return charged(payment, due.currency) == due
    except Unproved:
        return False


def _amount(text: str | None, currency: str) -> Money:
    try:
        amount = money(text, currency)
    except ValueError:
        amount = None
    if amount is None or amount.amount < Decimal(0):
        raise Unproved("amount")
    return amount
