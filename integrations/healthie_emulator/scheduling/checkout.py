"""completeCheckout: a patient books a visit, takes a seat in a group or on its waitlist, or buys a plan, in one call.

Public: whoever has no key is found by email, or made a patient. Availability is always checked. Money is taken first,
so that a declined card books nothing; Healthie's documentation does not say in which order it does this.
"""

from collections.abc import Callable
from typing import Any

from integrations.healthie_emulator import billing, cards, clients, forms
from integrations.healthie_emulator.amounts import PRACTICE_CURRENCY, from_minor
from integrations.healthie_emulator.booking import bill, visible
from integrations.healthie_emulator.bookkeeping import visit_credits
from integrations.healthie_emulator.coupons import first_price
from integrations.healthie_emulator.errors import Refusal, refused
from integrations.healthie_emulator.invoices import balance_due, settle
from integrations.healthie_emulator.people import providers
from integrations.healthie_emulator.records import User
from integrations.healthie_emulator.scheduling import seats
from integrations.healthie_emulator.scheduling.records import Appointment
from integrations.healthie_emulator.scheduling.wanted import Wanted, read
from integrations.healthie_emulator.state import Actor, Request

Payload = dict[str, Any]

NAMES = (("first_name", "First name"), ("last_name", "Last name"), ("email", "Email"))


class _PaymentRefused(Exception):
    """A card that cannot be charged, with the messages of it."""

    def __init__(self, messages: Any) -> None:
        super().__init__()
        self.messages = messages


def _complete(request: Request, given: dict[str, Any]) -> Payload:
    world = request.world
    try:
        wanted = read(request, given)
        patient, is_new = _patient(request, given, wanted)
        acting = Request(world=world, actor=Actor(user=patient))
        _require_credit(acting, wanted)
    except Refusal as refusal:
        return {"messages": refusal.payload()["messages"], "formAnswerGroupSaved": False}
    try:
        item = _pay(acting, given, wanted)
    except _PaymentRefused as refusal:
        return {"messages": refusal.messages, "formAnswerGroupSaved": False}
    booked = _book(acting, wanted, item)
    selection = world.package_selections.get(item.user_package_selection_id) if item else None
    return {
        "appointment": booked[0] if booked else None,
        "appointments": booked,
        "billingItem": item,
        "formAnswerGroupSaved": _save_form(acting, given, booked),
        "messages": None,
        "patientEmail": patient.email,
        "reassignClientProvider": is_new,
        "userPackageSelection": selection,
    }


def _patient(request: Request, given: dict[str, Any], wanted: Wanted) -> tuple[User, bool]:
    """Return who books, and whether they are new: the owner of a patient's key, else the patient of that email.

    Of several with one email it is the one whose names match, else the first.
    """
    world = request.world
    if request.actor is not None and request.actor.is_patient:
        return request.actor.user, False
    for name, words in NAMES:
        if not (given.get(name) or "").strip():
            raise Refusal(name, f"{words} can't be blank")
    email = given["email"].strip().lower()
    same = [
        each
        for each in world.users
        if each.is_patient and each.active and (each.email or "").lower() == email
    ]
    named = [each for each in same if _names(each) == _names_of(given)]
    if same:
        return (named or same)[0], False
    return _new_patient(request, given, wanted), True


def _require_credit(acting: Request, wanted: Wanted) -> None:
    """Raise Refusal if the practice asks for a credit that the patient neither has nor buys here."""
    plan = acting.world.offerings.get(wanted.offering_id)
    bought = {each.appointment_type_id for each in plan.includes} if plan else set()
    if wanted.kind is None or wanted.waiting or wanted.kind.id in bought:
        return
    if not visit_credits.may_book(acting, wanted.kind.id):
        raise Refusal("appointment_type_id", visit_credits.NO_CREDIT)


def _names(user: User) -> tuple[str, str]:
    return user.first_name.lower(), user.last_name.lower()


def _names_of(given: dict[str, Any]) -> tuple[str, str]:
    return given["first_name"].strip().lower(), given["last_name"].strip().lower()


def _new_patient(request: Request, given: dict[str, Any], wanted: Wanted) -> User:
    world = request.world
    clinician = wanted.values["provider_id"] if wanted.values else given.get("provider_id")
    clinician = clinician or (wanted.groups[0].provider_id if wanted.groups else providers(world)[0].id)
    owner = Request(world=world, actor=Actor(user=world.users[world.organization.owner_id]))
    asked = {name: given[name].strip() for name, _ in NAMES}
    asked |= {name: given[name] for name in ("phone_number", "legal_name") if given.get(name)}
    asked["timezone"] = given.get("timezone") or world.users[clinician].timezone
    made = clients.RESOLVERS["Mutation.createClient"](owner, {**asked, "dietitian_id": clinician})
    if made.get("user") is None:
        raise Refusal(made["messages"][0]["field"], made["messages"][0]["message"])
    user: User = made["user"]
    return user


