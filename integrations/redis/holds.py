"""The hold store in Redis: atomic Lua scripts, and keys that expire by themselves.

Keys, below the prefix: `hold:<id>` (the hold), and the indexes of live holds `clinician:<id>`, `owner:<HMAC>` (the principal that
took it) and `client:<HMAC>` (the network it was taken from); the last two are unchanged by a transfer. Every key has a time to live,
and none names a patient. Whether a hold is live is decided by the caller's clock, as in SQL; the time to live only cleans up.
For Redis Cluster choose a prefix with a hash tag, such as `{frontdoor}:`.
"""

import hashlib
import hmac
import secrets
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

from redis.exceptions import RedisError

from booking.errors import UpstreamUnavailable
from booking.models import Hold
from booking.ports import Clock
from booking.principals import is_anonymous
from booking.refusals import HoldExpired, HoldLimitReached, SlotTaken
from booking.scheduling.day_capacity import DayCapacity, refusal
from booking.slots import Busy, Interval
from integrations.redis.client import ScriptingRedis
from integrations.redis.hold_fields import (
    NO_LIMIT,
    capacity_arguments,
    from_entry,
    from_fields,
    micros,
    to_fields,
)
from integrations.redis.scripts import script

# Keys outlive their holds by this much, so that a caller whose clock is behind still finds what it thinks is live.
SLACK = timedelta(minutes=1)

_MILLISECOND = timedelta(milliseconds=1)


