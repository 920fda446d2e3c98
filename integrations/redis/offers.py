"""Offer days in Redis, so that the processes of a practice read each day of free time once.

Keys, below the prefix: `offers:<kind>:<day>`, a hash of the time of the reading and its slots, and `offers:<kind>:<day>:lease`, who is
reading it. The kind is a hash of visit type, contact type, location and clinicians. Both expire by themselves, and hold no patient data.
"""

import hashlib
import json
import time
from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import Any, TypeAlias

import msgspec
import structlog
from redis.exceptions import RedisError

from booking.scheduling.offer_days import OfferDay, OfferKind
from booking.scheduling.offer_store import KEPT, LEASE, Look
from booking.slot_columns import SlotColumns
from integrations.redis.client import ScriptingRedis
from integrations.redis.scripts import Script, script

log = structlog.get_logger(__name__)

# Of what is stored: another form gets another name, since two versions of this program may run side by side.
_FORM = 2

# Seconds for which a Redis that did not answer is not tried again, so that not every query waits for its timeout.
LEFT_ALONE = 5.0

# Bytes of one day: more than a hundred thousand slots. A larger one is read by each process for itself.
LARGEST = 1_000_000

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND, _MILLISECOND = timedelta(microseconds=1), timedelta(milliseconds=1)

# The clinicians' ids, then for each slot its start, the place of its clinician among them, and its minutes.
_Columns: TypeAlias = tuple[list[str], tuple[int, ...], list[int], tuple[int, ...]]
_written = msgspec.msgpack.Encoder().encode
_columns = msgspec.msgpack.Decoder(_Columns).decode


class RedisOfferStore:
    """The port OfferStore."""

    def __init__(self, *, client: ScriptingRedis, prefix: str) -> None:
        self._prefix = f"{prefix}offers:"
        self._look = script(client, "offers_look")
        self._put = script(client, "offers_put")
        self._release = script(client, "offers_release")
        self._retry_at = 0.0

    async def look(
        self, kind: OfferKind, days: Collection[date], *, after: datetime, token: str | None
    ) -> Look:
        """The days that were read after this time; of the others the lease is taken, of all or none."""
        keys = self._keys(kind, days)
        answer = await self._run(
            self._look,
            [*keys, *map(_lease, keys)],
            [_microseconds(after), token or "", LEASE // _MILLISECOND],
        )
        if answer is None:
            return Look(leased=token is not None)
        leased, *rest = answer
        found = zip(days, rest[::2], rest[1::2], strict=True)
        try:
            offers = {day: _offer(kind, as_of, slots) for day, as_of, slots in found if as_of}
        except (msgspec.MsgspecError, ValueError, IndexError):
            log.warning("offers.unreadable")
            return Look(leased=token is not None)
        return Look(offers=offers, leased=bool(leased))

    async def put(self, kind: OfferKind, offers: Mapping[date, OfferDay], *, token: str) -> None:
        """Store what was read, unless a newer reading is there, and end its leases; all of it was read at the same time."""
        written = {day: _packed(offer.slots) for day, offer in offers.items()}
        if (largest := max(map(len, written.values()))) > LARGEST:
            log.warning("offers.too_large_to_share", size=largest)
        shared = [packed if len(packed) <= LARGEST else b"" for packed in written.values()]
        as_of = min(offer.as_of for offer in offers.values())
        keys = self._keys(kind, written)
        arguments: list[str | bytes | int] = [_microseconds(as_of), KEPT // _MILLISECOND, token, *shared]
        await self._run(self._put, [*keys, *map(_lease, keys)], arguments)

    async def release(self, kind: OfferKind, days: Collection[date], *, token: str) -> None:
        """End the leases of these days that belong to this token."""
        await self._run(self._release, list(map(_lease, self._keys(kind, days))), [token])

    def _keys(self, kind: OfferKind, days: Collection[date]) -> list[str]:
        return [f"{self._prefix}{_name(kind)}:{day.isoformat()}" for day in days]

    async def _run(
        self, lua: Script, keys: Sequence[str], arguments: Sequence[str | bytes | int]
    ) -> Sequence[Any] | None:
        """Run the script; None while Redis does not answer."""
        if time.monotonic() < self._retry_at:
            return None
        try:
            answer = await lua(keys=keys, args=arguments, is_binary=True)
        except RedisError as error:
            self._retry_at = time.monotonic() + LEFT_ALONE
            log.warning("offers.redis_unavailable", error=type(error).__name__)
            return None
        return answer or []


def _lease(key: str) -> str:
    return f"{key}:lease"


@lru_cache(maxsize=1_000)
def _name(kind: OfferKind) -> str:
    asked = [
        _FORM,
        kind.visit_type_id,
        kind.contact_type.value,
        kind.location_id,
        *sorted(kind.clinician_ids),
    ]
    return hashlib.sha256(json.dumps(asked).encode()).hexdigest()[:16]


def _microseconds(moment: datetime) -> int:
    return (moment - _EPOCH) // _MICROSECOND


def _packed(slots: SlotColumns) -> bytes:
    """The columns, with each clinician named once."""
    names = sorted(set(slots.clinician_ids))
    numbers = {name: number for number, name in enumerate(names)}
    columns: _Columns = (
        names,
        slots.starts,
        list(map(numbers.__getitem__, slots.clinician_ids)),
        slots.minutes,
    )
    return _written(columns)


def _offer(kind: OfferKind, as_of: bytes, packed: bytes) -> OfferDay:
    """Raises MsgspecError, ValueError or IndexError on what was not packed by `_packed`."""
    names, starts, numbers, minutes = _columns(packed)
    slots = SlotColumns(
        visit_type_id=kind.visit_type_id,
        contact_type=kind.contact_type,
        location_id=kind.location_id,
        starts=starts,
        clinician_ids=tuple(map(names.__getitem__, numbers)),
        minutes=minutes,
    )
    return OfferDay(slots=slots, as_of=_EPOCH + int(as_of) * _MICROSECOND)
