"""What operators see of the gateway's work: where checkouts stand, and nothing of whose they are."""

from collections.abc import Sequence

from booking.operations.model import CheckoutSummary, ListPlace
from booking.unit_of_work import UnitOfWorkFactory


class OperationsService:
    """Reads what is under way."""

    def __init__(self, *, units: UnitOfWorkFactory) -> None:
        self._units = units

    async def checkouts(
        self, *, state: str | None, attention: bool, limit: int, after: ListPlace | None
    ) -> Sequence[CheckoutSummary]:
        """The checkouts at this state, those that need a person, or all, the latest first, behind a place in that list."""
        async with self._units() as unit:
            return await unit.checkouts.listed(state=state, attention=attention, limit=limit, after=after)
