"""Blocks networks that sent too many refused webhook deliveries: answers 429, reads no body and logs no single delivery."""

from booking.ports import Clock
from gateway.callers.client_networks import NetworkPseudonyms
from gateway.headers import Headers
from gateway.rates.counting import Bound, Counts
from gateway.rates.operations import of_network
from gateway.rates.table import REFUSED_WEBHOOKS


class BlockedSenders:
    """Counts refused deliveries per network, in this process alone: a forged delivery is not worth a request to Redis.

    Where networks are not known nothing is counted or blocked, since the sender could be Healthie.
    """

    def __init__(self, *, networks: NetworkPseudonyms, clock: Clock) -> None:
        self._networks = networks
        self._counts = Counts(clock=clock, key=networks.key)

    async def blocked_for(self, headers: Headers) -> int:
        """Seconds for which the sending network is blocked; 0: it is not."""
        waits = [await self._counts.wait(bound) for bound in self._bounds(headers)]
        return max(waits, default=0)

    async def refused(self, headers: Headers) -> None:
        """Count a refused delivery that no known secret had signed."""
        await self._counts.add(self._bounds(headers))

    def _bounds(self, headers: Headers) -> list[Bound]:
        return list(of_network(REFUSED_WEBHOOKS, self._networks.name(headers)))
