"""The bookable catalog: the practice's catalog without blocked clinicians."""

from booking.catalog.model import Catalog
from booking.operations.model import BlockedClinicians
from booking.ports import CatalogSource
from booking.single_flight import SingleFlight


class BookableCatalog:
    """The port CatalogSource over another one, without blocked clinicians."""

    def __init__(self, *, source: CatalogSource, blocks: BlockedClinicians) -> None:
        self._source = source
        self._blocks = blocks
        self._reading: SingleFlight[str, Catalog] = SingleFlight()

    async def catalog(self) -> Catalog:
        """The catalog without blocked clinicians; concurrent callers share one read (single flight)."""
        return await self._reading("catalog", self._read)

    async def _read(self) -> Catalog:
        catalog = await self._source.catalog()
        return catalog.without(await self._blocks.blocked())
