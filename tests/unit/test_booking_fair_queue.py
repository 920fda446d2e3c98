"""Who is next: least debt first, the first of those who ask together, and bounds on who waits."""

from dataclasses import dataclass

import pytest

from booking.fair_queue import HALVED_IN, Asker, FairQueue, QueueFull, Ticket
from booking.pacing import Lane


@dataclass
class Line:
    """A queue on a clock that is set by hand."""

    now: float = 100.0

    def __post_init__(self) -> None:
        self.queue: FairQueue[None] = FairQueue(time=lambda: self.now, most=(4, 2), share=3)

    def join(self, *sender: str, lane: Lane = Lane.BROWSING) -> Ticket[None]:
        return self.joined_by([Asker(sender=sender, lane=lane)])

    def joined_by(self, askers: list[Asker]) -> Ticket[None]:
        return self.queue.join(lambda: askers)

    def order(self) -> list[Ticket[None]]:
        """All of them, each charged one when its turn comes."""
        served = []
        while (place := self.queue.first()) is not None:
            self.queue.charge(place.askers(), 1)
            self.queue.leave(place)
            served.append(place)
        return served


async def test_who_has_had_least_is_next_and_among_equals_who_came_first() -> None:
    line = Line()
    line.queue.charge([Asker(sender=("a",))], 1.5)
    first, second, third, fourth = line.join("a"), line.join("b"), line.join("b"), line.join("c")
    assert line.order() == [second, fourth, third, first]


async def test_what_was_had_long_ago_counts_less() -> None:
    line = Line()
    line.queue.charge([Asker(sender=("a",))], 3)
    line.now += 2 * HALVED_IN
    line.queue.charge([Asker(sender=("b",))], 1)
    first, second = line.join("b"), line.join("a")
    assert line.order() == [second, first]


async def test_a_debt_wears_off_with_time() -> None:
    line = Line()
    line.queue.charge([Asker(sender=("a",))], 4)
    place = line.join("a")
    assert line.queue.lane_of(place) is Lane.EXCESS
    line.now += 1
    assert line.queue.lane_of(place) is Lane.BROWSING


async def test_networks_are_fair_to_one_another_and_so_are_the_callers_of_one() -> None:
    line = Line()
    a1, a2, b1 = line.join("net", "a"), line.join("net", "a"), line.join("net", "b")
    other = line.join("other", "c")
    assert line.order() == [a1, other, b1, a2]


async def test_lanes_go_one_after_the_other_and_who_is_in_excess_behind_them_all() -> None:
    line = Line()
    line.queue.charge([Asker(sender=("flood",))], 3.5)
    excess, urgent = line.join("flood", lane=Lane.BOOKING), line.join("flood", lane=Lane.CHECKOUT)
    renewal, browsing = line.join("a", lane=Lane.RENEWAL), line.join("b")
    booking = line.join("c", lane=Lane.BOOKING)
    assert line.order() == [urgent, booking, browsing, renewal, excess]


async def test_what_several_ask_for_stands_where_the_first_of_them_would_and_each_pays_a_part() -> None:
    line = Line()
    line.queue.charge([Asker(sender=("flood",))], 2)
    askers = [Asker(sender=("flood",))]
    shared = line.joined_by(askers)
    other = line.join("b")
    assert line.queue.first() is other
    askers.append(Asker(sender=("c",), lane=Lane.BOOKING))
    assert line.queue.first() is shared
    line.queue.charge(askers, 2)
    line.queue.leave(shared)
    assert [line.queue._accounts[one,].had for one in ("flood", "c")] == [3, 1]


async def test_what_nobody_asks_for_any_more_is_last() -> None:
    line = Line()
    nobody, other = line.joined_by([]), line.join("a")
    assert line.order() == [other, nobody]


async def test_so_many_wait_of_a_caller_and_of_a_network_and_no_more() -> None:
    line = Line()
    places = [line.join("net", "a"), line.join("net", "a")]
    with pytest.raises(QueueFull):
        line.join("net", "a")
    places += [line.join("net", "b"), line.join("net", "c")]
    with pytest.raises(QueueFull):
        line.join("net", "d")
    line.join("other", "e")
    line.join("net", "d", lane=Lane.RENEWAL)  # what is watched has a bound of its own
    line.queue.leave(places[0])
    line.join("net", "d")


async def test_who_still_has_room_lets_in_what_they_share_with_somebody_who_has_none() -> None:
    line = Line()
    for _ in range(2):
        line.join("net", "a")
    line.joined_by([Asker(sender=("net", "a")), Asker(sender=("net", "b"))])


async def test_what_counts_for_next_to_nothing_is_forgotten() -> None:
    line = Line()
    for n in range(5_000):
        line.queue.charge([Asker(sender=(f"sender {n}",))], 0.5)
        line.now += 1
    assert len(line.queue._accounts) <= 1_001
