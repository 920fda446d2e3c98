"""The bookable catalog: the practice's catalog without blocked clinicians."""

from booking.catalog.model import Catalog
from booking.operations.model import BlockedClinicians
from booking.ports import CatalogSource


class BookableCatalog:
    """The port CatalogSource over another one, without blocked clinicians."""

    def __init__(self, *, source: CatalogSource, blocks: BlockedClinicians) -> None:
        self._source = source
        self._blocks = blocks

    async def catalog(self) -> Catalog:
        """The catalog without blocked clinicians."""
        return (await self._source.catalog()).without(await self._blocks.blocked())