class RedisHoldStore:
    """The port HoldStore. `client` must decode responses (see `connect_redis`); `secret` keys the HMAC of owners in key names.

    Every call raises UpstreamUnavailable when Redis does not answer; a hold that was taken all the same expires by itself.
    """

    def __init__(
        self, *, client: ScriptingRedis, prefix: str = "frontdoor:", secret: bytes, clock: Clock
    ) -> None:
        self._client = client
        self._prefix = prefix
        self._secret = secret
        self._clock = clock
        self._acquire = script(client, "prelude", "acquire")
        self._extend = script(client, "prelude", "extend")
        self._transfer = script(client, "prelude", "transfer")
        self._release = script(client, "prelude", "release")
        self._busy = script(client, "busy")

    async def acquire(
        self,
        hold: Hold,
        *,
        limit: int | None,
        client_limit: int | None = None,
        capacity: DayCapacity | None = None,
    ) -> Hold:
        """Take the interval; idempotent: the owner's live hold on exactly this slot is returned unchanged.

        Raises SlotTaken, HoldLimitReached, HoldCapacityReached.
        """
        now = self._clock.now()
        arguments: list[str | int] = [
            hold.id,
            micros(now),
            _ttl(now, hold.expires_at),
            NO_LIMIT if limit is None else limit,
            NO_LIMIT if client_limit is None else client_limit,
            *capacity_arguments(capacity, hold),
            *(part for field in to_fields(hold).items() for part in field),
        ]
        with _errors_translated():
            answer = await self._acquire(keys=self._keys(hold), args=arguments)
        if answer == "taken":
            raise SlotTaken
        if answer == "limit" and limit is not None:
            raise HoldLimitReached(limit)
        if answer == "client_limit" and client_limit is not None:
            raise HoldLimitReached(client_limit)
        if answer == "no_room" and capacity is not None:
            others = await self.anonymous(hold.slot.clinician_id, capacity.day)
            raise refusal(capacity, hold, others, now=now)
        return _returned_hold(answer)

    async def get(self, hold_id: str) -> Hold | None:
        """The hold, if it is live."""
        with _errors_translated():
            fields: Mapping[Any, Any] = await self._client.hgetall(self._hold_key(hold_id))
        hold = from_fields(fields) if fields else None
        return hold if hold is not None and hold.is_live(self._clock.now()) else None

    async def extend(self, hold: Hold, *, expires_at: datetime, counted: bool = True) -> Hold:
        """Move the expiry of the owner's live hold, never back; `counted` counts it as an extension. Raises HoldExpired.

        A hold that was extended since it was read is returned unchanged (optimistic locking on its count of extensions).
        """
        now = self._clock.now()
        arguments: list[str | int] = [
            hold.id,
            micros(now),
            _ttl(now, expires_at),
            hold.owner,
            micros(expires_at),
            secrets.token_hex(8),  # names this call: the client retries it once when the connection breaks
            hold.extensions,
            int(counted),
        ]
        with _errors_translated():
            return _returned_hold(await self._extend(keys=self._keys(hold), args=arguments))

    async def transfer(self, hold: Hold, *, owner: str) -> Hold:
        """Transfer a live hold to another owner; idempotent. Raises HoldExpired."""
        arguments = [micros(self._clock.now()), hold.owner, owner]
        with _errors_translated():
            return _returned_hold(await self._transfer(keys=[self._hold_key(hold.id)], args=arguments))

    async def release(self, hold_id: str, *, owners: Collection[str]) -> Hold | None:
        """Release the hold if one of these owns it; returns it as it was. None: it has expired, or has another owner."""
        with _errors_translated():
            fields: Mapping[Any, Any] = await self._client.hgetall(self._hold_key(hold_id))
            if not fields:
                return None
            flat = await self._release(keys=self._keys(from_fields(fields)), args=[hold_id, *owners])
        freed = _returned_hold(flat) if flat else None
        return freed if freed is not None and freed.is_live(self._clock.now()) else None

    async def busy(self, clinician_ids: Sequence[str], span: Interval) -> Sequence[Busy]:
        """The live holds of these clinicians that overlap the span."""
        if not clinician_ids:
            return []
        keys = [*map(self._clinician_key, clinician_ids)]
        arguments = [micros(self._clock.now()), micros(span.start), micros(span.end)]
        with _errors_translated():
            found: Sequence[str] = await self._busy(keys=keys, args=arguments)
        return [_busy(clinician_ids, *one.split(" ", 1)) for one in found]

    async def anonymous(self, clinician_id: str, day: Interval) -> Sequence[Hold]:
        """The clinician's live holds of callers who have not signed in, for slots that start within `day`."""
        now = self._clock.now()
        with _errors_translated():
            entries: Mapping[Any, Any] = await self._client.hgetall(self._clinician_key(clinician_id))
            starts = {hold_id: from_entry(entry)[0].start for hold_id, entry in entries.items()}
            async with self._client.pipeline(transaction=False) as pipeline:
                for hold_id, start in starts.items():
                    if day.start <= start < day.end:
                        pipeline.hgetall(self._hold_key(hold_id))
                standing = [from_fields(fields) for fields in await pipeline.execute() if fields]
        return [hold for hold in standing if hold.is_live(now) and is_anonymous(hold.owner)]

    def _keys(self, hold: Hold) -> list[str]:
        return [
            self._hold_key(hold.id),
            self._clinician_key(hold.slot.clinician_id),
            self._taker_key(hold.taken_by),
            self._client_key(hold.client),
        ]

    def _hold_key(self, hold_id: str) -> str:
        return f"{self._prefix}hold:{hold_id}"

    def _clinician_key(self, clinician_id: str) -> str:
        return f"{self._prefix}clinician:{clinician_id}"

    def _taker_key(self, taken_by: str) -> str:
        return f"{self._prefix}owner:{self._digest(taken_by)}"

    def _client_key(self, client: str | None) -> str:
        return f"{self._prefix}client:{client or ''}"  # a digest already

    def _digest(self, owner: str) -> str:
        # The text includes its purpose: the same secret may key other HMACs elsewhere.
        return hmac.new(self._secret, f"owner of holds {owner}".encode(), hashlib.sha256).hexdigest()


@contextmanager
def _errors_translated() -> Iterator[None]:
    try:
        yield
    except RedisError as error:
        raise UpstreamUnavailable("hold store") from error


def _returned_hold(flat: Sequence[str] | None) -> Hold:
    """The hold that a script returned as alternating names and values. Raises HoldExpired when it returned nothing."""
    if not flat:
        raise HoldExpired
    return from_fields(dict(zip(flat[::2], flat[1::2], strict=True)))


def _busy(clinician_ids: Sequence[str], number: str, entry: str) -> Busy:
    interval, expires_at = from_entry(entry)
    return Busy(clinician_id=clinician_ids[int(number) - 1], interval=interval, until=expires_at)


def _ttl(now: datetime, expires_at: datetime) -> int:
    return (max(expires_at - now, timedelta(0)) + SLACK) // _MILLISECOND