def _pay(acting: Request, given: dict[str, Any], wanted: Wanted) -> Any:
    """Keep the card that is sent, and charge what is due; answer the billing item, None if nothing is."""
    world, patient = acting.world, acting.me.user
    if given.get("token"):
        _told(cards.create(acting, {"token": given["token"], "is_default": True}))
    card = cards.default_card(world, patient.id)
    if wanted.kind and wanted.kind.require_cc_at_booking and card is None:
        raise _PaymentRefused([{"field": "token", "message": "A card is required for this appointment"}])
    due = _due(acting, given, wanted)
    if due is None or given.get("is_adding_credit_card"):
        return None
    recipient = wanted.values["provider_id"] if wanted.values else given.get("provider_id")
    asked = {
        "sender_id": patient.id,
        "recipient_id": recipient or patient.dietitian_id,
        "should_charge": True,
        "stripe_idempotency_key": given.get("stripe_idempotency_key"),
        **due,
    }
    return _told(billing.create(acting, asked))["billingItem"]


def _due(acting: Request, given: dict[str, Any], wanted: Wanted) -> dict[str, Any] | None:
    """Return what is charged: a plan's price, an invoice's balance, or a priced visit's if a card is sent.

    The `price` that is sent takes the place of a plan's or a visit's.
    """
    world = acting.world
    if wanted.offering_id:
        plan = world.offerings[wanted.offering_id]
        code = (given.get("coupon_code") or "").strip().casefold()
        coupon = (
            next((each.id for each in world.coupons if each.code.casefold() == code), "unknown")
            if code
            else None
        )
        amount = given.get("price") or from_minor(first_price(plan), plan.currency)
        return {"offering_id": plan.id, "offering_coupon_id": coupon, "amount_paid": amount}
    if wanted.invoice_id:
        invoice = world.requested_payments[wanted.invoice_id]
        amount = from_minor(balance_due(world, invoice), invoice.currency)
        return {"requested_payment_id": invoice.id, "amount_paid": amount}
    price = wanted.kind.price if wanted.kind else None
    if price is None or wanted.waiting or not given.get("token"):
        return None
    return {"amount_paid": given.get("price") or from_minor(price, PRACTICE_CURRENCY)}


def _told(payload: dict[str, Any]) -> dict[str, Any]:
    """Hand on what went well; raise for what did not."""
    if payload.get("messages"):
        raise _PaymentRefused(payload["messages"])
    if payload.get("stripeError"):
        raise _PaymentRefused(refused(payload["stripeError"], field="base")["messages"])
    return payload


def _book(acting: Request, wanted: Wanted, item: Any) -> list[Appointment]:
    world, patient = acting.world, acting.me.user
    for group in wanted.groups:
        if wanted.waiting:
            seats.take(world, group, patient.id, waiting=True)
        else:
            seats.book(acting, group, patient.id)
    if wanted.groups:
        return [each for group in wanted.groups if (each := visible(acting, group.id))]
    if wanted.values is None:
        return []
    own = {"user_id": patient.id, "initiator_id": patient.id, "last_updated_by_id": patient.id}
    made = bill(acting, world.appointments.add(**wanted.values, **own))
    if item is not None and made.requested_payment_id and not item.requested_payment_id:
        world.billing_items.change(item.id, requested_payment_id=made.requested_payment_id)
        settle(world, made.requested_payment_id)
    world.emit("appointment.created", "Appointment", made.id)
    return [made]


def _save_form(acting: Request, given: dict[str, Any], booked: list[Appointment]) -> bool:
    """Save the answers that were given while booking, with the visit that they belong to."""
    asked = given.get("form_answer_group")
    if not asked:
        return False
    values = {**asked, "user_id": acting.me.user.id, "finished": True}
    saved = forms.RESOLVERS["Mutation.createFormAnswerGroup"](acting, values).get("form_answer_group")
    if saved is not None and booked:
        booked[0] = acting.world.appointments.change(booked[0].id, filled_embed_form_id=saved.id)
    return saved is not None


RESOLVERS: dict[str, Callable[..., Any]] = {"Mutation.completeCheckout": _complete}
