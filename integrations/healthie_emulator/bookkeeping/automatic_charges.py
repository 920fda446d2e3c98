"""What Healthie charges by itself when a visit gets a status, where the practice's settings say so.

A fee for a late cancellation or a no-show, the price of a visit that occurred: scheduled for two days later on the patient's
default card; without a card an invoice, if the practice wants one.
"""

from datetime import timedelta

from integrations.healthie_emulator import invoices
from integrations.healthie_emulator.amounts import PRACTICE_CURRENCY
from integrations.healthie_emulator.cards import default_card
from integrations.healthie_emulator.charging import write_down
from integrations.healthie_emulator.scheduling import policy
from integrations.healthie_emulator.scheduling.records import Appointment
from integrations.healthie_emulator.state import World

DELAY = timedelta(days=2)  # in which staff can still cancel the scheduled charge

FEES = {"Late Cancellation": "late_cancellation_fee", "No-Show": "no_show_fee"}


def charge_for_status(world: World, visit: Appointment) -> None:
    """Schedule what a visit costs by its new status."""
    amount = _amount(world, visit)
    if visit.user_id is None or not amount:
        return
    card = default_card(world, visit.user_id)
    if card is not None:
        write_down(
            world,
            None,
            {
                "sender_id": visit.user_id,
                "recipient_id": visit.provider_id,
                "amount": amount,
                "original_price": amount,
                "currency": PRACTICE_CURRENCY,
                "payment_medium": "card",
                "stripe_customer_detail_id": card.id,
            },
            state="SCHEDULED",
            payment_due_date=world.clock.now() + DELAY,
        )
    elif world.settings.invoice_clients_without_payment_method:
        invoices.add(
            world,
            sender_id=visit.provider_id,
            recipient_id=visit.user_id,
            price=amount,
            appointment_id=visit.id,
            services_provided=visit.pm_status,
            service_date=visit.starts_at,
        )


def _amount(world: World, visit: Appointment) -> int | None:
    """Return what is due (cents): a fee, or the price of a visit that took place and that no credit or payment covers."""
    settings = policy.policy_of(world, visit)
    if visit.pm_status in FEES and settings.auto_schedule_charges_for_late_cancellation_no_show:
        own: int | None = getattr(visit, FEES[visit.pm_status])
        general: int | None = getattr(settings, FEES[visit.pm_status])
        return general if own is None else own
    if settings.charge_for_occurred_appts and visit.pm_status == "Occurred":
        kind = world.appointment_types.get(visit.appointment_type_id)
        price = visit.price if visit.price is not None else kind.price if kind else None
        return None if _is_spared(world, visit) else price
    return None


def _is_spared(world: World, visit: Appointment) -> bool:
    """Whether a visit that was paid by credit or invoice is not charged again: not documented, so it is a switch."""
    return world.switches.automatic_charges_spare_paid and (visit.credit_was_used or _is_paid(world, visit))


def _is_paid(world: World, visit: Appointment) -> bool:
    invoice = world.requested_payments.get(visit.requested_payment_id)
    return invoice is not None and invoice.status == invoices.PAID
