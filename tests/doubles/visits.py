"""Doubles of what shows booked visits: single reads, ways in, options and links."""

import asyncio
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from booking.changes.policy import ChangeOptions
from booking.changes.visit import BookedVisit, ChangeVerdict, JoinLinks, VisitRules
from booking.errors import UpstreamUnavailable
from booking.models import Appointment, AppointmentStatus
from booking.money import Money
from booking.resources import Kind, Resource, Snapshot, VisitState
from booking.visits.model import VisitRecord
from tests.doubles.booking_ports import NOW

RULES = VisitRules(
    may_cancel=True, may_reschedule=True, cancel_notice=timedelta(hours=24), reschedule_notice=None
)


@dataclass
class FakeVisits:
    """The ports VisitRecords and VisitDetails, and ChangeOptionsOf; counts what is asked, and answers when it may."""

    appointments: list[Appointment] = field(default_factory=list)
    deleted: set[str] = field(default_factory=set)
    links: JoinLinks = field(default_factory=JoinLinks)
    asked: list[str] = field(default_factory=list)
    down: bool = False
    slow: asyncio.Event | None = None  # nothing is answered before it is set
    most_at_once: int = 0
    _out: int = 0

    async def _call(self, name: str) -> None:
        self.asked.append(name)
        self._out += 1
        self.most_at_once = max(self.most_at_once, self._out)
        try:
            await (self.slow.wait() if self.slow else asyncio.sleep(0))
        finally:
            self._out -= 1
        if self.down:
            raise UpstreamUnavailable("down")

    def _found(self, appointment_id: str) -> Appointment | None:
        return next((one for one in self.appointments if one.id == appointment_id), None)

    async def record(self, appointment_id: str) -> VisitRecord | None:
        await self._call(f"record {appointment_id}")
        found = self._found(appointment_id)
        if found is None:
            return None
        return VisitRecord(appointment=found, deleted=appointment_id in self.deleted, updated_at=NOW)

    async def get(self, appointment_id: str) -> BookedVisit | None:
        await self._call(f"rules {appointment_id}")
        found = self._found(appointment_id)
        if found is None:
            return None
        return BookedVisit(
            appointment=found, rules=RULES, verdict=ChangeVerdict(can_cancel=True, can_reschedule=True)
        )

    async def join_links(self, appointment_id: str, *, clinician_id: str) -> JoinLinks:
        await self._call(f"join {appointment_id} {clinician_id}")
        return self.links

    async def options(self, visit: BookedVisit) -> ChangeOptions:
        start = visit.appointment.start
        return ChangeOptions(
            cancel_until=start - timedelta(hours=24), reschedule_until=start, fee_now=Money.of("20.00", "USD")
        )


@dataclass
class Records:
    """The port VisitRecords of the same visits."""

    visits: FakeVisits

    async def get(self, appointment_id: str) -> VisitRecord | None:
        return await self.visits.record(appointment_id)


class PlainLinks:
    """The port CalendarLinks."""

    def link(self, visit: Appointment) -> str:
        return f"/calendar/{visit.id}.ics"


def a_visit(visit_id: str = "v1", *, hours: float = 24, **changes: object) -> Appointment:
    """A visit of the sample patient, that many hours from the beginning."""
    values: dict[str, object] = {
        "id": visit_id,
        "clinician_id": "c1",
        "clinician_name": "Dr. Sample Clinician",
        "patient_id": "p-sample",
        "visit_type_id": "t1",
        "visit_type_name": "Sample Visit",
        "start": NOW + timedelta(hours=hours),
        "minutes": 30,
        "contact_type": None,
        "location_id": None,
        "status": AppointmentStatus.BOOKED,
        "checkout_id": None,
        "open_invoice": None,
    }
    return Appointment(**{**values, **changes})  # type: ignore[arg-type]


def a_snapshot(visit: Appointment, *, deleted_at: datetime | None = None, gone: bool = False) -> Snapshot:
    """What a synchronizer stored of the visit."""
    return Snapshot(
        resource=Resource(kind=Kind.VISIT, id=visit.id),
        version=1,
        gone=gone,
        seen_at=NOW,
        state=VisitState(
            created_at=NOW,
            updated_at=NOW,
            status=visit.status,
            status_changed_at=None,
            start=visit.start,
            minutes=visit.minutes,
            clinician_id=visit.clinician_id,
            patient_id=visit.patient_id,
            visit_type_id=visit.visit_type_id,
            checkout_id=visit.checkout_id,
            deleted_at=deleted_at,
            changed_by=None,
        ),
    )
