"""The bookable catalog: the practice's offer without the clinicians who are blocked."""

from booking.catalog.model import Catalog
from booking.operations.model import BlockedClinicians
from booking.ports import CatalogSource
from booking.single_flight import SingleFlight


class BookableCatalog:
    """The port CatalogSource over another one, less the clinicians who are blocked."""

    def __init__(self, *, source: CatalogSource, blocks: BlockedClinicians) -> None:
        self._source = source
        self._blocks = blocks
        self._reading: SingleFlight[str, Catalog] = SingleFlight()

    async def catalog(self) -> Catalog:
        """Everything public, without clinicians who are not bookable until cleared; identical callers share one reading."""
        return await self._reading("catalog", self._read)

    async def _read(self) -> Catalog:
        catalog = await self._source.catalog()
        return catalog.without(await self._blocks.blocked())
