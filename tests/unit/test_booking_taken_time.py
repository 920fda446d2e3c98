"""Taken time: one look at either store, and for each caller their own part."""

import asyncio
from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Any

from booking.scheduling.taken_time import RecordedTime, TakenTime
from booking.slots import Busy, Interval
from booking.tasks import gather_or_cancel
from tests.doubles.booking_ports import NOW

HOUR = timedelta(hours=1)


def busy(clinician: str, hour: int) -> Busy:
    return Busy(
        clinician_id=clinician, interval=Interval(start=NOW + hour * HOUR, end=NOW + (hour + 1) * HOUR)
    )


class Stores:
    """Both stores, that note what they are asked; a hold becomes a claim between the two."""

    def __init__(self) -> None:
        self.held: list[Busy] = []
        self.claimed: list[Busy] = []
        self.booked: list[Busy] = []
        self.asked: list[tuple[str, list[str], Interval]] = []
        self.since: list[datetime] = []
        self.between: Any = lambda: None

    async def busy(self, clinician_ids: Sequence[str], span: Interval) -> Sequence[Busy]:
        self.asked.append(("holds", [*clinician_ids], span))
        found = list(self.held)
        await asyncio.sleep(0)
        self.between()
        return found

    async def recorded(
        self, clinician_ids: Collection[str], span: Interval, *, since: datetime
    ) -> RecordedTime:
        self.asked.append(("recorded", [*clinician_ids], span))
        self.since.append(since)
        return RecordedTime(claimed=list(self.claimed), booked=list(self.booked))


def taken_time(stores: Any) -> TakenTime:
    return TakenTime(holds=stores, recorded=stores)


async def test_searches_at_once_are_one_look_at_all_that_they_ask_for() -> None:
    stores = Stores()
    taken = taken_time(stores)
    morning, evening = (
        Interval(start=NOW, end=NOW + 3 * HOUR),
        Interval(start=NOW + 8 * HOUR, end=NOW + 9 * HOUR),
    )
    stores.held, stores.claimed = [busy("a", 1), busy("b", 1)], [busy("a", 8), busy("b", 8)]
    found = await gather_or_cancel(
        taken.taken(["a"], morning, since=NOW),
        taken.taken(["b", "c"], evening, since=NOW - HOUR),
        taken.taken(["c"], morning, since=NOW),
    )
    assert [one.everything for one in found] == [[busy("a", 1)], [busy("b", 8)], []]
    whole = Interval(start=NOW, end=NOW + 9 * HOUR)
    assert stores.asked == [("holds", ["a", "b", "c"], whole), ("recorded", ["a", "b", "c"], whole)]
    assert stores.since == [NOW - HOUR], "what the oldest offer may still contain"


async def test_a_hold_that_becomes_a_claim_meanwhile_is_taken_all_the_time() -> None:
    stores = Stores()
    stores.held = [busy("a", 1)]

    def claim() -> None:
        stores.held, stores.claimed = [], [busy("a", 1)]

    stores.between = claim
    day = Interval(start=NOW, end=NOW + 24 * HOUR)
    assert busy("a", 1) in (await taken_time(stores).taken(["a"], day, since=NOW)).held_or_claimed


async def test_what_only_touches_the_span_is_not_in_the_way() -> None:
    stores = Stores()
    stores.claimed = [busy("a", 1)]
    after = Interval(start=NOW + 2 * HOUR, end=NOW + 3 * HOUR)
    assert (await taken_time(stores).taken(["a"], after, since=NOW)).everything == []


async def test_a_visit_booked_since_is_told_apart_from_what_is_held_or_claimed() -> None:
    stores = Stores()
    stores.held, stores.booked = [busy("a", 1)], [busy("a", 2)]
    day = Interval(start=NOW, end=NOW + 24 * HOUR)
    taken = await taken_time(stores).taken(["a"], day, since=NOW)
    assert (taken.held_or_claimed, taken.booked) == ([busy("a", 1)], [busy("a", 2)])
