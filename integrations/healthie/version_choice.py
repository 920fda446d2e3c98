"""VersionChoice: the version of Healthie's API that this process asks for.

chosen       by asking at start, once a day, and when the version in use is refused: the newest known one that takes all of our
             operations, else the oldest that is answered at all
fallback     until Healthie has answered: `versions.fallback`
pinned       by a setting: used whatever Healthie answers

Processes of one practice may use different versions; what they store does not depend on it.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from datetime import date, timedelta
from enum import Enum
from functools import cache

import structlog
from graphql import print_ast

from booking.errors import UpstreamUnavailable
from booking.single_flight import SingleFlight
from integrations.healthie.contract import operations
from integrations.healthie.errors import GraphQLErrors, UnsupportedVersion
from integrations.healthie.generated.client import Client
from integrations.healthie.generated.who_am_i import WhoAmI
from integrations.healthie.versions import KNOWN, fallback, newest_first
from integrations.upstream.errors import CallError, InvalidRequest

log = structlog.get_logger(__name__)

PROBE = "ApiVersion"

# Calls work meanwhile, on the fallback. Rare enough for a key that Healthie does not know.
CHOOSE_AGAIN = timedelta(minutes=5)
CHOSEN_FOR = timedelta(days=1)

# Seconds after a choice in vain during which a refused call does not start another one: each is a request for every version.
IN_VAIN = 60.0


class Standing(Enum):
    """How Healthie answers a version."""

    USABLE = "usable"  # it takes all of our operations
    ANSWERED = "answered"  # it refuses some
    REFUSED = "refused"  # not published, or ended


Ask = Callable[[str], Awaitable[Standing]]  # raises CallError when the answer says neither
Replaced = Callable[
    [str, str | None], Awaitable[None]
]  # the refused version, and the one used instead; None: there is none


async def only_logged(refused: str, used: str | None) -> None:
    """Log the replacement of a refused version."""
    log.error("healthie.version_refused", refused=refused, used=used)


async def ask_version(client: Client, version: str) -> Standing:
    """Ask how Healthie answers a version, with one cheap request. Raises CallError.

    Its document holds every operation, and only one that asks whose the key is gets executed: a GraphQL server validates a
    document as a whole.
    """
    # In a thread: for the first one the contract's schema is built, and a start does not stand still for it.
    document = await asyncio.to_thread(_probe, version)
    try:
        await client.execute(
            WhoAmI,
            query=document,
            operation_name=PROBE,
            mutation=False,
            variables={},
            version=version,
        )
    except UnsupportedVersion:
        return Standing.REFUSED
    except (GraphQLErrors, InvalidRequest):
        return Standing.ANSWERED
    return Standing.USABLE


@cache
def _probe(version: str) -> str:
    return f"query {PROBE} {{ currentUser {{ id }} }}\n{print_ast(operations(version))}"


class VersionChoice:
    """The version in use. `today` gives the date for the fallback; `replaced` is told of a version refused under way."""

    def __init__(
        self,
        *,
        pinned: str | None,
        ask: Ask,
        today: Callable[[], date],
        replaced: Replaced = only_logged,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._pinned = pinned
        self._ask = ask
        self._replaced = replaced
        self._used = pinned or fallback(today())
        self._choosing: SingleFlight[str, dict[str, Standing]] = SingleFlight()
        self._monotonic = monotonic
        self._in_vain_until = 0.0
        self._told: set[str] = set()  # refused versions

    @property
    def used(self) -> str:
        """The version that calls are made on."""
        return self._used

    @property
    def is_pinned(self) -> bool:
        """Whether a setting names the version."""
        return self._pinned is not None

    async def keep_chosen(self) -> None:
        """Choose now, and again once a day, until cancelled; sooner when Healthie did not answer. Returns at once if pinned."""
        while not self.is_pinned:
            wait = CHOSEN_FOR
            try:
                await self.choose()
            except Exception as error:  # noqa: BLE001  # the next time may succeed; the text may hold upstream's words
                wait = CHOOSE_AGAIN
                log.warning("healthie.version_not_chosen", used=self._used, error=_code_of(error))
            await asyncio.sleep(wait.total_seconds())

    async def choose(self) -> Mapping[str, Standing]:
        """Ask for the known versions, newest first, up to the first usable one, and use it.

        Returns how those that were asked for are answered. Raises CallError.
        """
        return await self._choosing("", self._choose)

    async def standings(self) -> dict[str, Standing]:
        """How every known version is answered, newest first, and a pinned one; uses the best. Raises CallError."""
        found = await self.choose()
        return {each: found[each] if each in found else await self._ask(each) for each in self._known}

    async def replace(self, refused: str) -> bool:
        """Choose again because Healthie refused a version. Returns whether another one is in use; operators are told.

        Never raises: without an answer the refused version stays in use, and its next call asks again.
        """
        if self._used != refused:
            return True
        if not self.is_pinned and self._monotonic() >= self._in_vain_until:
            try:
                await self.choose()
            except (CallError, UpstreamUnavailable) as error:
                log.warning("healthie.version_not_chosen", used=self._used, error=_code_of(error))
                return False
        found = self._used if self._used != refused else None
        if found is None:
            self._in_vain_until = max(self._in_vain_until, self._monotonic() + IN_VAIN)
        if refused not in self._told:
            self._told.add(refused)
            await self._replaced(refused, found)
        return found is not None

    @property
    def _known(self) -> list[str]:
        return newest_first({*KNOWN, *([self._pinned] if self._pinned else [])})

    async def _choose(self) -> dict[str, Standing]:
        found: dict[str, Standing] = {}
        for version in self._known:
            found[version] = await self._ask(version)
            if found[version] is Standing.USABLE:
                break
        best = _best(found)
        if best is not None and not self.is_pinned and best != self._used:
            log.info("healthie.version_chosen", version=best, before=self._used)
            self._used = best
        return found


def _best(found: dict[str, Standing]) -> str | None:
    """The newest usable version, else the oldest that is answered: its schema is known best. None when all are refused."""
    usable = [version for version, standing in found.items() if standing is Standing.USABLE]
    answered = [version for version, standing in found.items() if standing is Standing.ANSWERED]
    return next(iter(newest_first(usable)), min(answered, default=None))


def _code_of(error: Exception) -> str:
    return error.code if isinstance(error, CallError) else type(error).__name__
