"""HealthiePatients: patient records, found, created and read with the organisation's key."""

import json
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Protocol

from booking.errors import UpstreamRefused
from booking.models import Appointment, CreatedPatient, GuestDetails, Patient, PatientMatch
from booking.ports import PATIENT_EXISTS
from integrations.healthie.answers import every, refusal
from integrations.healthie.generated.client import Client
from integrations.healthie.generated.create_patient import CreatePatientCreateClient
from integrations.healthie.generated.fragments import PatientFound
from integrations.healthie.generated.visits_of_patient import VisitsOfPatientAppointmentsNodes
from integrations.healthie.patient_search import PatientSearch
from integrations.healthie.payments import CLOCK_SKEW
from integrations.healthie.readback import Comparison
from integrations.healthie.visits import REFERENCE, appointment_of, reference_of
from integrations.upstream.errors import UnreadableAnswer, changing, reading, reading_back

# How many characters of a checkout's id are appended to the last name, so that staff can tell two equal names apart.
_SUFFIX_LENGTH = 6


@dataclass(frozen=True, kw_only=True)
class _Account:
    """The fields by which Healthie distinguishes a practice's patients."""

    email: str | None  # None: a record without an email
    first_name: str
    last_name: str


class HealthiePatients:
    """The port Patients, acting with the organisation's key."""

    def __init__(self, *, client: Client, comparison: Comparison) -> None:
        self._client = client
        self._comparison = comparison
        self._search = PatientSearch(client)

    async def find(self, guest: GuestDetails) -> PatientMatch | None:
        """The record with this email and these names, or None; of several the oldest, archived ones last.

        Always sends the same requests, whatever it finds: one, or two where more than a page of emails contain this one.
        Raises UpstreamUnavailable.
        """
        account = _account(guest)
        with reading():
            found = await self._search.by_email(
                account.email or "", names=(account.first_name, account.last_name)
            )
        for people, archived in ((found.active, False), (found.archived, True)):
            oldest = _oldest([each for each in people if _is(account, each)])
            if oldest is not None:
                return PatientMatch(id=oldest, archived=archived)
        return None

    async def find_created(
        self, guest: GuestDetails, *, reference: str, since: datetime
    ) -> CreatedPatient | None:
        """The record with these names, created since, whose metadata contain the reference, or None. Raises UpstreamUnavailable."""
        name = f"{guest.first_name.strip()} {guest.last_name.strip()}"
        with reading():
            found = await self._search.by_name(name, since=since - CLOCK_SKEW)
        made = {each.id: each for each in (*found.active, *found.archived) if _reference(each) == reference}
        oldest = _oldest(list(made.values()))
        if oldest is None:
            return None
        return CreatedPatient(id=oldest, apart=not _is(_account(guest), made[oldest]))

    async def create(
        self, guest: GuestDetails, *, clinician_id: str, time_zone: str, reference: str, apart: bool = False
    ) -> str:
        """Create the patient, without a welcome message, and return the id. Raises UpstreamRefused (PATIENT_EXISTS), OutcomeUnknown.

        With `apart` the record has no email (`skipped_email`), so that Healthie accepts it beside one with the same names. Whether
        it accepts a second record without email is not documented: if it refuses, the last name gets part of the reference.
        """
        account = replace(_account(guest), email=None) if apart else _account(guest)

        async def send(account: _Account) -> str:
            return await self._create(
                account, guest, clinician_id=clinician_id, time_zone=time_zone, reference=reference
            )

        try:
            return await send(account)
        except UpstreamRefused as refused:
            if not apart or refused.reason != PATIENT_EXISTS:
                raise
        return await send(replace(account, last_name=f"{account.last_name} ({reference[-_SUFFIX_LENGTH:]})"))

    async def _create(
        self, account: _Account, guest: GuestDetails, *, clinician_id: str, time_zone: str, reference: str
    ) -> str:
        with changing():
            try:
                payload = (
                    await self._client.create_patient(
                        dietitian_id=clinician_id,
                        email=account.email,
                        skipped_email=True if account.email is None else None,
                        first_name=account.first_name,
                        last_name=account.last_name,
                        phone_number=guest.phone,
                        dob=_written(guest.birth_date),
                        timezone=time_zone,
                        metadata=json.dumps({REFERENCE: reference}),
                    )
                ).create_client
            except UnreadableAnswer as answer:
                return await self._recover_created(account, reference, answer)
            _raise_refused(payload)
            person = payload.user if payload else None
            await self._comparison.check("CreatePatient", person=_is_created(account, reference, person))
        if person is None:
            raise AssertionError("a patient who was compared is there")
        return person.id

    async def _recover_created(self, account: _Account, reference: str, answer: UnreadableAnswer) -> str:
        """Look up the patient whose id an undecodable response contained. Raises OutcomeUnknown."""
        if answer.record_id is None:
            raise answer
        with reading_back():
            person = (await self._client.patient(id=answer.record_id)).user
        if person is None or person.id != answer.record_id or not _is_created(account, reference, person):
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
        """All visits of the patient, latest start first; of groups those in which they have a seat. Raises UpstreamUnavailable."""
        with reading():
            visits = await every(
                lambda after: self._client.visits_of_patient(user_id=patient_id, after=after),
                lambda answer: answer.appointments,
            )
        found = [
            appointment
            for each in visits
            if _is_attended(each, patient_id) and (appointment := appointment_of(each)) is not None
        ]
        return sorted(found, key=lambda each: each.start, reverse=True)


