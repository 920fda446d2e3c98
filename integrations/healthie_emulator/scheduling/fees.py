"""Charges that follow a status by themselves, where the practice's policy says so.

Healthie never calls a cancellation late by itself: staff set that status, or No-Show, and a scheduled charge follows.
"""

from datetime import timedelta

from integrations.healthie_emulator.amounts import PRACTICE_CURRENCY
from integrations.healthie_emulator.cards import default_card
from integrations.healthie_emulator.charging import write_down
from integrations.healthie_emulator.records import Appointment, AppointmentSetting
from integrations.healthie_emulator.scheduling import policy
from integrations.healthie_emulator.state import World

UNTIL_CHARGED = timedelta(days=2)  # in which staff can still cancel the scheduled charge

BY_FEE = {"Late Cancellation": "late_cancellation_fee", "No-Show": "no_show_fee"}


def follow_status(world: World, visit: Appointment) -> None:
    """Schedule the charge that a visit's new status brings; none without a card, or when nothing is due."""
    settings = policy.policy_of(world, visit)
    amount = _amount(world, visit, settings)
    card = default_card(world, visit.user_id) if visit.user_id else None
    if not amount or card is None:
        return
    wait = UNTIL_CHARGED if visit.pm_status in BY_FEE else timedelta()
    values = {
        "sender_id": visit.user_id,
        "recipient_id": visit.provider_id,
        "amount": amount,
        "original_price": amount,
        "currency": PRACTICE_CURRENCY,
        "payment_medium": "card",
        "stripe_customer_detail_id": card.id,
    }
    write_down(world, None, values, state="SCHEDULED", payment_due_date=world.clock.now() + wait)
    world.outbox_filled.set()


def _amount(world: World, visit: Appointment, settings: AppointmentSetting) -> int | None:
    """Return what is due (cents): a fee, or the price of a visit that took place and that no credit or invoice covers."""
    fee = BY_FEE.get(visit.pm_status or "")
    if fee is not None:
        charges = settings.more.get("auto_schedule_charges_for_late_cancellation_no_show")
        own: int | None = getattr(visit, fee)
        general: int | None = getattr(settings, fee)
        return (general if own is None else own) if charges else None
    if visit.pm_status != "Occurred" or not settings.more.get("charge_for_occurred_appts"):
        return None
    if visit.credit_was_used or visit.requested_payment_id:
        return None
    kind = world.appointment_types.get(visit.appointment_type_id)
    return visit.price if visit.price is not None else kind.price if kind else None
