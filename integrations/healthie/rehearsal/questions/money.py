"""Questions about money. Every charge is one dollar on Stripe's test card, and is refunded in the end."""

import itertools
import json
from decimal import Decimal
from typing import Any

from integrations.healthie.rehearsal.asking import Reply, Unknown, amount_of
from integrations.healthie.rehearsal.ground import CARD, PRICE
from integrations.healthie.rehearsal.questions import Question
from integrations.healthie.rehearsal.scene import Scene

HALF = "0.50"
DECLINED = "tok_chargeCustomerFail"  # Stripe's test card that attaches and is declined when it is charged
MOST_LOOKS = 12  # at promo codes


async def _bank_account(scene: Scene) -> bool:
    reply = await scene.pay("first")
    return reply.require_certain() or await _is_verified(scene)


async def _charges(scene: Scene) -> bool:
    reply = await scene.pay("second")
    if not (reply.require_certain() or await _is_verified(scene)):
        reply.require()
    return reply.done


async def _is_verified(scene: Scene) -> bool:
    """Whether Healthie shows the clinician's bank account as verified. Either refusal of a charge may look like the other's."""
    me = (await scene.clinician.ask("BankAccount")).require() or {}
    return bool(me.get("bank_account_verified_status") == "verified")


async def _note(scene: Scene) -> bool:
    made = await _paid(scene, "note")
    return bool(made["note"] != scene.key("note"))


async def _repeated_key(scene: Scene) -> bool:
    await _paid(scene, "twice")
    before = len(await scene.payments())
    again = await scene.pay("twice")
    again.require_certain()
    return len(await scene.payments()) > before


async def _net_payment(scene: Scene) -> bool:
    made = await _paid(scene, "refund")
    given = await scene.clinician.ask("GiveBack", id=made["id"], amount=HALF, key=scene.key("half"))
    given.require()
    after = await _payment(scene, made["id"])
    if amount_of(after["refund_amount"]) != Decimal(HALF):
        raise scene.nothing_done(given)
    return amount_of(after["net_payment"]) < Decimal(PRICE)


async def _named_token(scene: Scene) -> bool:
    await scene.card()
    again = await scene.organization.ask("MakeCard", user_id=await scene.patient(), token=CARD)
    return not again.require_certain()


async def _paid(scene: Scene, name: str) -> dict[str, Any]:
    """A payment that succeeded, as it can be read afterwards. Raises Unknown."""
    return await _payment(scene, scene.created(_succeeded(await scene.pay(name))))


def _succeeded(reply: Reply) -> Reply:
    state = (reply.require() or {}).get("billingItem") or {}
    if state and state.get("state") != "SUCCEEDED":
        raise Unknown(f"the charge is {state.get('state')}")
    return reply


async def _payment(scene: Scene, payment_id: str) -> dict[str, Any]:
    found = next((each for each in await scene.payments() if each["id"] == payment_id), None)
    if found is None:
        raise Unknown("a payment that was made is not in the patient's list")
    return found


async def _json_errors(scene: Scene) -> bool:
    """Whether the processor's error of a declined charge is JSON instead of its text."""
    patient = await scene.patient()
    attached = await scene.organization.ask("MakeCard", user_id=patient, token=DECLINED)
    card = scene.created(attached)
    reply = await scene.pay("declined", card_id=card)
    if reply.stripe_error is None:
        raise Unknown("a declined charge brought no stripeError")
    try:
        return isinstance(json.loads(reply.stripe_error), dict)
    except ValueError:
        return False


async def _settable(scene: Scene) -> bool:
    visit_type = await scene.visit_type(price=PRICE)
    invoice = (await scene.booked(scene.next_time(), visit_type=visit_type))["requested_payment"]
    if invoice is None:
        raise Unknown("booking raised no invoice")
    settled = await scene.organization.ask("SettleInvoice", id=invoice["id"])
    settled.require_certain()
    after = (await scene.organization.ask("Invoice", id=invoice["id"])).require() or {}
    return bool(after.get("status") == "Paid")


async def _discount(scene: Scene) -> bool:
    """Reads a promo code of the practice's own, if there is one: making one would offer it to patients."""
    codes = [
        each["code"] for each in (await scene.organization.ask("CodesOfPractice")).nodes() if each["is_valid"]
    ]
    plans = (await scene.organization.ask("PlansOnSale")).nodes()
    for code, plan in itertools.islice(itertools.product(codes, plans), MOST_LOOKS):
        found = await scene.organization.ask("Discount", coupon_code=code, offering_id=plan["id"])
        answer = found.require() or {}
        first = amount_of(plan["initial_payment_amount"] or plan["price"])
        off = amount_of(answer.get("first_amount"))
        said = answer.get("new_first_price")
        if not answer.get("fail_reason") and said is not None and 0 < off < first and off != first - off:
            return amount_of(said) == off
    raise Unknown("the practice has no promo code that tells it")


QUESTIONS = (
    Question(name="bank_account_set_up", asks="Has the practice set up payments?", ask=_bank_account),
    Question(name="charges_enabled", asks="Does Stripe accept its charges?", ask=_charges),
    Question(name="drop_note", asks="Does a payment lose its note?", ask=_note),
    Question(
        name="repeated_key_adds_item",
        asks="Does a repeated idempotency key add a second payment?",
        ask=_repeated_key,
    ),
    Question(
        name="net_payment_after_refunds",
        asks="Is `net_payment` less what was refunded?",
        ask=_net_payment,
    ),
    Question(
        name="stripe_error_as_json",
        asks="Is the `stripeError` of a declined charge JSON?",
        ask=_json_errors,
    ),
    Question(
        name="invoice_status_settable",
        asks="Can staff mark an invoice as paid?",
        ask=_settable,
    ),
    Question(
        name="new_first_price_is_discount",
        asks="Is a promo code's `new_first_price` the discount instead of the price?",
        ask=_discount,
    ),
    Question(
        name="named_tokens_single_use",
        asks="Does Stripe's named test token work only once?",
        ask=_named_token,
    ),
)
