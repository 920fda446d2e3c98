"""What an operator may do with endpoints and with what subscribers were told."""

import base64
import secrets
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta

from booking.errors import DeclaredInSettings, NotFound
from booking.events.deliveries import UNDECLARED, Endpoint, Secret
from booking.events.model import EventName
from booking.ports import Clock
from booking.unit_of_work import UnitOfWorkFactory

# Standard Webhooks: between 24 and 64 random bytes.
_SECRET_BYTES = 32


async def declare(endpoints: Sequence[Endpoint], *, units: UnitOfWorkFactory, clock: Clock) -> None:
    """Make the endpoints of the settings what these say, at the start of a process; those made by hand stay as they are.

    Any number of processes may do it at once; where their settings differ, the last one's count.
    """
    async with units() as unit:
        for back in await unit.endpoints.declare(endpoints, now=clock.now()):
            await unit.alerts.forget(back)  # its next outage is news again
        await unit.commit()


class EndpointAdmin:
    """The actions. `check` raises InvalidInput for a URL that nothing will be sent to.

    What the settings declare is changed there: it can only be told again, and be forgotten once it is declared no longer.
    """

    def __init__(
        self, *, units: UnitOfWorkFactory, clock: Clock, check: Callable[[str], Awaitable[None]]
    ) -> None:
        self._units = units
        self._clock = clock
        self._check = check

    async def add(self, url: str, events: frozenset[EventName] | None) -> Endpoint:
        """Tell this endpoint what happens from now on. Raises InvalidInput."""
        await self._check(url)
        endpoint = Endpoint(
            id=f"ep_{secrets.token_hex(8)}",
            url=url,
            events=events,
            secrets=(_new_secret(),),
            created_at=self._clock.now(),
        )
        async with self._units() as unit:
            await unit.endpoints.add(endpoint)
            await unit.commit()
        return endpoint

    async def rotate(self, endpoint_id: str, *, keep: timedelta) -> Secret:
        """Sign with a new secret, and for so long with the present one too; answers the new one. Raises NotFound, DeclaredInSettings."""
        new = _new_secret()
        async with self._units() as unit:
            endpoint = await _existing(unit.endpoints.get(endpoint_id))
            _of_the_database(endpoint)
            until = self._clock.now() + keep
            former = [Secret(text=one.text, until=until) for one in endpoint.secrets[:1]]
            await unit.endpoints.rotate(endpoint_id, (new, *former))
            await unit.commit()
        return new

    async def disable(self, endpoint_id: str) -> None:
        """Tell it nothing until it is enabled; what happens meanwhile waits. Raises NotFound, DeclaredInSettings."""
        async with self._units() as unit:
            _of_the_database(await _existing(unit.endpoints.get(endpoint_id)))
            await unit.endpoints.disable(endpoint_id, because="operator", now=self._clock.now())
            await unit.commit()

    async def enable(self, endpoint_id: str) -> int:
        """Tell it again, and what it has not taken first; answers how many events that are. Raises NotFound, DeclaredInSettings."""
        async with self._units() as unit:
            endpoint = await _existing(unit.endpoints.get(endpoint_id))
            if endpoint.disabled_because == UNDECLARED:
                raise DeclaredInSettings("endpoint")
            waiting = await unit.deliveries.retry_all(endpoint_id, now=self._clock.now())
            await unit.endpoints.enable(endpoint_id)
            await unit.alerts.forget(endpoint_id)
            await unit.commit()
        return waiting

    async def remove(self, endpoint_id: str) -> None:
        """Forget it. Raises NotFound, DeclaredInSettings."""
        async with self._units() as unit:
            endpoint = await _existing(unit.endpoints.get(endpoint_id))
            if endpoint.disabled_because != UNDECLARED:
                _of_the_database(endpoint)
            await unit.deliveries.remove(endpoint_id)
            await unit.commit()

    async def replay(self, endpoint_id: str, *, since: datetime, until: datetime) -> int:
        """Tell it once more what happened in this time, as far as it wants it; answers how many events. Raises NotFound."""
        async with self._units() as unit:
            endpoint = await _existing(unit.endpoints.get(endpoint_id))
            count = await unit.deliveries.redeliver(
                endpoint_id, endpoint.events, since=since, until=until, now=self._clock.now()
            )
            await unit.commit()
        return count


async def _existing(reading: Awaitable[Endpoint | None]) -> Endpoint:
    endpoint = await reading
    if endpoint is None:
        raise NotFound("endpoint")
    return endpoint


def _of_the_database(endpoint: Endpoint) -> None:
    if endpoint.declared:
        raise DeclaredInSettings("endpoint")


def _new_secret() -> Secret:
    drawn = base64.b64encode(secrets.token_bytes(_SECRET_BYTES)).decode("ascii")
    return Secret(text=f"whsec_{drawn}")
