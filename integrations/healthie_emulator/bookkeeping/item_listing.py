"""`billingItems`: the list of payments, its filters and orders, as Healthie's guide on billing items has them."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from integrations.healthie_emulator import dates, permissions
from integrations.healthie_emulator.amounts import from_minor
from integrations.healthie_emulator.connections import page
from integrations.healthie_emulator.money_records import BillingItem
from integrations.healthie_emulator.resources.ordering import arranged
from integrations.healthie_emulator.state import Request, World

SORT_WORDS = {
    "newest": "CREATED_AT_DESC",
    "oldest": "CREATED_AT_ASC",
    "smallestamount": "AMOUNT_PAID_ASC",
    "largestamount": "AMOUNT_PAID_DESC",
    "patient_name_asc": "PATIENT_FIRST_NAME_ASC",
    "patient_name_desc": "PATIENT_FIRST_NAME_DESC",
    "provider_name_asc": "PROVIDER_FIRST_NAME_ASC",
    "provider_name_desc": "PROVIDER_FIRST_NAME_DESC",
    "method_asc": "METHOD_ASC",
    "method_desc": "METHOD_DESC",
    "state_asc": "STATE_ASC",
    "state_desc": "STATE_DESC",
}

Test = Callable[[BillingItem], bool]


def listed(request: Request, args: dict[str, Any]) -> dict[str, Any]:
    """List payments that are not deleted. `client_id` is the patient, `user_id` the one who is paid: the wrong kind finds nothing."""
    tests = [_by_people(args), _by_time(request, args), _by_status(request.world, args), _by_words(args)]
    found = [
        item
        for item in request.world.billing_items
        if item.deleted_at is None
        and request.me.sees_patient(item.sender_id)
        and permissions.sees_payment_to(request, item.recipient_id)
        and all(passes(item) for passes in tests)
    ]
    ordered = arranged(found, args, _orders(request.world), "CREATED_AT_DESC", old_words=SORT_WORDS)
    return page(ordered, args)


def _by_people(args: dict[str, Any]) -> Test:
    def passes(item: BillingItem) -> bool:
        return (
            args.get("client_id") in (None, item.sender_id)
            and args.get("user_id") in (None, item.recipient_id)
            and args.get("provider_id") in (None, item.recipient_id)
        )

    return passes


def _by_time(request: Request, args: dict[str, Any]) -> Test:
    first = dates.read(args["created_at_start"], request.zone) if args.get("created_at_start") else None
    last = _end(args["created_at_end"], request.zone) if args.get("created_at_end") else None

    def passes(item: BillingItem) -> bool:
        return (first is None or item.created_at >= first) and (last is None or item.created_at <= last)

    return passes


def _end(text: str, zone: str) -> datetime:
    moment = dates.read(text, zone)
    whole_day = timedelta(days=1, microseconds=-1)
    return moment + whole_day if dates.names_only_a_day(text) else moment


def _by_status(world: World, args: dict[str, Any]) -> Test:
    wanted = {each.casefold() for each in [args.get("state"), *(args.get("status") or ())] if each}

    def passes(item: BillingItem) -> bool:
        series = world.recurring_payments.get(item.recurring_payment_id)
        words = {(item.state or "").casefold()}
        if item.is_canceled:
            words.add("stopped")
        if series is not None and series.is_paused:
            words.add("paused")
        return not wanted or bool(wanted & words)

    return passes


def _by_words(args: dict[str, Any]) -> Test:
    """Search by amount and way of payment, the two that the guide names."""
    words = (args.get("keywords") or "").casefold()

    def passes(item: BillingItem) -> bool:
        text = f"{from_minor(item.amount, item.currency)} {item.payment_medium or ''}".casefold()
        return words in text and (not args.get("offerings_only") or item.offering_id is not None)

    return passes


def _orders(world: World) -> dict[str, Callable[[BillingItem], Any]]:
    def name(user_id: str | None) -> str:
        user = world.users.get(user_id)
        return user.first_name if user else ""

    return {
        "CREATED_AT": lambda item: (item.created_at, int(item.id)),
        "UPDATED_AT": lambda item: item.updated_at,
        "AMOUNT_PAID": lambda item: item.amount,
        "PATIENT_FIRST_NAME": lambda item: name(item.sender_id),
        "PROVIDER_FIRST_NAME": lambda item: name(item.recipient_id),
        "METHOD": lambda item: item.payment_medium or "",
        "STATE": lambda item: item.state or "",
    }


RESOLVERS: dict[str, Callable[..., Any]] = {"Query.billingItems": listed}
