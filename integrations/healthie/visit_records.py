"""HealthieVisitRecords: single visits as they stand, read with the organisation's key, which sees every clinician's calendar."""

from booking.visits.model import VisitRecord
from integrations.healthie.generated.client import Client
from integrations.healthie.visits import appointment_of
from integrations.upstream.errors import reading


class HealthieVisitRecords:
    """The port VisitRecords."""

    def __init__(self, *, client: Client) -> None:
        self._client = client

    async def get(self, appointment_id: str) -> VisitRecord | None:
        """The visit, a deleted one too; None when there is none, or it has no time. Raises UpstreamUnavailable."""
        with reading():
            visit = (await self._client.visit_as_it_stands(id=appointment_id)).appointment
        appointment = appointment_of(visit) if visit is not None and visit.id == appointment_id else None
        if visit is None or appointment is None:
            return None
        return VisitRecord(
            appointment=appointment, deleted=visit.deleted_at is not None, updated_at=visit.updated_at
        )
