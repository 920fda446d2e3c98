"""A visit as it stands, and the ports by which it is read."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Protocol

from booking.changes.policy import ChangeOptions
from booking.changes.visit import BookedVisit, JoinLinks
from booking.models import Appointment, AppointmentStatus

# Statuses of a visit that is going to take place.
STANDING = frozenset({AppointmentStatus.BOOKED, AppointmentStatus.CHECKED_IN})


@dataclass(frozen=True, kw_only=True)
class VisitRecord:
    """A visit as the system of record has it at one moment."""

    appointment: Appointment
    deleted: bool = False
    updated_at: datetime | None = None  # UTC; its last change, whatever that was

    @property
    def shown(self) -> Appointment:
        """The visit as its patient sees it: one that the practice deleted is cancelled."""
        if self.deleted:
            return replace(self.appointment, status=AppointmentStatus.CANCELLED)
        return self.appointment


class VisitRecords(Protocol):
    """Single visits by their id. Every call reads upstream."""

    async def get(self, appointment_id: str) -> VisitRecord | None:
        """The visit, whoever treats by now, a deleted one too; None when there is none. Raises UpstreamUnavailable."""


class VisitDetails(Protocol):
    """The part of `booking.changes.ports.Visits` that showing a visit needs."""

    async def get(self, appointment_id: str) -> BookedVisit | None:
        """The visit with the rules and the verdict that apply to it."""

    async def join_links(self, appointment_id: str, *, clinician_id: str) -> JoinLinks:
        """The patient's way into the visit, read now."""


class ChangeOptionsOf(Protocol):
    """What may still be done with a visit: `booking.changes.service.ChangeService`."""

    async def options(self, visit: BookedVisit) -> ChangeOptions:
        """Until when it may be cancelled and moved, and what cancelling costs now."""


class CalendarLinks(Protocol):
    """Links to a visit's calendar entry. Who has one reads the entry, and nothing else, until it expires."""

    def link(self, visit: Appointment) -> str:
        """The link. The same one whenever the visit stands at the same time."""


def end_of(visit: Appointment) -> datetime:
    """When the visit ends (UTC)."""
    return visit.start + timedelta(minutes=visit.minutes)


def is_upcoming(visit: Appointment, *, now: datetime) -> bool:
    """Whether the visit is going to take place, or is taking place."""
    return visit.status in STANDING and now < end_of(visit)
