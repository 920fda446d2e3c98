"""Lists of a patient's visits: which are in one, and in which order."""

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum

from booking.models import Appointment
from booking.visits.model import is_upcoming


class VisitFilter(StrEnum):
    """Which visits are listed. Every visit is either upcoming or past."""

    UPCOMING = "upcoming"  # going to take place, or taking place; soonest first
    PAST = "past"  # over, cancelled, missed or moved away; latest start first
    ALL = "all"  # latest start first


def listed(visits: Sequence[Appointment], which: VisitFilter, *, now: datetime) -> list[Appointment]:
    """The visits of the list, in its order; visits at one time in the order of their ids, so that pages never overlap."""
    wanted = [
        visit
        for visit in visits
        if which is VisitFilter.ALL or is_upcoming(visit, now=now) is (which is VisitFilter.UPCOMING)
    ]
    return sorted(
        wanted, key=lambda visit: (visit.start, visit.id), reverse=which is not VisitFilter.UPCOMING
    )
