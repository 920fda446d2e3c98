"""What the processes of a practice share: holds, pacing, change signals, the catalog cache and offers of free time.

Through Redis where one is set; otherwise holds are in the database, and the rest is per process.
"""

from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy.ext.asyncio import AsyncEngine

from booking.catalog.cached import CatalogCache
from booking.change_signals import ChangeSignals, LocalChangeSignals
from booking.local_pacer import LocalPacer
from booking.pacing import LearnedPaces, Pace, Pacer
from booking.ports import Clock, HoldStore
from booking.scheduling.offer_store import OfferStore
from gateway.settings import Settings
from integrations.database.holds import SqlHoldStore

if TYPE_CHECKING:
    from integrations.redis.change_signals import RedisChangeSignals
    from integrations.redis.client import ScriptingRedis


@dataclass(frozen=True, kw_only=True)
class Shared:
    """The shared parts, as one process uses them."""

    holds: HoldStore
    pacer: Pacer  # one pace for each API key, across processes where there is Redis
    proof_pacer: Pacer  # the same, for proving clinicians' keys
    # What the pacer has learned; None: each process learns its own, which no other can tell.
    learned_paces: LearnedPaces | None = None
    local_signals: LocalChangeSignals  # notifies the listeners of this process, whatever the signals' origin
    # Signals among processes; None: each finds the changes of others by polling.
    redis_signals: "RedisChangeSignals | None" = None
    catalog_cache: CatalogCache | None = None
    offer_store: OfferStore | None = None  # None: each process reads free time for itself
    redis: "ScriptingRedis | None" = (
        None  # with a short timeout, for callers that carry on without it when it is slow
    )

    @property
    def change_signals(self) -> ChangeSignals:
        """Where changes are published: to all processes where there is Redis, otherwise to this one."""
        return self.redis_signals or self.local_signals


def share(settings: Settings, *, engine: AsyncEngine, clock: Clock, exits: AsyncExitStack) -> Shared:
    """Build the shared parts; nothing is sent before the first use. `exits` closes what is opened."""
    pace = settings.healthie_pace
    # Each clinician's key has a bucket of its own, but a lockout would hit the one account that patients use meanwhile.
    # It does not rise: nobody waits for proofs.
    proof_pace = Pace(per_second=pace.start.per_second / 2, burst=max(1, pace.start.burst // 4))
    local_signals = LocalChangeSignals()
    if settings.redis_url is None:
        return Shared(
            holds=SqlHoldStore(engine=engine, clock=clock),
            pacer=LocalPacer(pace, clock=lambda: clock.now().timestamp()),
            proof_pacer=LocalPacer(proof_pace, clock=lambda: clock.now().timestamp()),
            local_signals=local_signals,
        )
    # Imported only where it is used, since it costs a quarter of a second at every start.
    from integrations.redis.catalog_cache import RedisCatalogCache  # noqa: PLC0415
    from integrations.redis.change_signals import RedisChangeSignals  # noqa: PLC0415
    from integrations.redis.client import SHORT_SECONDS, connect_listener, connect_redis  # noqa: PLC0415
    from integrations.redis.holds import RedisHoldStore  # noqa: PLC0415
    from integrations.redis.offers import RedisOfferStore  # noqa: PLC0415
    from integrations.redis.pacing import RedisPacer  # noqa: PLC0415

    prefix, secret = f"frontdoor:{settings.tenant}:", settings.secret_key.get_secret_value().encode()
    patient = connect_redis(settings.redis_url)
    quick = connect_redis(settings.redis_url, timeout=SHORT_SECONDS)
    listener = connect_listener(settings.redis_url)
    redis_signals = RedisChangeSignals(
        client=quick, listener=listener, channel=f"{prefix}pokes", local=local_signals
    )
    for close in (patient.aclose, quick.aclose, listener.aclose, redis_signals.aclose):
        exits.push_async_callback(close)
    pacer = RedisPacer(pace, client=quick, prefix=prefix)
    return Shared(
        holds=RedisHoldStore(client=patient, prefix=prefix, secret=secret, clock=clock),
        pacer=pacer,
        proof_pacer=RedisPacer(proof_pace, client=quick, prefix=prefix),
        learned_paces=pacer,
        local_signals=local_signals,
        redis_signals=redis_signals,
        catalog_cache=RedisCatalogCache(client=quick, prefix=prefix),
        offer_store=RedisOfferStore(client=quick, prefix=prefix),
        redis=quick,
    )
