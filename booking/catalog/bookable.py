"""The bookable catalog: the practice's catalog without blocked clinicians."""

from booking.catalog.model import Catalog
from booking.operations.model import BlockedClinicians
from booking.ports import CatalogSource


class BookableCatalog:
    """The port CatalogSource over another one, without blocked clinicians."""

    def __init__(self, *, source: CatalogSource, blocks: BlockedClinicians) -> None:
        self._source = source
        self._blocks = blocks
        self._last: tuple[Catalog, frozenset[str], Catalog] | None = None

    async def catalog(self) -> Catalog:
        """The catalog without blocked clinicians: the very same object as long as neither changes."""
        whole, blocked = await self._source.catalog(), await self._blocks.blocked()
        if self._last is None or self._last[0] is not whole or self._last[1] != blocked:
            self._last = whole, blocked, whole.without(blocked)
        return self._last[2]
