"""Gives money back and ends recurring payments: read first, sent once, read back. For checkouts and requested changes alike."""

import re
from collections.abc import Callable
from contextlib import suppress

from booking.errors import OutcomeUnknown, UpstreamRefused
from booking.money import Money
from integrations.healthie.answers import refusal
from integrations.healthie.declines import in_doubt
from integrations.healthie.errors import Refused
from integrations.healthie.generated.client import Client
from integrations.healthie.generated.fragments import Payment
from integrations.healthie.payments import Unproved, bills_on, refunded
from integrations.healthie.readback import Comparison
from integrations.upstream.errors import ContractBroken, UnreadableAnswer, changing, reading, reading_back

# Which refusals, of those that changed nothing, are certain.
IsCertain = Callable[[Refused], bool]

# Texts that certainly refuse a refund or the end of a recurring payment: Stripe's codes (https://docs.stripe.com/error-codes) and
# sentences for what can never be given back, and Healthie's for what there is not.
_REFUSALS = re.compile(
    r"already (been )?(fully )?(refunded|cancel+ed)|charge_already_refunded|charge_disputed"
    r"|greater than (the )?(unrefunded|remaining|charge)|(cannot|can't|can not) be refunded"
    r"|not found|is not a valid amount|is invalid|can't be blank",
    re.IGNORECASE,
)


def is_known_refusal(refused: Refused) -> bool:
    """Whether every text is a known certain refusal, and none leaves the outcome open."""
    return all(_REFUSALS.search(each) for each in refused.messages) and not in_doubt(refused.words)


async def give_back(
    client: Client,
    comparison: Comparison,
    payment: Payment,
    *,
    until: Money,
    key: Callable[[Money], str],
    is_certain: IsCertain,
) -> Money:
    """Refund what is missing of `until`, which counts all refunds so far; read it back. Returns what is given back.

    `payment` was read before; `key` makes the idempotency key from what was given back so far. Sends nothing when nothing is missing.
    Raises UpstreamRefused, UpstreamUnavailable, OutcomeUnknown.
    """
    given = given_back(payment, until.currency)
    if given.amount >= until.amount:
        return given
    payload = None
    # An undecodable response does no harm: the read-back shows the outcome in any case.
    with changing(), suppress(UnreadableAnswer):
        payload = (
            await client.refund(
                id=payment.id,
                chosen_refund_amount=str((until - given).amount),
                stripe_idempotency_key=key(given),
            )
        ).update_billing_item
    refused = refusal("Refund", payload.messages) if payload else None
    now_given = given_back(await read_payment_back(client, payment.id), until.currency)
    if refused is not None and now_given == given:
        raise certain_refusal("Refund", refused, is_certain)
    with changing():
        await comparison.check("Refund", refunded=now_given.amount >= until.amount)
    return now_given


async def stop_series(
    client: Client, comparison: Comparison, payment: Payment, *, is_certain: IsCertain
) -> None:
    """Cancel the recurring payment that this payment belongs to, and read back that it stopped. Idempotent.

    `payment` was read before. Raises UpstreamRefused, UpstreamUnavailable, OutcomeUnknown.
    """
    if not bills_on(payment):
        return
    payload = None
    with changing(), suppress(UnreadableAnswer):
        payload = (await client.cancel_recurring(billing_item_id=payment.id)).cancel_recurring_payment
    refused = refusal("CancelRecurring", payload.messages) if payload else None
    stopped = not bills_on(await read_payment_back(client, payment.id))
    if refused is not None and not stopped:
        raise certain_refusal("CancelRecurring", refused, is_certain)
    with changing():
        await comparison.check("CancelRecurring", stopped=stopped)


def given_back(payment: Payment, currency: str) -> Money:
    """What was refunded of the payment so far, in its currency, else the given one. Raises OutcomeUnknown."""
    try:
        return refunded(payment, currency)
    except Unproved:
        raise OutcomeUnknown("PaymentById: unreadable amount") from None


async def read_payment(client: Client, billing_item_id: str) -> Payment:
    """The payment, before anything is sent. Raises UpstreamUnavailable."""
    with reading():
        return await _payment(client, billing_item_id)


async def read_payment_back(client: Client, billing_item_id: str) -> Payment:
    """The payment after a mutation. Any failure is OutcomeUnknown, because the mutation was sent."""
    with reading_back():
        return await _payment(client, billing_item_id)


async def _payment(client: Client, billing_item_id: str) -> Payment:
    payment = (await client.payment_by_id(id=billing_item_id)).billing_item
    if payment is None:
        raise ContractBroken("PaymentById", "missing")
    return payment


def certain_refusal(operation: str, refused: Refused, is_certain: IsCertain) -> Exception:
    """What a refusal of a change that did not happen is: certain, or open."""
    if is_certain(refused):
        return UpstreamRefused(operation, "refused")
    return OutcomeUnknown(f"{operation}: no proof")
