"""Maps a signed-in person to their patient record: by the provider's claim, else by their verified email and name.

A match by email is stored as a link, and checked again every KNOWN_FOR: the record may have been merged into another.
"""

from collections import OrderedDict
from datetime import datetime, timedelta
from typing import Protocol, TypeVar

import structlog

from booking.errors import UpstreamUnavailable
from booking.models import GuestDetails
from booking.ports import Clock, Patients
from booking.single_flight import SingleFlight
from gateway.callers.sign_in.tokens import Identity
from schema.errors import RequestError

# A checkout as a guest may create the missing record any minute; until then it is not searched for at every request.
UNKNOWN_FOR = timedelta(minutes=1)

# A record can be merged into another one any time, and no webhook reliably names the one that is gone. So an active person's
# record is checked again after this long.
KNOWN_FOR = timedelta(minutes=10)

# Entries that one process caches; the rest are read from the database again.
_REMEMBERED = 10_000

log = structlog.get_logger(__name__)

T = TypeVar("T")


class NoPatientRecord(RequestError):
    """The practice has no record of the signed-in person."""

    code = "NO_PATIENT_RECORD"
    message = "The practice has no record under your name and verified email. Book your first visit as a guest, or ask the practice."
    status = 403


class PatientLinks(Protocol):
    """Stored links from signed-in people to patient records. Holds no names and no addresses."""

    async def get(self, issuer: str, subject: str) -> str | None:
        """The linked patient's id; None without a link."""

    async def add(self, issuer: str, subject: str, patient_id: str, *, now: datetime) -> str:
        """Stores the link unless there is one already; returns the patient's id that is stored."""

    async def forget(self, patient_id: str) -> int:
        """Deletes every link to the patient; returns how many."""


class LinkedPatients:
    """Implements PatientDirectory with the system of record, stored links and a cache per process."""

    def __init__(self, *, patients: Patients, links: PatientLinks, clock: Clock) -> None:
        self._patients = patients
        self._links = links
        self._clock = clock
        # Patient id, valid until.
        self._known: OrderedDict[tuple[str, str], tuple[str, datetime]] = OrderedDict()
        self._unknown: OrderedDict[tuple[str, str], datetime] = OrderedDict()
        self._lookups: SingleFlight[tuple[str, str], str | None] = SingleFlight()

    async def patient_id(self, identity: Identity) -> str:
        """The patient's id in the system of record. Raises NoPatientRecord, UpstreamUnavailable."""
        if identity.patient_id is not None:
            return identity.patient_id
        person = identity.issuer, identity.subject
        known = self._known.get(person)
        if known is not None and self._clock.now() < known[1]:
            return known[0]
        unknown_until = self._unknown.get(person)
        if unknown_until is not None and self._clock.now() < unknown_until:
            raise NoPatientRecord
        found = await self._lookups(person, lambda: self._find(identity))
        if found is None:
            _remember(self._unknown, person, self._clock.now() + UNKNOWN_FOR)
            raise NoPatientRecord
        _remember(self._known, person, (found, self._clock.now() + KNOWN_FOR))
        return found

    async def _find(self, identity: Identity) -> str | None:
        linked = await self._links.get(identity.issuer, identity.subject)
        if linked is not None and await self._still_exists(linked):
            return linked
        if identity.email is None or identity.first_name is None or identity.last_name is None:
            return None
        found = await self._patients.find(
            GuestDetails(email=identity.email, first_name=identity.first_name, last_name=identity.last_name)
        )
        if found is None:
            return None
        # Only once another is found: a record that is missing today may be back tomorrow.
        if linked is not None:
            await self._links.forget(linked)
        log.info("sign_in.patient_linked", anew=linked is not None)
        return await self._links.add(identity.issuer, identity.subject, found.id, now=self._clock.now())

    async def _still_exists(self, patient_id: str) -> bool:
        """Whether the record still exists; True while upstream does not answer, so that an outage signs nobody out."""
        try:
            return await self._patients.profile(patient_id) is not None
        except UpstreamUnavailable:
            log.warning("sign_in.record_not_checked")
            return True


def _remember(memory: OrderedDict[tuple[str, str], T], person: tuple[str, str], value: T) -> None:
    """Caches the value, and evicts the least recently written entry beyond _REMEMBERED."""
    memory[person] = value
    memory.move_to_end(person)
    if len(memory) > _REMEMBERED:
        memory.popitem(last=False)
