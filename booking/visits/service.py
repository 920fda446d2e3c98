"""VisitService: what a patient sees of one visit. Everything is read when it is asked for.

Reads of the same visit at the same time are one call upstream, except of the ways in, which are nobody else's.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

import structlog

from booking.catalog.model import ContactType
from booking.changes.model import RequestedChange
from booking.changes.policy import ChangeOptions
from booking.changes.visit import JoinLinks
from booking.errors import UpstreamUnavailable
from booking.models import Appointment, AppointmentStatus
from booking.ports import Clock
from booking.resources import Kind, Resource, Snapshot
from booking.single_flight import SingleFlight
from booking.unit_of_work import Scope, UnitOfWorkFactory
from booking.visits.known import as_last_known, as_moved, record_of
from booking.visits.model import (
    CalendarLinks,
    ChangeOptionsOf,
    VisitDetails,
    VisitRecord,
    VisitRecords,
    is_upcoming,
)

# Seconds that an answer waits for the present state of a visit. A read takes well under one; after this, what was known last is shown.
PATIENCE_SECONDS = 3.0

# A visit that was read back at its booking is not read again for the answer that tells of the booking.
READ_BACK_IS_GOOD_FOR = timedelta(seconds=30)

# Links are made by then; earlier ones only lie about, and the practice may still move the visit.
JOINABLE_BEFORE = timedelta(hours=24)

# Reads of options at once in this process. A list has one a visit, and other callers wait at the same gate.
_AT_ONCE = 4

_NO_OPTIONS = ChangeOptions(cancel_until=None, reschedule_until=None, fee_now=None)

log = structlog.get_logger(__name__)


class VisitService:
    """Reads single visits. Whose a visit is, is decided before: by the list or the checkout that it was found in."""

    def __init__(
        self,
        *,
        records: VisitRecords,
        details: VisitDetails,
        changes: ChangeOptionsOf,
        links: CalendarLinks,
        units: UnitOfWorkFactory,
        clock: Clock,
    ) -> None:
        self._records = records
        self._details = details
        self._changes = changes
        self._links = links
        self._units = units
        self._clock = clock
        self._reads: SingleFlight[str, VisitRecord | None] = SingleFlight()
        self._option_reads: SingleFlight[str, ChangeOptions] = SingleFlight()
        self._turns = asyncio.Semaphore(_AT_ONCE)

    def now(self) -> datetime:
        """The present moment, by which visits are upcoming or past (UTC)."""
        return self._clock.now()

    async def as_it_stands(self, booked: Appointment, *, read_back_at: datetime | None = None) -> Appointment:
        """The visit upstream; while that cannot be read, as the last snapshot has it, else as it was booked. Never raises.

        `booked`: the visit by our own row. One that was moved to another clinician is the new visit since. `read_back_at`: when the booking was read back, for an answer that tells of it: it is not
        read again then, so that a confirm is answered as soon as it is done.
        """
        if read_back_at is not None and self._clock.now() - read_back_at <= READ_BACK_IS_GOOD_FOR:
            return booked
        booked = as_moved(booked, await self._changes_since(booked))
        try:
            record = await self._read(booked.id)
        except UpstreamUnavailable:
            return as_last_known(booked, await self._snapshot(booked.id))
        return record.shown if record is not None else replace(booked, status=AppointmentStatus.CANCELLED)

    async def record(self, appointment_id: str) -> VisitRecord | None:
        """The visit for its calendar entry, else as its last snapshot has it; None when there never was one.

        Raises UpstreamUnavailable when it cannot be read, and was never seen.
        """
        try:
            record = await self._read(appointment_id)
        except UpstreamUnavailable:
            known = record_of(await self._snapshot(appointment_id))
            if known is None:
                raise
            return known
        if record is not None:
            return record
        known = record_of(await self._snapshot(appointment_id))
        return replace(known, deleted=True) if known else None

    async def options(self, visit: Appointment) -> ChangeOptions:
        """What may still be done with it; nothing where it is over or cancelled, without a read. Raises UpstreamUnavailable."""
        if not is_upcoming(visit, now=self._clock.now()):
            return _NO_OPTIONS
        return await self._option_reads(visit.id, lambda: self._read_options(visit.id))

    def joinable_from(self, visit: Appointment) -> datetime | None:
        """From when the way in is read (UTC); None: there is none, since it is over, cancelled, or not by video."""
        if visit.contact_type not in {None, ContactType.VIDEO} or visit.clinician_id is None:
            return None
        return visit.start - JOINABLE_BEFORE if is_upcoming(visit, now=self._clock.now()) else None

    async def join(self, visit: Appointment) -> JoinLinks | None:
        """The patient's way in; None while there is none yet. For the visit's own patient or guest only. Raises UpstreamUnavailable.

        A secret: never kept, shared or logged. Before `joinable_from` nothing is read.
        """
        opens = self.joinable_from(visit)
        if opens is None or visit.clinician_id is None or self._clock.now() < opens:
            return None
        links = await self._details.join_links(visit.id, clinician_id=visit.clinician_id)
        return links if links.url or links.dial_in else None

    def calendar_link(self, visit: Appointment) -> str:
        """The link to its calendar entry."""
        return self._links.link(visit)

    async def _read(self, appointment_id: str) -> VisitRecord | None:
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                return await self._reads(appointment_id, lambda: self._records.get(appointment_id))
        except TimeoutError as error:
            raise UpstreamUnavailable("the visit was not read in time") from error

    async def _read_options(self, appointment_id: str) -> ChangeOptions:
        async with self._turns:
            visit = await self._details.get(appointment_id)
        return await self._changes.options(visit) if visit is not None else _NO_OPTIONS

    async def _changes_since(self, booked: Appointment) -> Sequence[RequestedChange]:
        """What was done to it since here; nothing where that cannot be read."""
        if booked.checkout_id is None:
            return ()
        try:
            async with self._units(Scope.READING) as unit:
                return await unit.changes.of_checkout(booked.checkout_id)
        except Exception as error:  # noqa: BLE001  # as below
            log.warning("visits.changes_not_read", error=type(error).__name__)
            return ()

    async def _snapshot(self, appointment_id: str) -> Snapshot | None:
        try:
            async with self._units(Scope.READING) as unit:
                return await unit.snapshots.get(Resource(kind=Kind.VISIT, id=appointment_id))
        except Exception as error:  # noqa: BLE001  # what was booked is shown instead: after a payment the answer must come
            log.warning("visits.snapshot_not_read", error=type(error).__name__)
            return None
