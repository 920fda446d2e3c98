"""Administration of endpoints: add, rotate, disable, enable, remove and replay; and synchronization with the settings."""

import base64
import secrets
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta

from booking.errors import DeclaredInSettings, NotFound
from booking.events.deliveries import UNDECLARED, Endpoint, Secret
from booking.events.model import EventName
from booking.ports import Clock
from booking.unit_of_work import UnitOfWorkFactory

# Standard Webhooks asks for 24 to 64 random bytes.
_SECRET_BYTES = 32


async def declare(endpoints: Sequence[Endpoint], *, units: UnitOfWorkFactory, clock: Clock) -> None:
    """Synchronize the stored endpoints with those of the settings, at process start. Endpoints added by command stay unchanged.

    Safe to run in any number of processes at once; if their settings differ, the last write wins.
    """
    async with units() as unit:
        for endpoint_id in await unit.endpoints.declare(endpoints, now=clock.now()):
            await unit.alerts.forget(endpoint_id)  # so that its next outage raises an alert again
        await unit.commit()


class EndpointAdmin:
    """An operator's actions on endpoints. `check` raises InvalidInput for a URL that the SSRF guard would refuse.

    Endpoints declared in the settings are changed there: here they can only be enabled and replayed, and be removed once
    they are no longer declared.
    """

    def __init__(
        self, *, units: UnitOfWorkFactory, clock: Clock, check: Callable[[str], Awaitable[None]]
    ) -> None:
        self._units = units
        self._clock = clock
        self._check = check

    async def add(self, url: str, events: frozenset[EventName] | None) -> Endpoint:
        """Add an endpoint with a new secret; it receives events that are written from now on (`events` None: all).

        Raises InvalidInput.
        """
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
        """Sign with a new secret, which is returned, and for `keep` with the current one too.

        Raises NotFound, DeclaredInSettings.
        """
        new = _new_secret()
        async with self._units() as unit:
            endpoint = await _existing(unit.endpoints.get(endpoint_id))
            _refuse_declared(endpoint)
            until = self._clock.now() + keep
            former = [Secret(text=one.text, until=until) for one in endpoint.secrets[:1]]
            await unit.endpoints.rotate(endpoint_id, (new, *former))
            await unit.commit()
        return new

    async def disable(self, endpoint_id: str) -> None:
        """Stop deliveries until it is enabled; events wait meanwhile. Raises NotFound, DeclaredInSettings."""
        async with self._units() as unit:
            _refuse_declared(await _existing(unit.endpoints.get(endpoint_id)))
            await unit.endpoints.disable(endpoint_id, because="operator", now=self._clock.now())
            await unit.commit()

    async def enable(self, endpoint_id: str) -> int:
        """Resume deliveries, beginning with those not accepted so far; returns how many these are.

        Raises NotFound, DeclaredInSettings.
        """
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
        """Delete the endpoint and its deliveries. Raises NotFound, DeclaredInSettings."""
        async with self._units() as unit:
            endpoint = await _existing(unit.endpoints.get(endpoint_id))
            if endpoint.disabled_because != UNDECLARED:
                _refuse_declared(endpoint)
            await unit.deliveries.remove(endpoint_id)
            await unit.commit()

    async def replay(self, endpoint_id: str, *, since: datetime, until: datetime) -> int:
        """Make the events that it wants, dated in [since, until), due again; returns how many. Raises NotFound."""
        async with self._units() as unit:
            endpoint = await _existing(unit.endpoints.get(endpoint_id))
            count = await unit.deliveries.redeliver(
                endpoint_id, endpoint.events, since=since, until=until, now=self._clock.now()
            )
            await unit.commit()
        return count


async def _existing(found: Awaitable[Endpoint | None]) -> Endpoint:
    endpoint = await found
    if endpoint is None:
        raise NotFound("endpoint")
    return endpoint


def _refuse_declared(endpoint: Endpoint) -> None:
    if endpoint.declared:
        raise DeclaredInSettings("endpoint")


def _new_secret() -> Secret:
    drawn = base64.b64encode(secrets.token_bytes(_SECRET_BYTES)).decode("ascii")
    return Secret(text=f"whsec_{drawn}")