def _is_attended(visit: VisitsOfPatientAppointmentsNodes, patient_id: str) -> bool:
    """Whether the patient has a seat in a group's visit; true for one that is no group's.

    Healthie does not say whether its list by a patient has visits whose seat they gave up, or for which they wait. Others' seats
    are read here, and go no further.
    """
    if not visit.is_group:
        return True
    waiting = {each.id for each in visit.attendees_on_waitlist or ()}
    seats = [each for each in visit.attended_clients or () if each.user and each.user.id == patient_id]
    return patient_id not in waiting and any(seat.cancelled is not True for seat in seats)


class Named(Protocol):
    """A record with the fields that distinguish a practice's patients."""

    @property
    def email(self) -> str | None: ...  # noqa: D102 - Healthie's word
    @property
    def first_name(self) -> str | None: ...  # noqa: D102 - Healthie's word
    @property
    def last_name(self) -> str | None: ...  # noqa: D102 - Healthie's word


def _account(guest: GuestDetails) -> _Account:
    return _Account(
        email=guest.email.strip(), first_name=guest.first_name.strip(), last_name=guest.last_name.strip()
    )


def _is(account: _Account, person: Named) -> bool:
    """Whether a record is this account's, ignoring case, surrounding space and Unicode composition (NFC).

    Emails are lowercased, not case-folded: `strasse` and `straße` are domains of two owners (IDNA 2008).
    """
    return _likeness(account) == _likeness(person)


def _is_created(account: _Account, reference: str, person: PatientFound | None) -> bool:
    """Whether a record is the requested one and not another checkout's. Healthie may omit the metadata."""
    return person is not None and _is(account, person) and _reference(person) in (None, reference)


def _likeness(one: Named) -> tuple[str, ...]:
    names = ((part or "").casefold() for part in (one.first_name, one.last_name))
    return tuple(unicodedata.normalize("NFC", part.strip()) for part in ((one.email or "").lower(), *names))


def _reference(person: PatientFound) -> str | None:
    """The checkout id in a record's metadata, or None. Practices may store anything there."""
    try:
        return reference_of(json.loads(person.metadata or "null"))
    except (ValueError, RecursionError):
        return None


def _oldest(people: Sequence[PatientFound]) -> str | None:
    return min((each.id for each in people), key=_age, default=None)


def _raise_refused(payload: CreatePatientCreateClient | None) -> None:
    """Raise UpstreamRefused (PATIENT_EXISTS) or Refused when the response is a refusal."""
    refused = refusal("CreatePatient", payload.messages) if payload else None
    if refused is not None and any(_says_exists(each) for each in refused.messages):
        raise UpstreamRefused("CreatePatient", PATIENT_EXISTS)
    if refused is not None:
        raise refused


def _age(patient_id: str) -> tuple[int, str]:
    return (int(patient_id) if patient_id.isdigit() else 0, patient_id)


def _written(day: date | None) -> str | None:
    return day.isoformat() if day else None


def _says_exists(message: str) -> bool:
    return "already" in message.casefold()
