"""Patient records."""

from collections.abc import Sequence
from datetime import date

from booking.models import Appointment, GuestDetails, Patient
from booking.refusals import OutcomeUnknown, UpstreamRefused
from integrations.healthie.answers import every, refusal
from integrations.healthie.errors import changing, reading
from integrations.healthie.generated.client import Client
from integrations.healthie.visits import appointment_of


class HealthiePatients:
    """The port Patients, acting with the organisation's key."""

    def __init__(self, *, client: Client) -> None:
        self._client = client

    async def find(self, guest: GuestDetails) -> str | None:
        """The patient with this email and these names, if any; of several the oldest. Raises UpstreamUnavailable."""
        with reading():
            people = await every(
                lambda after: self._client.patients_by_email(email=guest.email.strip(), after=after),
                lambda answer: answer.users,
            )
        wanted = _likeness(guest.email, guest.first_name, guest.last_name)
        ids = [each.id for each in people if _likeness(each.email, each.first_name, each.last_name) == wanted]
        return min(ids, key=_age, default=None)

    async def create(self, guest: GuestDetails, *, clinician_id: str, time_zone: str) -> str:
        """Create the patient, without a welcome message. Raises UpstreamRefused (`patient_exists`), OutcomeUnknown."""
        with changing():
            answer = await self._client.create_patient(
                dietitian_id=clinician_id,
                email=guest.email.strip(),
                first_name=guest.first_name.strip(),
                last_name=guest.last_name.strip(),
                phone_number=guest.phone,
                dob=_written(guest.birth_date),
                timezone=time_zone,
            )
            payload = answer.create_client
            refused = refusal("CreatePatient", payload.messages) if payload else None
            if refused is not None and any(_says_exists(each) for each in refused.messages):
                raise UpstreamRefused("CreatePatient", "patient_exists")
            if refused is not None:
                raise refused
        person = payload.user if payload else None
        if person is None or _likeness(person.email, person.first_name, person.last_name) != _likeness(
            guest.email, guest.first_name, guest.last_name
        ):
            raise OutcomeUnknown("CreatePatient: not what was asked")
        return person.id

    async def profile(self, patient_id: str) -> Patient | None:
        """The patient's own record; None when there is none. Raises UpstreamUnavailable."""
        with reading():
            person = (await self._client.patient(id=patient_id)).user
        if person is None or person.id != patient_id:
            return None
        return Patient(
            id=person.id,
            first_name=person.first_name or "",
            last_name=person.last_name or "",
            email=person.email,
            time_zone=person.timezone,
        )

    async def appointments(self, patient_id: str) -> Sequence[Appointment]:
        """All visits of the patient, newest start first. Raises UpstreamUnavailable."""
        with reading():
            visits = await every(
                lambda after: self._client.visits_of_patient(user_id=patient_id, after=after),
                lambda answer: answer.appointments,
            )
        found = [appointment for each in visits if (appointment := appointment_of(each)) is not None]
        return sorted(found, key=lambda each: each.start, reverse=True)


def _likeness(*parts: str | None) -> tuple[str, ...]:
    """What two records of one person have in common: case and outer space do not count."""
    return tuple((part or "").strip().casefold() for part in parts)


def _age(patient_id: str) -> tuple[int, str]:
    return (int(patient_id) if patient_id.isdigit() else 0, patient_id)


def _written(day: date | None) -> str | None:
    return day.isoformat() if day else None


def _says_exists(message: str) -> bool:
    return "already" in message.casefold()
