"""What a step of the checkout saga comes to: the row as it shall be written next. Pure functions of the row and what came back."""

import structlog

from booking.checkout.model import Checkout, EndReason
from booking.checkout.model import CheckoutState as S
from booking.errors import UpstreamRefused
from booking.models import Appointment, Charge, CreatedPatient
from booking.operations.model import AttentionReason
from booking.refusals import AmountNotChargeable, ClinicianNotBookable, DeclineReason
from booking.stored_names import Unknown

log = structlog.get_logger(__name__)


def identified(checkout: Checkout, patient_id: str) -> Checkout:
    """It is known whose record the checkout writes into."""
    return checkout.changed(state=S.PATIENT_READY, patient_id=patient_id, guest=None)


def created(checkout: Checkout, patient: CreatedPatient) -> Checkout:
    """A record was made for the checkout; one beside another is for staff to look at."""
    ready = identified(checkout, patient.id).changed(patient_created=True)
    return ready.flagged(AttentionReason.POSSIBLE_DUPLICATE_PATIENT) if patient.apart else ready


def ending(checkout: Checkout) -> EndReason | Unknown | None:
    """Why a row sends nothing more, and is only looked at and undone: something is wrong with it, or somebody has ended it."""
    if checkout.end_reason is None and checkout.cancel_requested:
        return EndReason.CANCELLED_BY_PATIENT
    return checkout.end_reason


def back_to_patient(checkout: Checkout) -> Checkout:
    """To be confirmed anew, with another card; the next attempt has an upstream key of its own."""
    return checkout.changed(
        state=S.PATIENT_READY, declined=None, card=None, card_id=None, confirm_deadline=None
    )


def declined(checkout: Checkout, reason: DeclineReason) -> Checkout:
    """Back to the patient: a bank said no."""
    return back_to_patient(checkout).changed(declined=reason)


def not_judged(checkout: Checkout, told: DeclineReason | None) -> Checkout:
    """Back to the patient: no bank has said anything about the card, which stays on the row as the sign of that.

    `told` is what the patient hears of a token that may be used up; None: it was certainly not sent.
    """
    return checkout.changed(state=S.PATIENT_READY, declined=told, confirm_deadline=None)


def cannot_be_paid(
    checkout: Checkout, refusal: ClinicianNotBookable | AmountNotChargeable | UpstreamRefused
) -> Checkout:
    """Over: no card would help. What the practice must mend is in the log."""
    if isinstance(refusal, ClinicianNotBookable):
        return checkout.changed(state=S.CANCELLED, end_reason=EndReason.CLINICIAN_NOT_BOOKABLE)
    if isinstance(refusal, AmountNotChargeable):
        due, reason = str(checkout.quote.due_today), EndReason.AMOUNT_NOT_CHARGEABLE
        log.error("checkout.amount_not_chargeable", checkout=checkout.id, due=due)
    else:
        reason = EndReason.PAYMENT_UNAVAILABLE
        log.error("checkout.payment_unavailable", checkout=checkout.id, why=refusal.reason)
    return checkout.changed(state=S.CANCELLED, end_reason=reason)


def charged(checkout: Checkout, charge: Charge) -> Checkout:
    """The money is taken. What it was taken for is not what was accepted: the next step gives it back."""
    taken = checkout.changed(state=S.CHARGED, charge=charge)
    if not charge.differs:
        return taken
    return taken.changed(end_reason=EndReason.CHARGED_WRONGLY).flagged(AttentionReason.CHARGED_WRONGLY)


def booked(checkout: Checkout, appointment: Appointment) -> Checkout:
    """The appointment stands. What was read back is not what was accepted: the next step undoes it."""
    slot, differs = checkout.slot, checkout.end_reason
    if not _is_as_asked(appointment, checkout):
        differs = EndReason.BOOKING_REFUSED
    if appointment.clinician_id != slot.clinician_id:
        differs = EndReason.PROVIDER_MISMATCH
    stands = checkout.changed(state=S.BOOKED, appointment_id=appointment.id, end_reason=differs)
    return (
        stands.flagged(AttentionReason.OPEN_INVOICE)
        if appointment.open_invoice and checkout.charge
        else stands
    )


def _is_as_asked(appointment: Appointment, checkout: Checkout) -> bool:
    """Whether it is this visit, then, there and in this way; a word for the way that we do not know may mean the same."""
    slot = checkout.slot
    return (
        (appointment.start, appointment.visit_type_id, appointment.patient_id)
        == (slot.start, slot.visit_type_id, checkout.patient_id)
        and appointment.contact_type in (None, slot.contact_type)
        and slot.location_id in (None, appointment.location_id)
    )


def not_booked(checkout: Checkout, reason: EndReason) -> Checkout:
    """There is no visit, for certain: what was paid is given back."""
    if checkout.charge is not None:
        return checkout.changed(state=S.COMPENSATING, end_reason=reason)
    return checkout.changed(
        state=S.SLOT_LOST if reason is EndReason.SLOT_TAKEN else S.CANCELLED, end_reason=reason
    )
