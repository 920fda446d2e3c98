"""Telling subscribers from a worker: the handlers that are installed beside this program, and the endpoints of the database."""

import random
from importlib.metadata import entry_points

import structlog

from booking.alerts import Watch
from booking.endpoints import declare
from booking.handlers import Handler, InstalledHandler
from booking.oversight import Attention
from booking.ports import Clock
from booking.subscribers import Endpoint, Subscriber
from booking.telling import Courier, TellingUnits
from gateway.declared_endpoints import endpoints_of
from gateway.settings import Settings
from integrations.endpoints.addresses import Doorman
from integrations.endpoints.sending import HttpEndpoint, PinnedTransport, open_network

# The group of entry points that packages with handlers declare.
GROUP = "frontdoor.handlers"

log = structlog.get_logger(__name__)


class Telling:
    """What a worker tells. Nothing is loaded before the first look: the gateway tells nobody."""

    def __init__(
        self, *, settings: Settings, units: TellingUnits, watch: Watch, clock: Clock, name: str
    ) -> None:
        self._settings = settings
        self._units = units
        self._watch = watch
        self._clock = clock
        self._name = name
        self._courier: Courier | None = None
        self._transport: PinnedTransport | None = None

    async def declare(self) -> None:
        """Make the endpoints of the settings what these say."""
        now = self._clock.now()
        endpoints = endpoints_of(self._settings.endpoints, now=now)
        await declare(endpoints, units=self._units, clock=self._clock)

    async def look(self) -> None:
        """Start telling whoever has something to be told."""
        if self._courier is None:
            self._courier = await self._start()
        await self._courier.look()

    async def aclose(self) -> None:
        """Let those who are being told take it, for a moment."""
        if self._courier is not None:
            await self._courier.aclose()
        if self._transport is not None:
            await self._transport.aclose()

    async def _start(self) -> Courier:
        await self.declare()
        handlers, unusable = installed_handlers()
        for name in unusable:
            await self._watch.raise_alert(Attention.HANDLER_UNUSABLE, f"handler:{name}")
        transport = self._transport = PinnedTransport(doorman=doorman(self._settings), inner=open_network())

        def reach(endpoint: Endpoint) -> Subscriber:
            timeout = self._settings.endpoint_timeout_seconds
            return HttpEndpoint(endpoint, transport=transport, timeout=timeout, clock=self._clock)

        courier = Courier(
            units=self._units,
            handlers={one.id: one for one in handlers},
            reach=reach,
            clock=self._clock,
            name=self._name,
            jitter=random.random,
        )
        await courier.enrol()
        return courier


def doorman(settings: Settings) -> Doorman:
    """Who decides where events may be sent."""
    return Doorman(allow_loopback=settings.endpoints_allow_loopback)


def installed_handlers() -> tuple[list[InstalledHandler], list[str]]:
    """The handlers of the packages that are installed, and the names of those that cannot be used: the log says why."""
    usable: dict[str, InstalledHandler] = {}
    unusable: list[str] = []
    for entry in entry_points(group=GROUP):
        try:
            loaded = entry.load()
            if not isinstance(loaded, Handler) or entry.name in usable:
                raise TypeError("a handler is decorated with @handler, and has a name of its own")  # noqa: TRY301
        except Exception:
            log.exception("telling.handler_unusable", handler=entry.name)
            unusable.append(entry.name)
        else:
            usable[entry.name] = InstalledHandler(name=entry.name, handler=loaded)
    return list(usable.values()), unusable
