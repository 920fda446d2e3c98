"""Billing items read as money: what was charged, what was given back, and whether a charge is proved."""

from datetime import timedelta
from decimal import Decimal

from booking.checkout.model import Checkout
from booking.models import Charge, Recurrence
from booking.money import Money
from integrations.healthie.answers import money, number
from integrations.healthie.catalog import FREQUENCIES
from integrations.healthie.generated.enums import BillingItemState
from integrations.healthie.generated.fragments import Payment
from integrations.healthie.readback import READ_BACKS

# Words before the reference, so that staff who read the note know where the payment comes from.
NOTE = "Booked online. Reference: "

# Clocks differ: a payment may seem older than the intent that led to it by this much.
CLOCK_SKEW = timedelta(minutes=5)


class Unproved(Exception):
    """A billing item that is not what was asked for, or not certain. The text names the difference, never a value."""


def note_for(checkout: Checkout) -> str:
    """The note of this attempt's charge: a reference without patient data."""
    return NOTE + checkout.upstream_key


def refers_to(note: str | None, checkout: Checkout) -> bool:
    """Whether a note carries this attempt's reference."""
    return checkout.upstream_key in (note or "").split()


def reference_in(note: str | None) -> str | None:
    """The checkout that a note names, whichever attempt of it."""
    _, said, key = (note or "").partition(NOTE)
    return key.split()[0].rpartition("-")[0] or None if said and key.split() else None


def has_reference(note: str | None) -> bool:
    """Whether a note carries any checkout's reference."""
    return NOTE.strip() in (note or "")


def refunded(payment: Payment, currency: str) -> Money:
    """What has been given back, in the payment's currency, else the given one. Raises Unproved when it cannot be read."""
    return _amount(payment.refund_amount or "0", payment.currency or currency)


def nothing_in(amount: str | None) -> bool:
    """Whether an amount such as a refund is certainly none, in whatever currency."""
    try:
        return not number(amount)
    except ValueError:
        return False


def charged(payment: Payment, currency: str) -> Money:
    """What was charged, before any refund, in the payment's currency, else the given one. Raises Unproved.

    `net_payment` says it as long as nothing was refunded. Afterwards it is what is left, as documented, or is not less; and
    `amount_paid` may be with or without a coupon's discount: no more than that was charged.
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
    """Whether nothing was charged for certain."""
    return payment.state == BillingItemState.FAILED or payment.deleted_at is not None


def proofs(payment: Payment | None, checkout: Checkout) -> dict[str, bool]:
    """Of each part of a charge, whether it is as the quote and the patient said."""
    if payment is None:
        return dict.fromkeys(READ_BACKS["Charge"].compared, False)
    return {
        "state": payment.state == BillingItemState.SUCCEEDED
        and not payment.is_outside_payment
        and bool(payment.stripe_charge_id),
        "sender": payment.sender_id == checkout.patient_id,
        "amount": _took(payment, checkout.quote.due_today),
        "card": paid_with(payment, checkout.card_id),
        "plan": payment.offering_id == checkout.quote.plan_id,
        "recurrence": _recurs_as_stated(payment, checkout.quote.recurrence),
    }


def proved_charge(payment: Payment, checkout: Checkout) -> Charge:
    """The payment as the checkout's charge, on the terms that it was made on. Raises Unproved.

    A payment whose note names the attempt is its charge on other terms too, where the answer shows them for certain: `differs`
    names them. Any other is one only if everything is as the quote and the patient said.
    """
    differs = tuple(part for part, proved in proofs(payment, checkout).items() if not proved)
    named = refers_to(payment.note, checkout)
    for part in differs:
        if not (named and _is_shown(part, payment, checkout)):
            raise Unproved(part)
    series = payment.recurring_payment
    return Charge(
        billing_item_id=payment.id,
        charge_id=payment.stripe_charge_id or "",
        net=charged(payment, checkout.quote.due_today.currency),
        card_id=None if "card" in differs else checkout.card_id,
        recurring_payment_id=series.id if series else None,
        package_id=payment.user_package_selection.id if payment.user_package_selection else None,
        differs=differs,
    )


def bills_on(payment: Payment) -> bool:
    """Whether a recurring payment that this payment began goes on."""
    return payment.recurring_payment is not None and not payment.recurring_payment.is_canceled


def is_given_back(payment: Payment, currency: str) -> bool:
    """Whether all that was charged has certainly been given back."""
    try:
        given = refunded(payment, currency)
        return not given.is_zero and given == charged(payment, currency)
    except Unproved:
        return False


def paid_with(payment: Payment, card_id: str | None) -> bool:
    """Whether the payment shows the last four digits of this card of the sender."""
    digits = _digits_of(payment, card_id)
    return digits is not None and digits == payment.card_last_4


def _digits_of(payment: Payment, card_id: str | None) -> str | None:
    cards = payment.sender.stripe_customer_details if payment.sender else None
    return next((card.last_four for card in cards or () if card.id == card_id), None)


def _is_shown(part: str, payment: Payment, checkout: Checkout) -> bool:
    """Whether a difference is certain: the payment shows what it is, and what the patient accepted can be compared with it."""
    match part:
        case "amount":
            due = checkout.quote.due_today
            try:
                return charged(payment, due.currency).currency == due.currency
            except Unproved:
                return False
        case "card":
            return None not in (payment.card_last_4, _digits_of(payment, checkout.card_id))
        case "plan" | "recurrence":
            return True
    return False  # without state and sender it is no charge of theirs at all


def _recurs_as_stated(payment: Payment, stated: Recurrence | None) -> bool:
    """A series as often as the quote says, or none (it may come later); a word for its rhythm that we do not know may mean the same."""
    series = payment.recurring_payment
    if series is None:
        return True
    delivery_stats = FREQUENCIES.get((series.billing_frequency or "").strip().casefold())
    return stated is not None and delivery_stats in (None, stated.frequency)


def could_be(payment: Payment, checkout: Checkout, *, on_other_terms: bool = False) -> bool:
    """Whether a payment whose note was lost is this checkout's: its amount, card and plan, and nobody else's reference.

    With `on_other_terms` its card, and either of the two, are enough to ask a person.
    """
    if has_reference(payment.note) or payment.is_outside_payment or not payment.stripe_charge_id:
        return False
    proved = proofs(payment, checkout)
    same_plan = proved["plan"] and checkout.quote.plan_id is not None
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
