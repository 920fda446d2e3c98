"""Event dispatch in a worker: to the handlers of installed packages, and to the endpoints stored in the database."""

import random
import warnings
from importlib.metadata import EntryPoint, entry_points
from typing import Any

import structlog

from booking.events.deliveries import Endpoint, Subscriber
from booking.events.dispatcher import EventDispatcher
from booking.events.endpoint_admin import declare
from booking.events.handlers import Handler, InstalledHandler
from booking.operations.alerts import AlertService
from booking.operations.model import AttentionReason
from booking.ports import Clock
from booking.unit_of_work import UnitOfWorkFactory
from gateway.settings import Settings
from gateway.settings.declared_endpoints import endpoints_of
from integrations.endpoints.addresses import OutboundAddressPolicy
from integrations.endpoints.sending import HttpEndpoint, PinnedTransport, open_network

# The group of entry points that packages with handlers declare.
GROUP = "frontdoor.handlers"

log = structlog.get_logger(__name__)


class EventDispatch:
    """Runs the event dispatcher of a worker.

    Handlers are loaded with the first dispatch only, since the gateway dispatches nothing.
    """

    def __init__(
        self,
        *,
        settings: Settings,
        units: UnitOfWorkFactory,
        alert_service: AlertService,
        clock: Clock,
        name: str,
    ) -> None:
        self._settings = settings
        self._units = units
        self._alert_service = alert_service
        self._clock = clock
        self._name = name
        self._dispatcher: EventDispatcher | None = None
        self._transport: PinnedTransport | None = None

    async def declare(self) -> None:
        """Synchronize the stored endpoints with those of the settings."""
        now = self._clock.now()
        endpoints = endpoints_of(self._settings.endpoints, now=now)
        await declare(endpoints, units=self._units, clock=self._clock)

    async def dispatch(self) -> None:
        """Start the due deliveries in the background. Does not wait for them."""
        if self._dispatcher is None:
            self._dispatcher = await self._start()
        await self._dispatcher.dispatch()

    async def aclose(self) -> None:
        """Wait a moment for deliveries in progress, then cancel the rest and close the connections."""
        if self._dispatcher is not None:
            await self._dispatcher.aclose()
        if self._transport is not None:
            await self._transport.aclose()

    async def _start(self) -> EventDispatcher:
        await self.declare()
        handlers, unusable = installed_handlers()
        for name in unusable:
            await self._alert_service.raise_alert(AttentionReason.HANDLER_UNUSABLE, f"handler:{name}")
        transport = self._transport = PinnedTransport(
            outbound_address_policy=outbound_address_policy(self._settings), inner=open_network()
        )

        def reach(endpoint: Endpoint) -> Subscriber:
            timeout = self._settings.endpoint_timeout_seconds
            return HttpEndpoint(endpoint, transport=transport, timeout=timeout, clock=self._clock)

        dispatcher = EventDispatcher(
            units=self._units,
            handlers={one.id: one for one in handlers},
            reach=reach,
            clock=self._clock,
            name=self._name,
            jitter=random.random,
        )
        await dispatcher.register()
        return dispatcher


def outbound_address_policy(settings: Settings) -> OutboundAddressPolicy:
    """The SSRF guard, by the settings."""
    return OutboundAddressPolicy(allow_loopback=settings.endpoints_allow_loopback)


def installed_handlers() -> tuple[list[InstalledHandler], list[str]]:
    """The handlers of installed packages, and the names of those that could not be loaded; the log says why."""
    usable: dict[str, InstalledHandler] = {}
    unusable: list[str] = []
    for entry in entry_points(group=GROUP):
        try:
            loaded = _load(entry)
            if not isinstance(loaded, Handler) or entry.name in usable:
                raise TypeError("a handler is decorated with @handler(…), and has a name of its own")  # noqa: TRY301
        except Exception:
            log.exception("events.handler_unusable", handler=entry.name)
            unusable.append(entry.name)
        else:
            usable[entry.name] = InstalledHandler(name=entry.name, handler=loaded)
    return list(usable.values()), unusable


def _load(entry: EntryPoint) -> Any:
    """Load an entry point, and log its warnings: Python shows a DeprecationWarning of an imported module to nobody."""
    with warnings.catch_warnings(record=True) as raised:
        warnings.simplefilter("default")
        loaded = entry.load()
    for one in raised:
        log.warning(
            "events.handler_warned",
            handler=entry.name,
            warning=str(one.message),
            file=f"{one.filename}:{one.lineno}",
        )
    return loaded
