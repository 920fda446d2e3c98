"""Converts Healthie's appointments to the domain's. Shared by all adapters that read appointments."""

from datetime import datetime
from typing import Protocol

from booking.models import Appointment, AppointmentStatus, OpenInvoice
from integrations.healthie.answers import money
from integrations.healthie.contact_types import contact_type
from integrations.healthie.generated.fragments import Visit, VisitRequestedPayment
from integrations.healthie.scalars import Json

# The metadata key for the checkout id of a booking or a patient record.
REFERENCE = "frontdoor_checkout"

# The metadata key for the id of the requested change that booked a visit. Another one, since such a visit is not its checkout's.
CHANGE_REFERENCE = "frontdoor_change"

# The status of an invoice that is paid in full (Healthie's guide on invoices).
PAID = "Paid"

STATUSES = {
    "occurred": AppointmentStatus.COMPLETED,
    "no-show": AppointmentStatus.NO_SHOW,
    "re-scheduled": AppointmentStatus.RESCHEDULED,
    "cancelled": AppointmentStatus.CANCELLED,
    "late cancellation": AppointmentStatus.CANCELLED,
    "checked-in": AppointmentStatus.CHECKED_IN,
}


def appointment_of(visit: Visit) -> Appointment | None:
    """The domain's Appointment; None for an entry without a time."""
    if visit.date is None:
        return None
    kind, provider, invoice = visit.appointment_type, visit.provider, visit.requested_payment
    return Appointment(
        id=visit.id,
        clinician_id=provider.id if provider else None,
        clinician_name=provider.full_name if provider else None,
        patient_id=visit.user.id if visit.user else None,
        visit_type_id=kind.id if kind else None,
        visit_type_name=kind.name if kind else None,
        start=visit.date,
        minutes=visit.length or 0,
        contact_type=contact_type(visit.contact_type),
        location_id=visit.appointment_location_id,
        status=STATUSES.get((visit.pm_status or "").casefold(), AppointmentStatus.BOOKED),
        checkout_id=reference_of(visit.metadata),
        open_invoice=_open(invoice) if invoice else None,
    )


class InvoiceStatus(Protocol):
    """An invoice with what shows whether it is paid."""

    @property
    def status(self) -> str | None: ...  # noqa: D102 - Healthie's word
    @property
    def paid_at(self) -> datetime | None: ...  # noqa: D102 - Healthie's word


def is_paid(invoice: InvoiceStatus) -> bool:
    """Whether an invoice is paid. Whether one that was marked as paid by hand has a time is not documented."""
    return invoice.paid_at is not None or (invoice.status or "").casefold() == PAID.casefold()


def _open(invoice: VisitRequestedPayment) -> OpenInvoice | None:
    if is_paid(invoice):
        return None
    try:
        amount = money(invoice.price, invoice.currency)
    except ValueError:
        amount = None
    return OpenInvoice(id=invoice.id, amount=amount)


def reference_of(metadata: Json, *, name: str = REFERENCE) -> str | None:
    """The checkout's id in a record's metadata, or what else stands there under the name; or None."""
    reference = metadata.get(name) if isinstance(metadata, dict) else None
    return reference if isinstance(reference, str) else None
