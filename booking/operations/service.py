"""What operators see of checkouts and requested changes: their states and reasons for attention, without patient data."""

from collections.abc import Sequence

from booking.operations.model import ChangeSummary, CheckoutSummary, ListCursor
from booking.unit_of_work import UnitOfWorkFactory


class OperationsService:
    """Lists checkouts, and changes of booked visits, for operators."""

    def __init__(self, *, units: UnitOfWorkFactory) -> None:
        self._units = units

    async def checkouts(
        self, *, state: str | None, attention: bool, limit: int, after: ListCursor | None
    ) -> Sequence[CheckoutSummary]:
        """Checkouts, newest first: in this state, with `attention` only those that need a person, or all; `after` is a cursor."""
        async with self._units() as unit:
            return await unit.checkouts.listed(state=state, attention=attention, limit=limit, after=after)

    async def changes(
        self, *, state: str | None, attention: bool, limit: int, after: ListCursor | None
    ) -> Sequence[ChangeSummary]:
        """Requested changes, as `checkouts`."""
        async with self._units() as unit:
            return await unit.changes.listed(state=state, attention=attention, limit=limit, after=after)
