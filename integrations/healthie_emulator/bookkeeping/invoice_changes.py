"""Mutations that make, change and delete invoices, as Healthie's guide on invoices has them. Staff only."""

import hashlib
import json
from collections.abc import Callable
from typing import Any

from integrations.healthie_emulator import dates, invoices
from integrations.healthie_emulator.amounts import PRACTICE_CURRENCY, to_minor
from integrations.healthie_emulator.errors import Refusal, not_allowed, refused
from integrations.healthie_emulator.money_records import RequestedPayer, RequestedPayment
from integrations.healthie_emulator.records import Offering
from integrations.healthie_emulator.state import Request, World

STATUSES = (invoices.PAID, invoices.NOT_PAID, invoices.PARTLY_PAID)
TYPES = ("cms1500", "offering", "other")
MOST_METADATA = 2_000  # characters

PLAIN_FIELDS = ("invoice_type", "notes", "services_provided", "is_preview", "cms1500_id")


def create(request: Request, given: dict[str, Any]) -> dict[str, Any]:
    """Ask a patient, or a third party, for money; `price` is the offering's unless it is sent."""
    if request.me.is_patient:
        raise not_allowed()
    try:
        values = _read_new(request, given)
    except Refusal as refusal:
        return refusal.payload(requestedPayment=None)
    invoice = invoices.add(request.world, **values)
    if given.get("write_offs"):
        _write_off(request.world, invoice, given["write_offs"])
    return {"requestedPayment": request.world.requested_payments[invoice.id], "messages": None}


def update(request: Request, given: dict[str, Any]) -> dict[str, Any]:
    """Change an invoice, or send it again; `status: Paid` marks it as paid by hand."""
    if request.me.is_patient:
        raise not_allowed()
    world, invoice = request.world, _named(request, given["id"])
    if invoice is None:
        return refused("Requested payment not found", field="id", requested_payment=None)
    try:
        changes = _read_changes(request, invoice, given)
    except Refusal as refusal:
        return refusal.payload(requested_payment=None)
    invoice = world.requested_payments.change(invoice.id, **changes)
    world.emit("requested_payment.updated", "RequestedPayment", invoice.id, tuple(changes))
    if given.get("write_offs"):
        _write_off(world, invoice, given["write_offs"])
    elif "price" in changes:
        invoices.settle(world, invoice.id)
    return {"requested_payment": world.requested_payments[invoice.id], "messages": None}


def delete(request: Request, given: dict[str, Any]) -> dict[str, Any]:
    """Take an invoice off the lists; payments on it stay."""
    if request.me.is_patient:
        raise not_allowed()
    world, invoice = request.world, _named(request, given["id"])
    if invoice is None:
        return refused("Requested payment not found", field="id", requested_payment=None)
    deleted = world.requested_payments.change(invoice.id, deleted_at=world.clock.now())
    world.emit("requested_payment.deleted", "RequestedPayment", invoice.id)
    return {"requested_payment": deleted, "messages": None}


def _named(request: Request, invoice_id: object) -> RequestedPayment | None:
    found = request.world.requested_payments.get(invoice_id)
    return found if found and found.deleted_at is None else None


def _read_new(request: Request, given: dict[str, Any]) -> dict[str, Any]:
    world = request.world
    if given.get("invoice_type") not in TYPES:
        raise Refusal("invoice_type", "Invoice type is not included in the list")
    if given["invoice_type"] == "other" and not given.get("services_provided"):
        raise Refusal("services_provided", "Services provided can't be blank")
    patient = world.users.get(given.get("recipient_id"))
    payer = given.get("requested_payer")
    if (patient is None and not payer) or (patient is not None and not patient.is_patient):
        raise Refusal("recipient_id", "Recipient can't be blank")
    offering = _offering(world, given.get("offering_id"))
    currency = offering.currency if offering else PRACTICE_CURRENCY
    price = _price(given.get("price"), currency, offering)
    return {
        "sender_id": given.get("sender_id") or request.me.user.id,
        "recipient_id": patient.id if patient else None,
        "payer": _payer(payer) if payer else None,
        "price": price,
        "currency": currency,
        "offering_id": offering.id if offering else None,
        "offering_price": offering.price if offering else None,
        **_plain(given, request, ("appointment_id", "user_package_selection_id")),
        **_status(world, given),
    }


