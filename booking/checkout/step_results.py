"""Results of the saga's steps: pure functions from the row and an upstream answer to the row that is written next."""

import structlog

from booking.checkout.invoices import none_left, noted
from booking.checkout.model import Checkout, EndReason
from booking.checkout.model import CheckoutState as S
from booking.errors import UpstreamRefused
from booking.models import Appointment, Charge, CreatedPatient, PatientMatch
from booking.operations.model import AttentionReason
from booking.refusals import AmountNotChargeable, ClinicianNotBookable, DeclineReason
from booking.stored_names import Unknown

log = structlog.get_logger(__name__)


def identified(checkout: Checkout, patient_id: str) -> Checkout:
    """The patient record is known: on to patient_ready, without the guest's details."""
    return checkout.changed(state=S.PATIENT_READY, patient_id=patient_id, guest=None)


def matched(checkout: Checkout, match: PatientMatch) -> Checkout:
    """An existing record is used; one that the practice had archived is flagged, for staff to decide whether it is active again."""
    ready = identified(checkout, match.id)
    return ready.flagged(AttentionReason.ARCHIVED_PATIENT) if match.archived else ready


def created(checkout: Checkout, patient: CreatedPatient) -> Checkout:
    """A patient record was created; one that stands apart from a match is flagged for staff to merge."""
    ready = identified(checkout, patient.id).changed(patient_created=True)
    return ready.flagged(AttentionReason.POSSIBLE_DUPLICATE_PATIENT) if patient.apart else ready


def ending(checkout: Checkout) -> EndReason | Unknown | None:
    """Return why a row sends nothing more and is only undone: its end reason, or a cancel request. None: it goes on."""
    if checkout.end_reason is None and checkout.cancel_requested:
        return EndReason.CANCELLED_BY_PATIENT
    return checkout.end_reason


def back_to_patient(checkout: Checkout) -> Checkout:
    """Back to patient_ready, to be confirmed again; the next attempt has its own upstream key."""
    return checkout.changed(
        state=S.PATIENT_READY, declined=None, card=None, card_id=None, confirm_deadline=None
    )


def declined(checkout: Checkout, reason: DeclineReason) -> Checkout:
    """Back to the patient: a bank declined the card."""
    return back_to_patient(checkout).changed(declined=reason)


def not_judged(checkout: Checkout, reason: DeclineReason | None) -> Checkout:
    """Back to the patient: no bank has judged the card, which stays on the row to show that (`Checkout.card_unjudged`).

    `reason` is the decline reason that the patient gets for a token that may be used up; None: it was certainly not sent.
    """
    return checkout.changed(state=S.PATIENT_READY, declined=reason, confirm_deadline=None)


def cannot_be_paid(
    checkout: Checkout, refusal: ClinicianNotBookable | AmountNotChargeable | UpstreamRefused
) -> Checkout:
    """End as cancelled: no card would help. The log says what the practice must fix."""
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
    """The charge is proved. One on other terms than accepted gets an end reason, so that the next step compensates it."""
    taken = checkout.changed(state=S.CHARGED, charge=charge)
    if not charge.differs:
        return taken
    return taken.changed(end_reason=EndReason.CHARGED_WRONGLY).flagged(AttentionReason.CHARGED_WRONGLY)


def booked(checkout: Checkout, appointment: Appointment) -> Checkout:
    """The visit is booked. One read back with other values than asked gets an end reason, so that it is undone next."""
    slot, differs = checkout.visit_slot, checkout.end_reason
    if not _is_as_asked(appointment, checkout):
        differs = EndReason.BOOKING_REFUSED
    if appointment.clinician_id != slot.clinician_id:
        differs = EndReason.PROVIDER_MISMATCH
    stands = checkout.changed(state=S.BOOKED, appointment_id=appointment.id, end_reason=differs)
    if appointment.open_invoice is None:
        return stands
    with_invoice = noted(stands, appointment.open_invoice)
    return with_invoice if ending(stands) is None else none_left(with_invoice)


def credit_looked_up(checkout: Checkout, *, said: bool, left: int | None) -> Checkout:
    """The visit stands if a credit that the patient had was used for it. One that nobody paid for is undone.

    `said`: by the visit itself. `left`: after the use, by the ledger; None: it shows no use.
    """
    if (left is None and not said) or (left is not None and left < 0):
        return checkout.changed(state=S.DELETION_INTENDED, end_reason=EndReason.NO_CREDIT_LEFT)
    confirmed = checkout.changed(state=S.CONFIRMED)
    return confirmed if said and left is not None else confirmed.flagged(AttentionReason.CREDIT_NOT_PROVED)


def _is_as_asked(appointment: Appointment, checkout: Checkout) -> bool:
    """Whether time, type, patient, contact type and place are as asked; an unknown contact type counts as the same."""
    slot = checkout.visit_slot
    return (
        (appointment.start, appointment.visit_type_id, appointment.patient_id)
        == (slot.start, slot.visit_type_id, checkout.patient_id)
        and appointment.contact_type in (None, slot.contact_type)
        and slot.location_id in (None, appointment.location_id)
    )


def not_booked(checkout: Checkout, reason: EndReason) -> Checkout:
    """There certainly is no visit: a charge is compensated; without one the checkout ends."""
    if checkout.charge is not None:
        return checkout.changed(state=S.COMPENSATING, end_reason=reason)
    return checkout.changed(
        state=S.SLOT_LOST if reason is EndReason.SLOT_TAKEN else S.CANCELLED, end_reason=reason
    )
