"""Patient records."""

import unicodedata
from collections.abc import Sequence
from datetime import date
from typing import Protocol

from booking.errors import UpstreamRefused
from booking.models import Appointment, GuestDetails, Patient
from integrations.healthie.answers import every, refusal
from integrations.healthie.errors import UnreadableAnswer, changing, reading, reading_back
from integrations.healthie.generated.client import Client
from integrations.healthie.readback import Comparison
from integrations.healthie.visits import appointment_of


class HealthiePatients:
    """The port Patients, acting with the organisation's key."""

    def __init__(self, *, client: Client, comparison: Comparison) -> None:
        self._client = client
        self._comparison = comparison

    async def find(self, guest: GuestDetails) -> str | None:
        """The patient with this email and these names, if any; of several the oldest. Raises UpstreamUnavailable."""
        with reading():
            people = await every(
                lambda after: self._client.patients_by_email(email=guest.email.strip(), after=after),
                lambda answer: answer.users,
            )
        ids = [each.id for each in people if _is(guest, each)]
        return min(ids, key=_age, default=None)

    async def create(self, guest: GuestDetails, *, clinician_id: str, time_zone: str) -> str:
        """Create the patient, without a welcome message. Raises UpstreamRefused (`patient_exists`), OutcomeUnknown."""
        with changing():
            try:
                payload = (
                    await self._client.create_patient(
                        dietitian_id=clinician_id,
                        email=guest.email.strip(),
                        first_name=guest.first_name.strip(),
                        last_name=guest.last_name.strip(),
                        phone_number=guest.phone,
                        dob=_written(guest.birth_date),
                        timezone=time_zone,
                    )
                ).create_client
            except UnreadableAnswer as answer:
                return await self._shown(guest, answer)
            refused = refusal("CreatePatient", payload.messages) if payload else None
            if refused is not None and any(_says_exists(each) for each in refused.messages):
                raise UpstreamRefused("CreatePatient", "patient_exists")
            if refused is not None:
                raise refused
            person = payload.user if payload else None
            await self._comparison.hold("CreatePatient", person=person is not None and _is(guest, person))
        if person is None:
            raise AssertionError("a patient who was compared is there")
        return person.id

    async def _shown(self, guest: GuestDetails, answer: UnreadableAnswer) -> str:
        """The patient whom an unreadable answer showed, looked up at once. Raises OutcomeUnknown."""
        if answer.record_id is None:
            raise answer
        with reading_back():
            person = (await self._client.patient(id=answer.record_id)).user
        if person is None or person.id != answer.record_id or not _is(guest, person):
            raise answer
        return person.id

    async def profile(self, patient_id: str) -> Patient | None:
        """The patient's record; None when there is none, or the id is a clinician's. Raises UpstreamUnavailable."""
        with reading():
            person = (await self._client.patient(id=patient_id)).user
        if person is None or person.id != patient_id or person.is_patient is False:
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


class Named(Protocol):
    """What tells the patients of a practice apart."""

    @property
    def email(self) -> str | None: ...  # noqa: D102 - Healthie's word
    @property
    def first_name(self) -> str | None: ...  # noqa: D102 - Healthie's word
    @property
    def last_name(self) -> str | None: ...  # noqa: D102 - Healthie's word


def _is(guest: GuestDetails, person: Named) -> bool:
    """Whether a record is the guest's: case, outer space and how letters are composed do not count."""
    return _likeness(guest) == _likeness(person)


def _likeness(one: Named) -> tuple[str, ...]:
    parts = (one.email, one.first_name, one.last_name)
    return tuple(unicodedata.normalize("NFC", (part or "").strip().casefold()) for part in parts)


def _age(patient_id: str) -> tuple[int, str]:
    return (int(patient_id) if patient_id.isdigit() else 0, patient_id)


def _written(day: date | None) -> str | None:
    return day.isoformat() if day else None


def _says_exists(message: str) -> bool:
    return "already" in message.casefold()
