"""Which patient a signed-in person is: as the provider says, or as their verified email finds them, as long as that record stands."""

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

# Who has no record yet may get one any minute, by a checkout as a guest; until then they are not looked for at every request.
UNKNOWN_FOR = timedelta(minutes=1)

# A record can go into another one any time. That a word of it comes from upstream is not sure, nor that it names the one that
# is gone: so it is looked whether theirs stands, once in so long for each person who is there.
KNOWN_FOR = timedelta(minutes=10)

# Signed-in people of one process; the rest are read from the database again.
_REMEMBERED = 10_000

log = structlog.get_logger(__name__)

T = TypeVar("T")


class NoPatientRecord(RequestError):
    """Somebody signed in whom the practice has no record of."""

    code = "NO_PATIENT_RECORD"
    message = "The practice has no record under your name and verified email. Book your first visit as a guest, or ask the practice."
    status = 403


class PatientLinks(Protocol):
    """Which patient each signed-in person was found to be. Holds no name and no address."""

    async def get(self, issuer: str, subject: str) -> str | None:
        """The patient's id."""

    async def add(self, issuer: str, subject: str, patient_id: str, *, now: datetime) -> str:
        """Keep it; answers what stands, when another process was first."""

    async def forget(self, patient_id: str) -> int:
        """Take back every link to a patient; answers how many."""


class LinkedPatients:
    """The port PatientDirectory."""

    def __init__(self, *, patients: Patients, links: PatientLinks, clock: Clock) -> None:
        self._patients = patients
        self._links = links
        self._clock = clock
        self._known: OrderedDict[tuple[str, str], tuple[str, datetime]] = OrderedDict()  # who, until when
        self._unknown: OrderedDict[tuple[str, str], datetime] = OrderedDict()
        self._looking: SingleFlight[tuple[str, str], str | None] = SingleFlight()

    async def patient_id(self, identity: Identity) -> str:
        """Their id in the system of record. Raises NoPatientRecord; UpstreamUnavailable."""
        if identity.patient_id is not None:
            return identity.patient_id
        person = identity.issuer, identity.subject
        known = self._known.get(person)
        if known is not None and self._clock.now() < known[1]:
            return known[0]
        unknown_until = self._unknown.get(person)
        if unknown_until is not None and self._clock.now() < unknown_until:
            raise NoPatientRecord
        found = await self._looking(person, lambda: self._look(identity))
        if found is None:
            _remember(self._unknown, person, self._clock.now() + UNKNOWN_FOR)
            raise NoPatientRecord
        _remember(self._known, person, (found, self._clock.now() + KNOWN_FOR))
        return found

    async def _look(self, identity: Identity) -> str | None:
        linked = await self._links.get(identity.issuer, identity.subject)
        if linked is not None and await self._stands(linked):
            return linked
        if identity.email is None or identity.first_name is None or identity.last_name is None:
            return None
        found = await self._patients.find(
            GuestDetails(email=identity.email, first_name=identity.first_name, last_name=identity.last_name)
        )
        if found is None:
            return None
        if linked is not None:  # not before another is found: what cannot be seen today may be there tomorrow
            await self._links.forget(linked)
        log.info("sign_in.patient_linked", anew=linked is not None)
        return await self._links.add(identity.issuer, identity.subject, found, now=self._clock.now())

    async def _stands(self, patient_id: str) -> bool:
        """Whether the practice has the record still; while it cannot be asked, nobody is signed out for that."""
        try:
            return await self._patients.profile(patient_id) is not None
        except UpstreamUnavailable:
            log.warning("sign_in.record_not_checked")
            return True


def _remember(memory: OrderedDict[tuple[str, str], T], person: tuple[str, str], value: T) -> None:
    """Keep it, and forget the longest known when there are too many."""
    memory[person] = value
    memory.move_to_end(person)
    if len(memory) > _REMEMBERED:
        memory.popitem(last=False)
