"""KeyProvedCatalog: the cached offer without the clinicians whose key is not currently proved."""

from collections.abc import Awaitable, Callable

from booking.catalog.model import Catalog
from integrations.healthie.keys import KeyStore


class KeyProvedCatalog:
    """The port CatalogSource over the cached catalog.

    Filters at each call, so a failed proof removes its clinician at once.
    """

    def __init__(self, *, kept: Callable[[], Awaitable[Catalog]], keys: KeyStore) -> None:
        self._kept = kept
        self._keys = keys

    async def catalog(self) -> Catalog:
        """The cached catalog with only the clinicians who can be booked. Raises UpstreamUnavailable."""
        catalog = await self._kept()
        return catalog.only(self._keys.proved)
