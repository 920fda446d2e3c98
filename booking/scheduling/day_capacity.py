"""Day capacity: how many minutes of one clinician's day anonymous callers (who have not signed in) may hold at once.

Values and arithmetic only; hold stores enforce them. A gap shorter than an hour that such holds leave in the offered time counts as
taken too: a long visit does not fit into it, and holding a quarter of every hour would otherwise block the whole day.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta

from booking.models import Hold
from booking.principals import block_of
from booking.refusals import HoldCapacityReached
from booking.slots import Interval, Slot

# As long as the longest visit of most practices.
GAP = timedelta(hours=1)


@dataclass(frozen=True, kw_only=True)
class DayCapacity:
    """The bounds of one day, in minutes taken by live anonymous holds (see `minutes_taken`).

    The first hold that counts towards a bound is always allowed: guests can book a day with one free slot too.
    """

    day: Interval  # a hold counts on the day on which its slot starts
    offered: tuple[Interval, ...]  # what the practice offers of it, disjoint; empty: not known
    everybody: int
    visitor: int  # one principal, by who took the hold
    network: int  # one IPv4 address, one IPv6 /64
    block: int  # one IPv4 /24, one IPv6 /48


def day_of(slot: Slot) -> Interval:
    """The day in UTC on which the slot starts."""
    start = datetime.combine(slot.day, time.min, UTC)
    return Interval(start=start, end=start + timedelta(days=1))


def minutes_taken(held: Iterable[Hold], offered: Iterable[Interval]) -> int:
    """The minutes of one clinician's day that these holds take, including the gaps shorter than `GAP` that they leave of the offer."""
    spans = sorted((one.slot.interval for one in held), key=lambda one: one.start)
    taken = sum((one.end - one.start for one in spans), timedelta())
    for offer in offered:
        inside = [one for one in spans if one.overlaps(offer)]
        if inside and offer.end - offer.start >= GAP:
            starts, ends = (
                [*(one.start for one in inside), offer.end],
                [offer.start, *(one.end for one in inside)],
            )
            gaps = (start - end for end, start in zip(ends, starts, strict=True))
            taken += sum((gap for gap in gaps if timedelta() < gap < GAP), timedelta())
    return taken // timedelta(minutes=1)


def free_again_at(capacity: DayCapacity, hold: Hold, others: Iterable[Hold]) -> datetime | None:
    """When the hold will fit beside the other anonymous holds of its clinician's day; None: it fits now."""
    held = [one for one in others if one.id != hold.id]
    times = [_fits_at(most, hold, group, capacity.offered) for most, group in _bounds(capacity, hold, held)]
    return max((at for at in times if at is not None), default=None)


def refusal(
    capacity: DayCapacity, hold: Hold, others: Iterable[Hold], *, now: datetime
) -> HoldCapacityReached:
    """The refusal of a hold that does not fit, with the seconds until it will: at least one, if others expired meanwhile."""
    again = free_again_at(capacity, hold, others) or now
    return HoldCapacityReached(max(1, -((now - again) // timedelta(seconds=1))))


def _bounds(capacity: DayCapacity, hold: Hold, held: Sequence[Hold]) -> list[tuple[int, list[Hold]]]:
    """Each bound in minutes, with the holds that count towards it."""
    bounds = [
        (capacity.everybody, [*held]),
        (capacity.visitor, [one for one in held if one.taken_by == hold.taken_by]),
    ]
    if hold.client is not None:
        block = block_of(hold.client)
        known = [one for one in held if one.client is not None]
        bounds.append((capacity.network, [one for one in known if one.client == hold.client]))
        bounds.append(
            (capacity.block, [one for one in known if one.client and block_of(one.client) == block])
        )
    return bounds


def _fits_at(most: int, hold: Hold, group: list[Hold], offered: tuple[Interval, ...]) -> datetime | None:
    """When enough of the group have expired that the hold fits within `most` minutes, or none is left; None: it fits now."""
    standing, at = sorted(group, key=lambda one: one.expires_at), None
    while standing and minutes_taken([hold, *standing], offered) > most:
        at = standing.pop(0).expires_at
    return at
