"""Group visits of a practice that keeps them in a list."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from booking.groups.model import GroupVisit


@dataclass
class ListedGroupVisits:
    """The port GroupVisits: all that is in the list; counts the reads, and fails while `error` is set."""

    visits: list[GroupVisit] = field(default_factory=list)
    reads: list[tuple[datetime, datetime]] = field(default_factory=list)
    error: Exception | None = None

    async def standing(
        self, visit_type_ids: Collection[str], *, start: datetime, end: datetime
    ) -> Sequence[GroupVisit]:
        self.reads.append((start, end))
        if self.error is not None:
            raise self.error
        return [visit for visit in self.visits if visit.visit_type_id in visit_type_ids]
