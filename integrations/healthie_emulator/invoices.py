"""Invoices: Healthie's RequestedPayment. Several payments may attach to one; nothing guards against paying twice.

Mutations and queries are in `bookkeeping`.
"""

from typing import Any

from integrations.healthie_emulator.amounts import decimals
from integrations.healthie_emulator.money_records import BillingItem, RequestedPayment
from integrations.healthie_emulator.scheduling.records import Appointment
from integrations.healthie_emulator.state import Request, World

NOT_PAID, PARTLY_PAID, PAID = "Not Yet Paid", "Partial", "Paid"


def paid_items(world: World, invoice_id: str, *, only_successful: bool = True) -> list[BillingItem]:
    """List what was paid on an invoice."""
    return [
        item
        for item in world.billing_items
        if item.requested_payment_id == invoice_id
        and item.deleted_at is None
        and (item.state == "SUCCEEDED" or not only_successful)
    ]


def balance_due(world: World, invoice: RequestedPayment) -> int:
    """Return what is left to pay, never below zero."""
    if invoice.is_manually_paid:
        return 0
    items = paid_items(world, invoice.id) if world.switches.payments_settle_invoices else []
    paid = sum(item.amount for item in items)
    return max(0, invoice.price - paid - written_off(world, invoice))


def written_off(world: World, invoice: RequestedPayment) -> int:
    """Return how much of an invoice nobody will pay."""
    return sum(each.amount for each in world.write_offs if each.requested_payment_id == invoice.id)


def minor(amount: float, currency: str) -> int:
    """Read an amount that is a number of whole units, such as a write-off's."""
    whole: int = 10 ** decimals(currency)
    return round(amount * whole)


def settle(world: World, invoice_id: str | None) -> None:
    """Bring an invoice's status in line with what was paid on it."""
    invoice = world.requested_payments.get(invoice_id)
    if invoice is None or not world.switches.payments_settle_invoices:
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
    return add(
        world,
        sender_id=appointment.provider_id,
        recipient_id=appointment.user_id,
        price=visit_type.price or 0 if appointment.price is None else appointment.price,
        appointment_id=appointment.id,
        services_provided=visit_type.name,
        service_date=appointment.starts_at,
    )


def add(world: World, **values: Any) -> RequestedPayment:
    """Add an invoice under the next number: the sender's initials, a count and the year."""
    sender = world.users.get(values.get("sender_id"))
    initials = f"{sender.first_name[:1]}{sender.last_name[:1]}".upper() if sender else ""
    number = f"{initials}-{len(world.requested_payments) + 1}-{world.clock.now().year}"
    invoice = world.requested_payments.add(invoice_id=number, **values)
    world.emit("requested_payment.created", "RequestedPayment", invoice.id)
    return invoice
