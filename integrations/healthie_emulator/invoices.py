"""Invoices: Healthie's RequestedPayment. Several payments may attach to one; nothing guards against paying twice."""

import json
from collections.abc import Callable
from typing import Any

from integrations.healthie_emulator import dates
from integrations.healthie_emulator.amounts import PRACTICE_CURRENCY, decimals, from_minor, to_minor
from integrations.healthie_emulator.connections import in_order, page
from integrations.healthie_emulator.errors import not_allowed, refused
from integrations.healthie_emulator.money_records import BillingItem, RequestedPayment
from integrations.healthie_emulator.records import Appointment
from integrations.healthie_emulator.state import Request, World

NOT_PAID, PARTLY_PAID, PAID = "Not Yet Paid", "Partially Paid", "Paid"


def paid_items(world: World, invoice_id: str, *, only_successful: bool = True) -> list[BillingItem]:
    """List what was paid on an invoice."""
    return [
        item
        for item in world.billing_items
        if item.requested_payment_id == invoice_id and (item.state == "SUCCEEDED" or not only_successful)
    ]


def balance_due(world: World, invoice: RequestedPayment) -> int:
    """Return what is left to pay, never below zero."""
    if invoice.is_manually_paid:
        return 0
    return max(0, invoice.price - sum(item.amount for item in paid_items(world, invoice.id)))


def settle(world: World, invoice_id: str | None) -> None:
    """Bring an invoice's status in line with what was paid on it."""
    invoice = world.requested_payments.get(invoice_id)
    if invoice is None:
        return
    left = balance_due(world, invoice)
    status = PAID if left == 0 else NOT_PAID if left == invoice.price else PARTLY_PAID
    if status != invoice.status:
        paid_at = world.clock.now() if status == PAID else None
        world.requested_payments.change(invoice.id, status=status, paid_at=paid_at)
        world.emit("requested_payment.updated", "RequestedPayment", invoice.id, ("status", "paid_at"))


def raise_invoice(request: Request, appointment: Appointment) -> RequestedPayment:
    """Ask the patient for the price of a priced visit type, as a booking may do by itself."""
    world = request.world
    visit_type = world.appointment_types[appointment.appointment_type_id or ""]
    return _add(
        world,
        sender_id=appointment.provider_id,
        recipient_id=appointment.user_id,
        price=visit_type.price or 0,
        appointment_id=appointment.id,
        services_provided=visit_type.name,
        service_date=appointment.starts_at,
    )


def create(request: Request, given: dict[str, Any]) -> dict[str, Any]:
    """Ask a patient for money; `price` is the offering's unless it is sent."""
    world = request.world
    if request.me.is_patient:
        raise not_allowed()
    patient = world.users.get(given.get("recipient_id"))
    if patient is None or not patient.is_patient:
        return refused("Recipient can't be blank", field="recipient_id", requestedPayment=None)
    offering = world.offerings.get(given.get("offering_id"))
    if given.get("offering_id") and offering is None:
        return refused("Offering not found", field="offering_id", requestedPayment=None)
    currency = offering.currency if offering else PRACTICE_CURRENCY
    price = (
        to_minor(given["price"], currency) if given.get("price") else (offering.price if offering else None)
    )
    if price is None:
        return refused("Price is not a number", field="price", requestedPayment=None)
    invoice = _add(
        world,
        sender_id=given.get("sender_id") or request.me.user.id,
        recipient_id=patient.id,
        price=price,
        currency=currency,
        offering_id=offering.id if offering else None,
        **_plain(given, request, ("appointment_id", "user_package_selection_id")),
    )
    return {"requestedPayment": invoice, "messages": None}


