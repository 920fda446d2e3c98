"""Networks of which too many webhooks were refused: told so without their body being read, or a line being logged for each."""

from starlette.datastructures import Headers

from booking.ports import Clock
from gateway.callers.client_networks import NetworkPseudonyms
from gateway.rates.counting import Bound, Counts
from gateway.rates.operations import of_network
from gateway.rates.table import REFUSED_WEBHOOKS


class BlockedSenders:
    """Counts refusals by network, in this process alone: a forged delivery is not worth a question to Redis.

    Where networks are not known nobody is told apart, and so nobody is kept out: it could be Healthie.
    """

    def __init__(self, *, networks: NetworkPseudonyms, clock: Clock) -> None:
        self._networks = networks
        self._counts = Counts(clock=clock, key=networks.key)

    async def shut_out_for(self, headers: Headers) -> int:
        """For how many seconds nothing is taken from this network; 0: it is."""
        waits = [await self._counts.wait(bound) for bound in self._bounds(headers)]
        return max(waits, default=0)

    async def refused(self, headers: Headers) -> None:
        """One was refused, and nobody who knows a secret of ours sent it."""
        await self._counts.add(self._bounds(headers))

    def _bounds(self, headers: Headers) -> list[Bound]:
        return list(of_network(REFUSED_WEBHOOKS, self._networks.name(headers)))
