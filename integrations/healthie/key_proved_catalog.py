"""What is kept of the practice's offer, less the clinicians whose key is not proved at this very moment."""

from collections.abc import Awaitable, Callable

from booking.catalog.model import Catalog
from integrations.healthie.keys import KeyStore


class KeyProvedCatalog:
    """The port CatalogSource over what is kept, however old: a proof that fails takes its clinician off the offer at once."""

    def __init__(self, *, kept: Callable[[], Awaitable[Catalog]], keys: KeyStore) -> None:
        self._kept = kept
        self._keys = keys

    async def catalog(self) -> Catalog:
        """What is kept, with the clinicians who can be booked. Raises UpstreamUnavailable."""
        catalog = await self._kept()
        return catalog.only(self._keys.proved)
