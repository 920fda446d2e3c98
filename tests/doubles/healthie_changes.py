"""Requested changes of the sample checkout's visit, and what Healthie answers about it."""

from datetime import timedelta
from typing import Any

from booking.changes.model import Action, ActionKind, ChangeKind, RequestedChange
from tests.doubles.healthie_script import NOON, a_slot, a_visit

NEW_START = NOON + timedelta(days=1)


def a_change(*actions: Action, **changes: Any) -> RequestedChange:
    """A cancellation of visit 901 by its patient, a month before it, with these actions."""
    values: dict[str, Any] = {
        "id": "chg_sample",
        "kind": ChangeKind.CANCELLATION,
        "owner": "patient:501",
        "patient_id": "501",
        "appointment_id": "901",
        "slot": a_slot(),
        "time_zone": "America/New_York",
        "checkout_id": "checkout-a",
        "quote_id": "quote-a",
        "payment_id": "801",
        "charge_id": "ch_sample",
        "card_id": "301",
        "actions": actions or (Action(kind=ActionKind.CANCEL_VISIT),),
        "created_at": NOON - timedelta(days=3),
        "updated_at": NOON - timedelta(days=3),
    }
    return RequestedChange(**(values | changes))


def a_move(**changes: Any) -> RequestedChange:
    """A reschedule of visit 901 to the same time on the next day."""
    values: dict[str, Any] = {"kind": ChangeKind.RESCHEDULE, "new_slot": a_slot(start=NEW_START)}
    return a_change(Action(kind=ActionKind.MOVE_VISIT), **(values | changes))


def a_policy_of_changes(**changes: Any) -> dict[str, Any]:
    """A practice's policy: a day's notice, a fee of 25.00 that nobody charges, three moves."""
    return {
        "allow_clients_to_cancel_appt": True,
        "allow_clients_to_reschedule_appt": True,
        "minimum_advance_cancel_time": 1440,
        "minimum_advance_reschedule_time": 720,
        "cant_cancel_message": "Please call us.",
        "cant_reschedule_message": None,
        "client_cancel_reason_required": False,
        "patient_reschedule_count_cap": "3",
        "late_cancellation_fee": 2500,
        "enable_late_cancellation_status": True,
        "auto_schedule_charges_for_late_cancellation_no_show": False,
        "restore_credit_on_cancel": True,
    } | changes


def a_booked_visit(**changes: Any) -> dict[str, Any]:
    """The answer to BookedVisit."""
    more = {
        "pm_status_changed_at": None,
        "can_client_cancel": True,
        "can_client_reschedule": True,
        "can_be_rescheduled": True,
        "patient_reschedule_count": 1,
        "credit_was_used": False,
        "late_cancellation_fee": None,
        "is_group": False,
        "recurring_appointment": None,
        "type_policy": {"has_specific_appointment_settings": False, "appointment_setting": None},
    }
    return {"appointment": a_visit(**(more | changes))}


def the_rules(policy: dict[str, Any] | None, currency: str | None = "USD") -> dict[str, Any]:
    """The answer to VisitRules."""
    return {"appointmentSetting": policy, "currentUser": {"default_currency": currency}}
