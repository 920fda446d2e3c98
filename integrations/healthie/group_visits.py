"""HealthieGroupVisits: the group visits in the practice's calendar, read with the organisation's key, which sees every clinician's."""

from collections.abc import Collection, Sequence
from datetime import datetime

from booking.groups.model import GroupVisit
from booking.models import AppointmentStatus
from integrations.healthie.answers import every
from integrations.healthie.contact_types import contact_type
from integrations.healthie.generated.client import Client
from integrations.healthie.generated.fragments import GroupVisit as GroupVisitFields
from integrations.healthie.visits import STATUSES
from integrations.upstream.errors import reading


class HealthieGroupVisits:
    """The port GroupVisits."""

    def __init__(self, *, client: Client) -> None:
        self._client = client

    async def standing(
        self, visit_type_ids: Collection[str], *, start: datetime, end: datetime
    ) -> Sequence[GroupVisit]:
        """Group visits of these types that begin in the range and are not cancelled. Raises UpstreamUnavailable.

        The filters are checked again here: one of a wrong kind filters nothing.
        """
        with reading():
            found = await every(
                lambda after: self._client.group_visits_between(
                    type_ids=[*sorted(visit_type_ids)], start_date=start, end_date=end, after=after
                ),
                lambda answer: answer.appointments,
            )
        visits = (group_visit_of(each) for each in found)
        return [
            visit
            for visit in visits
            if visit is not None and visit.visit_type_id in visit_type_ids and start <= visit.start <= end
        ]


def group_visit_of(visit: GroupVisitFields) -> GroupVisit | None:
    """The domain's GroupVisit; None for one that does not take place, is no group's, or lacks what patients must know of it."""
    way = contact_type(visit.contact_type)
    booked = STATUSES.get((visit.pm_status or "").casefold(), AppointmentStatus.BOOKED)
    if not visit.is_group or booked is not AppointmentStatus.BOOKED:
        return None
    if visit.date is None or not visit.length or way is None:
        return None
    if visit.provider is None or visit.appointment_type is None:
        return None
    return GroupVisit(
        id=visit.id,
        visit_type_id=visit.appointment_type.id,
        clinician_id=visit.provider.id,
        start=visit.date,
        minutes=visit.length,
        contact_type=way,
        location_id=visit.appointment_location_id,
        seats=_seats(visit.max_attendees),
        # Whether the list also has those who wait is not documented. Where somebody waits no seat is free, either way.
        seats_taken=sum(each.cancelled is not True for each in visit.attended_clients or ()),
    )


def _seats(text: str | None) -> int | None:
    """How many may attend, which Healthie writes as text; None where it says none."""
    written = (text or "").strip()
    return int(written) if written.isascii() and written.isdigit() else None
