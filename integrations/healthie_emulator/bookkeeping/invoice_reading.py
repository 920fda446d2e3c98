"""Queries and fields of invoices, as Healthie's guide on invoices has them."""

from collections.abc import Callable
from typing import Any

from integrations.healthie_emulator.amounts import decimals, from_minor
from integrations.healthie_emulator.connections import page
from integrations.healthie_emulator.invoices import (
    NOT_PAID,
    PAID,
    PARTLY_PAID,
    balance_due,
    paid_items,
    written_off,
)
from integrations.healthie_emulator.money_records import RequestedPayment
from integrations.healthie_emulator.people import full_name
from integrations.healthie_emulator.resources.ordering import arranged
from integrations.healthie_emulator.state import Request, World

FILTERS = {"paid": PAID, "partial": PARTLY_PAID, "unpaid": NOT_PAID}

SORT_WORDS = {
    f"{word}_{direction}": f"{key}_{direction}".upper()
    for word, key in (
        ("requested_on", "CREATED_AT"),
        ("client", "CLIENT_NAME"),
        ("provider", "PROVIDER_NAME"),
        ("amount", "PRICE"),
        ("status", "STATUS"),
        ("type", "TYPE"),
        ("invoice_id", "INVOICE_ID"),
    )
    for direction in ("asc", "desc")
}


def _visible(request: Request, invoice: RequestedPayment | None) -> bool:
    """Return whether an invoice exists for the actor; patients do not see one in preview."""
    if invoice is None or invoice.deleted_at is not None or not request.me.sees_patient(invoice.recipient_id):
        return False
    return not (request.me.is_patient and invoice.is_preview)


def _one(request: Request, args: dict[str, Any]) -> RequestedPayment | None:
    """Find an invoice by its id, or by its payer's external id, with or without its number."""
    table, uuid = request.world.requested_payments, args.get("uuid")
    by_payer = (
        each
        for each in table
        if each.payer and each.payer.id == uuid and args.get("invoice_id") in (None, each.invoice_id)
    )
    found = table.get(args.get("id")) or (next(by_payer, None) if uuid else None)
    if found is None or not _visible(request, found):
        return None
    return found if found.is_preview or not args.get("preview") else None


def _listed(request: Request, args: dict[str, Any]) -> dict[str, Any]:
    """List invoices; `sender_id` is either side of one."""
    world, party, status = request.world, args.get("sender_id"), args.get("status_filter")
    words = (args.get("keywords") or "").casefold()
    found = [
        invoice
        for invoice in world.requested_payments
        if _visible(request, invoice)
        and invoice.is_preview is bool(args.get("preview"))
        and party in (None, invoice.sender_id, invoice.recipient_id)
        and (not args.get("only_unpaid") or invoice.status != PAID)
        and (not status or FILTERS.get(status.casefold()) == invoice.status)
        and words in _searched(world, invoice)
    ]
    ordered = arranged(found, args, _orders(world), "CREATED_AT_DESC", old_words=SORT_WORDS)
    return page(ordered, args)


def _searched(world: World, invoice: RequestedPayment) -> str:
    offering = world.offerings.get(invoice.offering_id)
    return f"{invoice.status} {_name(world, invoice.recipient_id)} {offering.name if offering else ''}".casefold()


def _name(world: World, user_id: str | None) -> str:
    user = world.users.get(user_id)
    return full_name(user) if user else ""


def _orders(world: World) -> dict[str, Callable[[RequestedPayment], Any]]:
    return {
        "CREATED_AT": lambda each: (each.created_at, int(each.id)),
        "UPDATED_AT": lambda each: each.updated_at,
        "CLIENT_NAME": lambda each: _name(world, each.recipient_id),
        "PROVIDER_NAME": lambda each: _name(world, each.sender_id),
        "PRICE": lambda each: each.price,
        "STATUS": lambda each: each.status,
        "TYPE": lambda each: each.invoice_type,
        "INVOICE_ID": lambda each: each.invoice_id or "",
        "BALANCE_DUE": lambda each: balance_due(world, each),
        "WRITE_OFF_AMOUNT": lambda each: written_off(world, each),
        "SERVICE_DATE": lambda each: each.service_date or each.created_at,
    }


def _due(invoice: RequestedPayment, request: Request, _: object) -> float:
    return _units(balance_due(request.world, invoice), invoice.currency)


def _units(amount: int, currency: str) -> float:
    return float(amount / 10 ** decimals(currency))


def _paid_percent(invoice: RequestedPayment, request: Request, _: object) -> int | None:
    if invoice.status != PARTLY_PAID or not invoice.price:
        return None
    paid = sum(item.amount for item in paid_items(request.world, invoice.id))
    return 100 * paid // invoice.price


def _details(invoice: RequestedPayment, request: Request, _: object) -> str:
    offering = request.world.offerings.get(invoice.offering_id)
    if offering is not None:
        return f"Package: {offering.name}"
    return "CMS 1500" if invoice.invoice_type == "cms1500" else f"Other: {invoice.services_provided}"


def _payer_of(invoice: RequestedPayment, *_: object) -> str | None:
    return invoice.payer.id if invoice.payer else invoice.recipient_id


RESOLVERS: dict[str, Callable[..., Any]] = {
    "Query.requestedPayment": _one,
    "Query.requestedPayments": _listed,
    "RequestedPayment.price": lambda invoice, _request, _: from_minor(invoice.price, invoice.currency),
    "RequestedPayment.offering_price_at_invoice_creation": lambda invoice, _request, _: (
        None if invoice.offering_price is None else from_minor(invoice.offering_price, invoice.currency)
    ),
    "RequestedPayment.balance_due": _due,
    "RequestedPayment.debt_decimal": _due,
    "RequestedPayment.debt": lambda invoice, request, _: int(_due(invoice, request, _)),
    "RequestedPayment.paid_percent": _paid_percent,
    "RequestedPayment.details": _details,
    "RequestedPayment.date_to_show": lambda invoice, _request, _: invoice.service_date or invoice.created_at,
    "RequestedPayment.requested_payer_id": _payer_of,
    "RequestedPayment.write_offs": lambda invoice, request, _: [
        each for each in request.world.write_offs if each.requested_payment_id == invoice.id
    ],
    "RequestedPayment.write_off_amount": lambda invoice, request, _: _units(
        written_off(request.world, invoice), invoice.currency
    ),
    "WriteOff.amount": lambda each, request, _: _units(
        each.amount, request.world.requested_payments[each.requested_payment_id].currency
    ),
    "WriteOff.requested_payment": lambda each, request, _: request.world.requested_payments[
        each.requested_payment_id
    ],
    "RequestedPayment.billing_items": lambda invoice, request, args: paid_items(
        request.world, invoice.id, only_successful=args.get("only_successful", True)
    ),
    "RequestedPayment.billing_item_id": lambda invoice, request, _: next(
        (item.id for item in reversed(paid_items(request.world, invoice.id))), None
    ),
    "RequestedPayment.appointment": lambda each, request, _: request.world.appointments.get(
        each.appointment_id
    ),
    "RequestedPayment.offering": lambda each, request, _: request.world.offerings.get(each.offering_id),
    "RequestedPayment.recipient": lambda each, request, _: request.world.users.get(each.recipient_id),
    "RequestedPayment.sender": lambda each, request, _: request.world.users.get(each.sender_id),
    "RequestedPayment.user_package_selection": lambda each, request, _: request.world.package_selections.get(
        each.user_package_selection_id
    ),
}
