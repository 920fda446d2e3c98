"""HealthieScheduling: appointments, booked only with the treating clinician's own key."""

from collections.abc import Sequence

import structlog

from booking.checkout.model import Checkout
from booking.models import Appointment
from integrations.healthie.acting import ClinicianClient, StaffClient
from integrations.healthie.appointment_calls import Booking, book_visit, delete_visit, visits_around
from integrations.healthie.readback import Comparison
from integrations.healthie.visits import REFERENCE, appointment_of
from integrations.upstream.errors import reading

log = structlog.get_logger(__name__)


class HealthieScheduling:
    """The port Scheduling. It cannot book with the organisation's key: `clinician` returns clients of clinicians only."""

    def __init__(self, *, clinician: ClinicianClient, staff: StaffClient, comparison: Comparison) -> None:
        self._clinician = clinician
        self._comparison = comparison
        self._staff = staff

    async def book(self, checkout: Checkout) -> Appointment:
        """Create the appointment with availability enforced, and read it back in a separate request.

        Raises SlotTaken, ClinicianNotBookable, UpstreamRefused, UpstreamUnavailable, OutcomeUnknown.
        """
        if checkout.patient_id is None:
            raise ValueError("a booking needs a patient")
        wanted = Booking(
            patient_id=checkout.patient_id,
            slot=checkout.visit_slot,
            time_zone=checkout.time_zone,
            reference={REFERENCE: checkout.id},
        )
        return await book_visit(await self._clinician(checkout.clinician_id), self._comparison, wanted)

    async def find(self, checkout: Checkout) -> Appointment | None:
        """The appointment whose metadata names this checkout, or None. Raises UpstreamUnavailable."""
        mine = await self.find_all(checkout)
        if len(mine) > 1:
            log.error("healthie.several_appointments_found", row=checkout.id, count=len(mine))
        return mine[0] if mine else None

    async def find_all(self, checkout: Checkout) -> Sequence[Appointment]:
        """Every appointment that is not deleted and whose metadata names this checkout. Raises UpstreamUnavailable."""
        if checkout.patient_id is None:
            return ()
        client = await self._staff(checkout.clinician_id)
        with reading():
            visits = await visits_around(client, checkout.patient_id, checkout.visit_slot)
        found = (appointment_of(visit) for visit in visits)
        return [each for each in found if each is not None and each.checkout_id == checkout.id]

    async def delete(self, checkout: Checkout) -> None:
        """Delete the checkout's appointment and read back that it is gone. Idempotent.

        Raises UpstreamRefused, UpstreamUnavailable, OutcomeUnknown.
        """
        if checkout.appointment_id is None:
            raise ValueError("nothing was booked")
        client = await self._staff(checkout.clinician_id)
        await delete_visit(client, self._comparison, checkout.appointment_id, row_id=checkout.id)
