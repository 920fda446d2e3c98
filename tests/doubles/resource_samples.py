"""States of the practice's resources as one look finds them, made up: one of each kind."""

from datetime import UTC, datetime, timedelta

from booking.models import AppointmentStatus as Status
from booking.resources import (
    AvailabilityState,
    CardState,
    DisputeState,
    FormState,
    Kind,
    PatientState,
    PaymentState,
    PaymentStatus,
    VisitState,
)

NOW = datetime(2027, 1, 4, 15, 0, tzinfo=UTC)

VISIT = VisitState(
    created_at=NOW,
    updated_at=NOW,
    status=Status.BOOKED,
    status_changed_at=None,
    start=NOW + timedelta(days=3),
    minutes=30,
    clinician_id="11",
    patient_id="501",
    visit_type_id="21",
    checkout_id="chk_1",
    deleted_at=None,
    changed_by=None,
)
PAYMENT = PaymentState(
    created_at=NOW,
    updated_at=NOW,
    status=PaymentStatus.SCHEDULED,
    patient_id="501",
    checkout_id=None,
    refund=None,
    disputed=False,
)
PATIENT = PatientState(created_at=NOW, updated_at=NOW, details="d1", active=True)
FORM = FormState(created_at=NOW, updated_at=NOW, patient_id="501", completed=False)
CARD = CardState(created_at=NOW, updated_at=None, patient_id="501")
HOURS = AvailabilityState(created_at=NOW, updated_at=NOW, clinician_id="11", hours="h1")
DISPUTE = DisputeState(created_at=NOW, updated_at=NOW, payment_id="61", patient_id="501", status="open")

KINDS: dict[type[object], Kind] = {
    VisitState: Kind.VISIT,
    PaymentState: Kind.PAYMENT,
    PatientState: Kind.PATIENT,
    FormState: Kind.FORM,
    CardState: Kind.CARD,
    AvailabilityState: Kind.AVAILABILITY,
    DisputeState: Kind.DISPUTE,
}