def _read_changes(request: Request, invoice: RequestedPayment, given: dict[str, Any]) -> dict[str, Any]:
    world = request.world
    if given.get("invoice_type") not in (None, *TYPES):
        raise Refusal("invoice_type", "Invoice type is not included in the list")
    _offering(world, given.get("offering_id"))
    names = ("appointment_id", "offering_id", "sender_id", "recipient_id")
    changes = _plain(given, request, names) | _status(world, given)
    if given.get("price"):
        changes["price"] = _price(given["price"], invoice.currency, None)
    if given.get("requested_payer"):
        changes["payer"] = _payer(given["requested_payer"])
    if given.get("send_request_email") or given.get("resend_receipt"):
        changes["email_sent_at"] = world.clock.now()
    return changes


def _offering(world: World, offering_id: object) -> Offering | None:
    offering = world.offerings.get(offering_id)
    if offering_id and (offering is None or offering.deleted_at is not None):
        raise Refusal("offering_id", "Offering not found")
    return offering


def _price(text: str | None, currency: str, offering: Offering | None) -> int:
    price = to_minor(text, currency) if text else (offering.price if offering else None)
    if price is None:
        raise Refusal("price", "Price is not a number" if text else "Price can't be blank")
    return price


def _payer(given: dict[str, Any]) -> RequestedPayer:
    values = {name: given.get(name) for name in ("name", "email", "address")}
    told = json.dumps(values, sort_keys=True)
    return RequestedPayer(id=hashlib.sha256(told.encode()).hexdigest()[:32], **values)


def _status(world: World, given: dict[str, Any]) -> dict[str, Any]:
    status = given.get("status")
    if not status:
        return {}
    if status not in STATUSES:
        raise Refusal("status", "Status is not included in the list")
    if not world.switches.invoice_status_settable:
        return {}
    paid = status == invoices.PAID
    return {"status": status, "is_manually_paid": paid, "paid_at": world.clock.now() if paid else None}


def _plain(given: dict[str, Any], request: Request, names: tuple[str, ...]) -> dict[str, Any]:
    """Read what needs no rule of its own; only what was sent."""
    values = {name: given[name] for name in (*PLAIN_FIELDS, *names) if given.get(name) is not None}
    if given.get("metadata") is not None:
        told = given["metadata"]
        values["metadata"] = told if isinstance(told, str) else json.dumps(told)
        if len(values["metadata"]) > MOST_METADATA:
            raise Refusal("metadata", "Metadata is too long")
    if given.get("service_date"):
        values["service_date"] = dates.read(given["service_date"], request.zone)
    return values


def _write_off(world: World, invoice: RequestedPayment, given: list[dict[str, Any]]) -> None:
    for each in given:
        existing = world.write_offs.get(each.get("id"))
        ours = existing is not None and existing.requested_payment_id == invoice.id
        values = {
            "amount": invoices.minor(each["amount"], invoice.currency),
            "write_off_type": each["write_off_type"],
            "other_reason": each.get("other_reason"),
        }
        if ours and each.get("_destroy"):
            world.write_offs.remove(each["id"])
        elif ours:
            world.write_offs.change(each["id"], **values)
        elif not each.get("_destroy"):
            world.write_offs.add(requested_payment_id=invoice.id, **values)
    invoices.settle(world, invoice.id)


RESOLVERS: dict[str, Callable[..., Any]] = {
    "Mutation.createRequestedPayment": create,
    "Mutation.updateRequestedPayment": update,
    "Mutation.deleteRequestedPayment": delete,
}
