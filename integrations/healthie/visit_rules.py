"""Reads a visit's rules: what the practice's policy lets its patient change, of the visit type's own settings or else general.

Source: Healthie's `appointmentSetting(provider_id)`, replaced by `AppointmentType.appointment_setting` where
`has_specific_appointment_settings` is true, as far as that says something. What cannot be read counts as the stricter reading.
"""

from datetime import timedelta
from decimal import Decimal
from typing import Any

from booking.changes.visit import ChangeVerdict, VisitRules
from booking.money import Money, decimals_of
from integrations.healthie.generated.booked_visit import BookedVisitAppointment
from integrations.healthie.generated.fragments import Changeable, ChangeRules

# How a cap that is none may be written: the field is text, and Healthie's documentation names no form for "no limit".
_NO_CAP = frozenset({"", "none", "null", "no limit", "unlimited"})


def rules_of(visit: Changeable, general: ChangeRules | None, currency: str) -> VisitRules:
    """The rules that hold for the visit. `general` is its clinician's policy; without any policy nothing is allowed."""
    kind = visit.type_policy
    own = kind.appointment_setting if kind and kind.has_specific_appointment_settings else None

    def stated(name: str) -> Any:
        values = (getattr(policy, name) for policy in (own, general) if policy is not None)
        return next((value for value in values if value is not None), None)

    # The visit's own fee is what its status makes Healthie charge.
    fee = visit.late_cancellation_fee
    if fee is None:
        fee = stated("late_cancellation_fee")
    return VisitRules(
        may_cancel=stated("allow_clients_to_cancel_appt") is True,
        may_reschedule=stated("allow_clients_to_reschedule_appt") is True,
        cancel_notice=_minutes(stated("minimum_advance_cancel_time")),
        reschedule_notice=_minutes(stated("minimum_advance_reschedule_time")),
        # No input of a type's own settings has it, so what theirs says may mean nothing: the stricter one of both.
        reason_required=any(policy.client_cancel_reason_required for policy in (own, general) if policy),
        most_reschedules=cap_of(stated("patient_reschedule_count_cap")),
        late_cancellation_fee=_cents(fee, currency),
        # Without the status there is nothing that could make Healthie charge.
        practice_charges_late_fee=stated("auto_schedule_charges_for_late_cancellation_no_show") is True
        and stated("enable_late_cancellation_status") is True,
        restores_credit=stated("restore_credit_on_cancel") is True,
        cannot_cancel_message=_words(stated("cant_cancel_message")),
        cannot_reschedule_message=_words(stated("cant_reschedule_message")),
    )


def verdict_of(visit: Changeable) -> ChangeVerdict:
    """Healthie's own verdict on the visit. No verdict is a no."""
    return ChangeVerdict(
        can_cancel=visit.can_client_cancel is True,
        can_reschedule=visit.can_client_reschedule is True and visit.can_be_rescheduled is True,
    )


def is_single(visit: BookedVisitAppointment) -> bool:
    """Whether the visit is one patient's and stands alone: no group's, and not one of a recurring series."""
    return visit.is_group is not True and visit.recurring_appointment is None and visit.user is not None


def cap_of(text: str | None) -> int | None:
    """How often a patient may move a visit; None: no limit. A text that is no number lets nobody move one."""
    written = (text or "").strip().casefold()
    if written in _NO_CAP:
        return None
    return int(written) if written.isascii() and written.isdigit() else 0


def _minutes(count: int | None) -> timedelta | None:
    return timedelta(minutes=count) if count is not None and count > 0 else None


def _cents(minor_units: int | None, currency: str) -> Money | None:
    """A fee, which Healthie gives in minor units of the currency."""
    if not minor_units or minor_units < 0:
        return None
    return Money.of(Decimal(minor_units).scaleb(-decimals_of(currency)), currency)


def _words(text: str | None) -> str | None:
    return (text or "").strip() or None