def update(request: Request, given: dict[str, Any]) -> dict[str, Any]:
    """Change an invoice; `status: Paid` marks it as paid by hand."""
    world = request.world
    invoice = None if request.me.is_patient else world.requested_payments.get(given["id"])
    if invoice is None:
        return refused("Requested payment not found", field="id", requested_payment=None)
    changes = _plain(given, request, ("appointment_id", "offering_id", "sender_id", "recipient_id"))
    if given.get("price") is not None:
        changes["price"] = to_minor(given["price"], invoice.currency)
        if changes["price"] is None:
            return refused("Price is not a number", field="price", requested_payment=None)
    if given.get("status") and world.switches.invoice_status_settable:
        paid = given["status"] == PAID
        changes |= {"status": given["status"], "is_manually_paid": paid}
        changes["paid_at"] = world.clock.now() if paid else None
    invoice = world.requested_payments.change(invoice.id, **changes)
    world.emit("requested_payment.updated", "RequestedPayment", invoice.id, tuple(changes))
    return {"requested_payment": invoice, "messages": None}


def _add(world: World, **values: Any) -> RequestedPayment:
    number = f"INV-{len(world.requested_payments) + 1:05d}"
    invoice = world.requested_payments.add(invoice_id=number, **values)
    world.emit("requested_payment.created", "RequestedPayment", invoice.id)
    return invoice


def _plain(given: dict[str, Any], request: Request, names: tuple[str, ...]) -> dict[str, Any]:
    """Read what needs no rule of its own; only what was sent."""
    simple = ("invoice_type", "notes", "services_provided", *names)
    values = {name: given[name] for name in simple if given.get(name) is not None}
    if given.get("metadata") is not None:
        values["metadata"] = (
            given["metadata"] if isinstance(given["metadata"], str) else json.dumps(given["metadata"])
        )
    if given.get("service_date"):
        values["service_date"] = dates.read(given["service_date"], request.zone)
    return values


def _visible(request: Request, invoice: RequestedPayment | None) -> RequestedPayment | None:
    return invoice if invoice and request.me.sees_patient(invoice.recipient_id) else None


def _one(request: Request, args: dict[str, Any]) -> RequestedPayment | None:
    table = request.world.requested_payments
    named = next((each for each in table if each.invoice_id == args.get("invoice_id")), None)
    return _visible(request, table.get(args.get("id")) or named)


def _listed(request: Request, args: dict[str, Any]) -> dict[str, Any]:
    world = request.world
    found = [
        invoice
        for invoice in world.requested_payments
        if _visible(request, invoice)
        and args.get("sender_id") in (None, invoice.sender_id)
        and (not args.get("only_unpaid") or balance_due(world, invoice) > 0)
        and args.get("status_filter") in (None, "", "all", invoice.status)
        and (args.get("keywords") or "").casefold() in f"{invoice.invoice_id} {invoice.notes}".casefold()
    ]
    keys: dict[str, Callable[[RequestedPayment], Any]] = {
        "CREATED_AT": lambda each: each.created_at,
        "UPDATED_AT": lambda each: each.updated_at,
        "PRICE": lambda each: each.price,
        "STATUS": lambda each: each.status,
        "TYPE": lambda each: each.invoice_type,
        "INVOICE_ID": lambda each: each.invoice_id,
        "BALANCE_DUE": lambda each: balance_due(world, each),
    }
    return page(in_order(found, args, keys, "CREATED_AT_DESC"), args)


RESOLVERS: dict[str, Callable[..., Any]] = {
    "Query.requestedPayment": _one,
    "Query.requestedPayments": _listed,
    "Mutation.createRequestedPayment": create,
    "Mutation.updateRequestedPayment": update,
    "RequestedPayment.price": lambda invoice, _request, _: from_minor(invoice.price, invoice.currency),
    "RequestedPayment.offering_price_at_invoice_creation": lambda invoice, _request, _: from_minor(
        invoice.price, invoice.currency
    ),
    "RequestedPayment.balance_due": lambda invoice, request, _: (
        balance_due(request.world, invoice) / 10 ** decimals(invoice.currency)
    ),
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
    "RequestedPayment.is_preview": lambda _each, _request, _args: False,
    "RequestedPayment.user_package_selection": lambda each, request, _: request.world.package_selections.get(
        each.user_package_selection_id
    ),
}
