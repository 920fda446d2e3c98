"""Cards on file: Healthie's StripeCustomerDetail, in front of the fake Stripe."""

import calendar
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from integrations.healthie_emulator.bookkeeping.stripe_errors import told
from integrations.healthie_emulator.connections import page
from integrations.healthie_emulator.errors import refused
from integrations.healthie_emulator.money_records import Card
from integrations.healthie_emulator.records import User
from integrations.healthie_emulator.state import Request, World
from integrations.healthie_emulator.stripe import CardDeclined, StripeError

LABELS = ("personal", "hsa", "fsa")
YEARS_VALID = 3  # test cards never expire soon; any future date does


def live_cards(world: World, user_id: str) -> list[Card]:
    """List a patient's cards, newest first."""
    return [
        card for card in reversed(list(world.cards)) if card.user_id == user_id and card.deleted_at is None
    ]


def find_card(world: World, card_id: object, user_id: str) -> Card | None:
    """Find a live card of this patient; None for a missing and a foreign one alike."""
    card = world.cards.get(card_id)
    return card if card and card.deleted_at is None and card.user_id == user_id else None


def default_card(world: World, user_id: str) -> Card | None:
    """Find the card that is charged when none is named."""
    return find_card(world, world.users[user_id].default_stripe_customer_detail_id, user_id)


def patient_named(request: Request, user_id: object) -> User | None:
    """Find the patient that an input means, its own for a patient's key; None if the actor may not see them."""
    if user_id is None and request.me.is_patient:
        return request.me.user
    user = request.world.users.get(user_id)
    return user if user and user.is_patient and request.me.sees_patient(user.id) else None


def create(request: Request, given: dict[str, Any]) -> dict[str, Any]:
    """Attach a token. A decline answers both `messages` and `stripeError`."""
    world = request.world
    patient = patient_named(request, given.get("user_id"))
    if patient is None:
        return refused("User not found", field="user_id", stripe_customer_detail=None)
    if (label := given.get("card_type_label")) not in (None, *LABELS):
        return refused("Card type label is not included in the list", field="card_type_label")
    try:
        attached = world.stripe.attach(
            given.get("token") or "",
            customer=patient.id,
            named_tokens_single_use=world.switches.named_tokens_single_use,
        )
    except CardDeclined as declined:
        return refused(declined.message, field="base", stripeError=told(world, declined))
    except StripeError as error:
        return refused(error.message, field="token", stripeError=told(world, error))
    card = world.cards.add(
        user_id=patient.id,
        stripe_id=attached.id,
        card_type=attached.fingerprint.brand,
        last_four=attached.fingerprint.last_four,
        expiration=_expiration(world.clock.now()),
        card_type_label=label,
    )
    if given.get("is_default") or default_card(world, patient.id) is None:
        world.users.change(patient.id, default_stripe_customer_detail_id=card.id)
    world.emit("stripe_customer_detail.created", "StripeCustomerDetail", card.id)
    return {"stripe_customer_detail": card, "messages": None, "stripeError": None}


def update(request: Request, given: dict[str, Any]) -> dict[str, Any]:
    """Relabel a card or make it the default."""
    world = request.world
    card = _named(request, given.get("id"))
    if card is None:
        return refused("Card not found", field="id", stripe_customer_detail=None)
    changed: list[str] = []
    if (label := given.get("card_type_label")) is not None:
        if label not in LABELS:
            return refused("Card type label is not included in the list", field="card_type_label")
        card = world.cards.change(card.id, card_type_label=label)
        changed.append("card_type_label")
    if given.get("is_default"):
        world.users.change(card.user_id, default_stripe_customer_detail_id=card.id)
        changed.append("is_default")
    world.emit("stripe_customer_detail.updated", "StripeCustomerDetail", card.id, tuple(changed))
    return {"stripe_customer_detail": card, "messages": None}


def delete(request: Request, given: dict[str, Any]) -> dict[str, Any]:
    """Take a card off file; the newest of the others becomes the default."""
    world = request.world
    card = _named(request, given.get("card_id"))
    if card is None or given.get("user_id") not in (None, card.user_id):
        return refused("Card not found", field="card_id", stripe_customer_detail=None)
    world.stripe.detach(card.stripe_id)
    card = world.cards.change(card.id, deleted_at=world.clock.now())
    if world.users[card.user_id].default_stripe_customer_detail_id == card.id:
        others = live_cards(world, card.user_id)
        world.users.change(card.user_id, default_stripe_customer_detail_id=others[0].id if others else None)
    world.emit("stripe_customer_detail.deleted", "StripeCustomerDetail", card.id)
    return {"stripe_customer_detail": card, "messages": None}


def _named(request: Request, card_id: object) -> Card | None:
    card = request.world.cards.get(card_id)
    visible = card is not None and card.deleted_at is None and request.me.sees_patient(card.user_id)
    return card if visible else None


def _listed(request: Request, args: dict[str, Any]) -> dict[str, Any]:
    patient = patient_named(request, args.get("user_id"))
    return page(live_cards(request.world, patient.id) if patient else [], args)


def _expiration(now: datetime) -> datetime:
    year = now.year + YEARS_VALID
    return datetime(year, 12, calendar.monthrange(year, 12)[1], tzinfo=UTC)


def _expires_next_month(card: Card, request: Request, _: object) -> bool:
    now = request.world.clock.now()
    return (card.expiration.year * 12 + card.expiration.month) - (now.year * 12 + now.month) == 1


def _shown_card(user: User, request: Request) -> Card | None:
    """The patient's one card: the reference does not say which of several it is."""
    if not request.me.sees_patient(user.id):
        return None
    if request.world.switches.user_shows_default_card:
        return default_card(request.world, user.id)
    return next(iter(live_cards(request.world, user.id)), None)


RESOLVERS: dict[str, Callable[..., Any]] = {
    "Query.stripeCustomerDetails": _listed,
    "Mutation.createStripeCustomerDetail": create,
    "Mutation.updateStripeCustomerDetail": update,
    "Mutation.deleteStripeCustomerDetail": delete,
    "StripeCustomerDetail.user": lambda card, request, _: request.world.users.get(card.user_id),
    "StripeCustomerDetail.card_type_label": lambda card, _request, _: card.card_type_label or LABELS[0],
    "StripeCustomerDetail.cursor": lambda card, _request, _: card.id,
    "StripeCustomerDetail.expiring_next_month": _expires_next_month,
    "StripeCustomerDetail.stripe_id": lambda card, _request, _: f"cus_{card.user_id}",
    "User.stripe_customer_detail": lambda user, request, _: _shown_card(user, request),
    "User.stripe_customer_details": lambda user, request, _: (
        live_cards(request.world, user.id) if request.me.sees_patient(user.id) else []
    ),
    "User.can_charge_clients": lambda user, request, _: (
        not user.is_patient and request.world.switches.bank_account_set_up
    ),
    "User.bank_account_verified_status": lambda user, request, _: (
        None
        if user.is_patient
        else "verified"
        if request.world.switches.bank_account_set_up
        else "unverified"
    ),
}
