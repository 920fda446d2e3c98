"""What the processes of a practice share: through Redis where there is one, else through the database, or not at all."""

from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy.ext.asyncio import AsyncEngine

from booking.catalog.cached import CatalogCache
from booking.change_signals import ChangeSignals, LocalChangeSignals
from booking.pacing import LocalPacer, Pace, Pacer
from booking.ports import Clock, HoldStore
from gateway.settings import Settings
from integrations.database.holds import SqlHoldStore

if TYPE_CHECKING:
    from redis.asyncio import Redis

    from integrations.redis.change_signals import RedisChangeSignals


@dataclass(frozen=True, kw_only=True)
class Shared:
    """What one process has of it."""

    holds: HoldStore
    pacer: Pacer  # one pace of each API key for all, where there is a Redis
    proof_pacer: Pacer  # the same for proving whose the clinicians' keys are
    local_signals: LocalChangeSignals  # what those who watch in this process hear, whoever said it
    redis_signals: "RedisChangeSignals | None" = (
        None  # what processes tell one another; None: each looks for itself
    )
    catalog_cache: CatalogCache | None = None  # where they leave the catalogue for one another
    redis: "Redis | None" = None  # for what can do without it when it is slow

    @property
    def change_signals(self) -> ChangeSignals:
        """Where to say that something has changed."""
        return self.redis_signals or self.local_signals


def share(settings: Settings, *, engine: AsyncEngine, clock: Clock, exits: AsyncExitStack) -> Shared:
    """Build it; nothing is sent before the first use."""
    pace = Pace(per_second=settings.healthie_requests_per_second, burst=settings.healthie_burst)
    # Each clinician's key has a bucket of its own; the account that may be locked out is one, and patients use it meanwhile.
    proof_pace = Pace(per_second=pace.per_second / 2, burst=max(1, pace.burst // 4))
    local_signals = LocalChangeSignals()
    if settings.redis_url is None:
        return Shared(
            holds=SqlHoldStore(engine=engine, clock=clock),
            pacer=LocalPacer(pace, clock=lambda: clock.now().timestamp()),
            proof_pacer=LocalPacer(proof_pace, clock=lambda: clock.now().timestamp()),
            local_signals=local_signals,
        )
    # Loaded only where it is used: a quarter of a second at every start.
    from integrations.redis.catalog_cache import RedisCatalogCache  # noqa: PLC0415
    from integrations.redis.change_signals import RedisChangeSignals  # noqa: PLC0415
    from integrations.redis.client import SHORT_SECONDS, connect_listener, connect_redis  # noqa: PLC0415
    from integrations.redis.holds import RedisHoldStore  # noqa: PLC0415
    from integrations.redis.pacing import RedisPacer  # noqa: PLC0415

    prefix, secret = f"frontdoor:{settings.tenant}:", settings.secret_key.get_secret_value().encode()
    patient = connect_redis(settings.redis_url)
    hasty = connect_redis(settings.redis_url, timeout=SHORT_SECONDS)
    listener = connect_listener(settings.redis_url)
    redis_signals = RedisChangeSignals(
        client=hasty, listener=listener, channel=f"{prefix}pokes", local=local_signals
    )
    for close in (patient.aclose, hasty.aclose, listener.aclose, redis_signals.aclose):
        exits.push_async_callback(close)
    return Shared(
        holds=RedisHoldStore(client=patient, prefix=prefix, secret=secret, clock=clock),
        pacer=RedisPacer(pace, client=hasty, prefix=prefix),
        proof_pacer=RedisPacer(proof_pace, client=hasty, prefix=prefix),
        local_signals=local_signals,
        redis_signals=redis_signals,
        catalog_cache=RedisCatalogCache(client=hasty, prefix=prefix),
        redis=hasty,
    )
