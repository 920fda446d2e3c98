"""What attempts pass before they are sent, on virtual time."""

import asyncio
from datetime import UTC, datetime
from typing import Any

import pytest

from booking.checkout.model import CheckoutState
from booking.local_pacer import LocalPacer
from booking.pace_law import FIRST_BACK_OFF
from booking.pacing import BackOff, Lane, Pace, Turn, open_to
from booking.single_flight import SingleFlight
from booking.work_context import asked_by, waiting, working_for
from integrations.healthie.errors import GraphQLErrors, Refused
from integrations.healthie.operation_kinds import kind_of
from integrations.upstream.breaker import FAILURES, OPEN, Breakers
from integrations.upstream.errors import (
    CallError,
    ContractBroken,
    HeldBack,
    NoAnswer,
    NotSent,
    RateLimited,
    Unauthorized,
    UnknownOutcome,
    Unrecorded,
)
from integrations.upstream.gate import MUTATION_PATIENCE, READ_PATIENCE, Gate
from integrations.upstream.send_queue import MOST_IN_ALL, MOST_WAITING
from integrations.upstream.transport import MAX_CONNECTIONS, Request
from tests.doubles.healthie_script import a_checkout
from tests.simulation.virtual_loop import VirtualLoop, run

KEY = "0a1b2c3d"


def a_request(operation: str = "PublicCatalog", *, mutation: bool = False) -> Request:
    return Request(
        operation=operation,
        mutation=mutation,
        kind=kind_of(operation, mutation=mutation),
        variables={},
        timeout=1,
        budget=1,
    )


class Practice:
    """A gate, and what came through it when."""

    def __init__(self, loop: VirtualLoop, pace: Pace | None = None, *, breakers: bool = False) -> None:
        self.loop = loop
        self.sent: list[tuple[float, str]] = []
        self.alarms: list[datetime] = []
        self.error: CallError | None = None
        self.answered_after = 0.0
        pacer = LocalPacer(pace, clock=loop.time, jitter=lambda: 0.0) if pace else None
        self.gate = Gate(
            pacer=pacer, breakers=Breakers(monotonic=loop.time) if breakers else None, alarm=self.alarm
        )

    async def alarm(self, key: str, since: datetime) -> None:
        assert key == KEY
        self.alarms.append(since)

    async def call(self, operation: str = "PublicCatalog", *, mutation: bool = False) -> float:
        """Answers when it was sent."""

        async def send() -> float:
            self.sent.append((self.loop.time(), operation))
            if self.error is not None:
                raise self.error
            sent = self.loop.time()
            await asyncio.sleep(self.answered_after)
            return sent

        return await self.gate.through(a_request(operation, mutation=mutation), KEY, send)

    async def ask(
        self,
        network: str,
        *,
        actor: str = "visitor:v",
        calls: int = 1,
        seconds: float | None = None,
        lane: Lane | None = None,
    ) -> list[float]:
        """Somebody asks for so many at once, and waits so long; answers when they were sent. Raises the first failure."""
        with asked_by(actor, client=network), waiting(lane=lane, seconds=seconds):
            return await asyncio.gather(*(self.call() for _ in range(calls)))

    async def held(self, operation: str = "PublicCatalog", *, mutation: bool = False) -> str:
        """Answers why it was held back, at once or after a wait."""
        before = len(self.sent)
        with pytest.raises(HeldBack) as caught:
            await self.call(operation, mutation=mutation)
        assert len(self.sent) == before
        return caught.value.code

    async def fails(self, error: CallError, operation: str = "PublicCatalog") -> None:
        self.error = error
        with pytest.raises(type(error)):
            await self.call(operation, mutation=isinstance(error, UnknownOutcome))
        self.error = None


def soon(*moments: float) -> list[Any]:
    """These moments, and what looking again now and then makes of them."""
    return [pytest.approx(moment, abs=0.05) for moment in moments]


async def left(*tasks: "asyncio.Future[Any]") -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


class TestPace:
    @staticmethod
    def _a_practice(loop: VirtualLoop) -> Practice:
        return Practice(loop, Pace(per_second=1, burst=8))

    def test_calls_of_one_sender_wait_in_the_order_in_which_they_came(self) -> None:
        async def main() -> list[float]:
            practice = self._a_practice(loop)
            return await asyncio.gather(*(practice.call() for _ in range(8)))

        loop = VirtualLoop()
        assert run(main(), loop) == soon(0, 0, 0, 0, 1, 2, 3, 4)

    def test_who_would_wait_too_long_is_not_sent(self) -> None:
        async def main() -> None:
            practice = self._a_practice(loop)
            for _ in range(8):
                await practice.call(mutation=True)
            crowd: list[Any] = await asyncio.gather(
                *(practice.call(mutation=True) for _ in range(5)), return_exceptions=True
            )
            assert [each for each in crowd if isinstance(each, float)] == soon(1)
            assert sum(isinstance(each, HeldBack) for each in crowd) == 4
            assert loop.time() == pytest.approx(MUTATION_PATIENCE)

        loop = VirtualLoop()
        run(main(), loop)

    def test_a_read_without_a_deadline_waits_no_longer_than_its_patience(self) -> None:
        async def main() -> None:
            practice = self._a_practice(loop)
            answers: list[Any] = await asyncio.gather(
                *(practice.call() for _ in range(20)), return_exceptions=True
            )
            assert max(each for each in answers if isinstance(each, float)) < READ_PATIENCE
            assert sum(isinstance(each, HeldBack) for each in answers) == 20 - 4 - 4
            assert loop.time() == pytest.approx(READ_PATIENCE)

        loop = VirtualLoop()
        run(main(), loop)

    def test_a_read_of_a_query_waits_until_the_querys_deadline(self) -> None:
        async def main() -> None:
            practice = self._a_practice(loop)
            with waiting(lane=None, seconds=9.5):
                answers: list[Any] = await asyncio.gather(
                    *(practice.call() for _ in range(20)), return_exceptions=True
                )
            assert sum(isinstance(each, float) for each in answers) == 4 + 9
            assert loop.time() == pytest.approx(9.5)

        loop = VirtualLoop()
        run(main(), loop)

    def test_mutations_and_the_reads_of_a_checkout_do_not_wait_behind_browsing(self) -> None:
        async def main() -> None:
            practice = self._a_practice(loop)
            browsing = [
                asyncio.ensure_future(practice.ask(f"network {n}", calls=8, seconds=60)) for n in range(3)
            ]
            await asyncio.sleep(0.1)
            assert await practice.call("Charge", mutation=True) == soon(0.1)[0]
            with working_for(a_checkout()):
                assert await practice.call("PaymentById") == soon(0.1)[0]
                assert await practice.call("PaymentById") == soon(1)[0]
            await left(*browsing)

        loop = VirtualLoop()
        run(main(), loop)

    @pytest.mark.parametrize(
        ("state", "waits"),
        [
            (CheckoutState.CHARGE_INTENDED, False),
            (CheckoutState.LATE_REFUND_INTENDED, False),
            (CheckoutState.CONFIRMED, True),
            (CheckoutState.NEEDS_ATTENTION, True),
        ],
    )
    def test_a_late_look_at_a_checkout_takes_nothing_of_what_is_kept_for_those_under_way(
        self, state: CheckoutState, *, waits: bool
    ) -> None:
        async def main() -> None:
            practice = self._a_practice(loop)
            for n in range(6):
                assert await practice.ask(f"network {n}") == soon(0)
            with working_for(a_checkout(state=state)):
                assert (await practice.call("PaymentsSince") > 0.5) == waits

        loop = VirtualLoop()
        run(main(), loop)


class TestFairness:
    """The usual pace, and one sender who asks for four months of free time again and again."""

    PACE = Pace(per_second=2, burst=20)

    def test_who_comes_with_a_few_requests_waits_for_nobodys_flood(self) -> None:
        async def main() -> None:
            practice = Practice(loop, self.PACE)
            flood = asyncio.ensure_future(practice.ask("flood", calls=64, seconds=60))
            for _ in range(10):
                await asyncio.sleep(3)
                now = loop.time()
                sent = await practice.ask("somebody", calls=4, seconds=20)
                assert max(sent) - now < 1.05
            await left(flood)

        loop = VirtualLoop()
        run(main(), loop)

    @pytest.mark.parametrize("senders", [3, 6])
    def test_nor_for_those_of_several(self, senders: int) -> None:
        async def main() -> None:
            practice = Practice(loop, self.PACE)
            floods = [
                asyncio.ensure_future(practice.ask(f"flood {n}", calls=64, seconds=100))
                for n in range(senders)
            ]
            await asyncio.sleep(30)
            assert (
                max(await practice.ask("somebody", calls=4, seconds=20)) < 30 + 2 + 4 / self.PACE.per_second
            )
            await left(*floods)

        loop = VirtualLoop()
        run(main(), loop)

    def test_in_the_first_moment_of_a_flood_too(self) -> None:
        async def main() -> None:
            practice = Practice(loop, self.PACE)
            flood = asyncio.ensure_future(practice.ask("flood", calls=64, seconds=60))
            await asyncio.sleep(0.01)
            assert await practice.ask("somebody", calls=4, seconds=20) == soon(0.01, 0.01, 0.01, 0.01)
            await left(flood)

        loop = VirtualLoop()
        run(main(), loop)

    def test_a_flood_of_bookings_is_a_flood(self) -> None:
        async def main() -> None:
            practice = Practice(loop, self.PACE)
            flood = asyncio.ensure_future(practice.ask("flood", calls=64, seconds=60, lane=Lane.BOOKING))
            await asyncio.sleep(5)
            assert await practice.ask("somebody", calls=4, seconds=20) == soon(5, 5, 5, 5)
            assert await practice.ask("another", lane=Lane.BOOKING) == soon(5)
            await left(flood)

        loop = VirtualLoop()
        run(main(), loop)

    def test_a_booking_goes_before_browsing_when_everybody_wants_the_last(self) -> None:
        async def main() -> None:
            practice = Practice(loop, self.PACE)
            crowd = [
                asyncio.ensure_future(practice.ask(f"network {n}", calls=4, seconds=60)) for n in range(12)
            ]
            await asyncio.sleep(1)
            assert await practice.ask("somebody", lane=Lane.BOOKING) == soon(1)
            await left(*crowd)

        loop = VirtualLoop()
        run(main(), loop)

    def test_fresh_visitors_of_one_network_are_one_sender(self) -> None:
        async def main() -> None:
            practice = Practice(loop, self.PACE)
            flood = [
                asyncio.ensure_future(practice.ask("flood", actor=f"visitor:{n}", calls=16, seconds=60))
                for n in range(12)
            ]
            await asyncio.sleep(5)
            assert max(await practice.ask("somebody", calls=4, seconds=20)) <= 6
            await left(*flood)

        loop = VirtualLoop()
        run(main(), loop)

    BLOCK = "0a" * 16

    def test_the_networks_of_one_block_of_addresses_are_one_sender(self) -> None:
        async def main() -> None:
            practice = Practice(loop, self.PACE)
            flood = [
                asyncio.ensure_future(
                    practice.ask(f"{self.BLOCK}{n:032x}", actor="anonymous", calls=4, seconds=60)
                )
                for n in range(100)
            ]
            await asyncio.sleep(5)
            assert max(await practice.ask("somebody", calls=4, seconds=20)) <= 6
            await left(*flood)

        loop = VirtualLoop()
        run(main(), loop)

    def test_and_in_it_a_neighbour_goes_before_the_flood(self) -> None:
        async def main() -> None:
            practice = Practice(loop, self.PACE)
            flood = asyncio.ensure_future(practice.ask(f"{self.BLOCK}flood", calls=64, seconds=60))
            await asyncio.sleep(5)
            assert max(await practice.ask(f"{self.BLOCK}neighbour", calls=4, seconds=20)) <= 5 + 2.1
            await left(flood)

        loop = VirtualLoop()
        run(main(), loop)

    def test_of_many_senders_floods_the_last_are_refused_and_nobody_who_comes_with_one(self) -> None:
        async def main() -> None:
            practice = Practice(loop, self.PACE)
            calls = MOST_WAITING[-1]
            flood = [
                asyncio.ensure_future(practice.ask(f"flood {n}", seconds=60))
                for n in range(2 * MOST_IN_ALL // calls)
                for _ in range(calls)
            ]
            await asyncio.sleep(5)
            refused = [task for task in flood if task.done() and isinstance(task.exception(), HeldBack)]
            assert len(refused) == pytest.approx(MOST_IN_ALL, abs=calls)
            assert max(await practice.ask("somebody", seconds=20)) < 20
            await left(*flood)

        loop = VirtualLoop()
        run(main(), loop)

    def test_whoever_has_signed_in_does_not_wait_for_their_network(self) -> None:
        async def main() -> None:
            practice = Practice(loop, self.PACE)
            flood = asyncio.ensure_future(practice.ask("flood", calls=64, seconds=60))
            await asyncio.sleep(5)
            sent = await practice.ask("flood", actor="patient:501", calls=4, seconds=20)
            assert sent == soon(5, 5, 5, 5)
            await left(flood)

        loop = VirtualLoop()
        run(main(), loop)

    def test_one_sender_has_so_many_waiting_and_the_next_is_refused_at_once(self) -> None:
        async def main() -> None:
            practice = Practice(loop, Pace(per_second=0.01, burst=2))
            flood = [asyncio.ensure_future(practice.ask("flood", calls=MOST_WAITING[-1], seconds=60))]
            await asyncio.sleep(0.05)  # one of them is sent
            flood.append(asyncio.ensure_future(practice.ask("flood", seconds=60)))
            await asyncio.sleep(0.05)
            with pytest.raises(HeldBack, match="no_turn"):
                await practice.ask("flood", seconds=60)
            assert loop.time() == soon(0.1)[0]
            await left(*flood)

        loop = VirtualLoop()
        run(main(), loop)

    def test_who_joins_a_request_of_a_flood_does_not_wait_where_the_flood_does(self) -> None:
        async def main() -> None:
            practice = Practice(loop, self.PACE)
            flight: SingleFlight[str, float] = SingleFlight()

            async def ask(network: str) -> float:
                with asked_by("visitor:v", client=network), waiting(lane=None, seconds=60):
                    return await flight("the usual page", practice.call)

            flood = asyncio.ensure_future(practice.ask("flood", calls=60, seconds=60))
            await asyncio.sleep(0)
            flooded = asyncio.ensure_future(ask("flood"))
            await asyncio.sleep(5)
            assert not flooded.done()
            assert await ask("somebody") == soon(5.05)[0]
            assert flooded.done()
            await left(flood)

        loop = VirtualLoop()
        run(main(), loop)

    def test_what_is_slow_upstream_leaves_connections_to_others(self) -> None:
        async def main() -> None:
            practice = Practice(loop, Pace(per_second=1_000, burst=1_000))
            practice.answered_after = 10
            flood = asyncio.ensure_future(practice.ask("flood", calls=64, seconds=60))
            browsing = [
                asyncio.ensure_future(practice.ask(f"network {n}", calls=2, seconds=60)) for n in range(20)
            ]
            await asyncio.sleep(1)
            assert len(practice.sent) == open_to(Lane.BROWSING, MAX_CONNECTIONS)
            booking, charge = await asyncio.gather(
                practice.ask("somebody", lane=Lane.BOOKING), practice.call(mutation=True)
            )
            assert [*booking, charge] == soon(1, 1)
            await left(flood, *browsing)

        loop = VirtualLoop()
        run(main(), loop)

    def test_who_leaves_the_queue_takes_nothing_of_the_pace_with_them(self) -> None:
        async def main() -> None:
            practice = Practice(loop, self.PACE)
            for _ in range(10):
                flood = asyncio.ensure_future(practice.ask("flood", calls=60, seconds=60))
                await asyncio.sleep(0.2)
                await left(flood)
            sent = len(practice.sent)
            await asyncio.sleep(60)
            assert len(practice.sent) == sent
            assert sent <= 10 + 2 * 2

        loop = VirtualLoop()
        run(main(), loop)

    def test_a_pace_that_cannot_be_asked_is_told_to_everybody_who_waits(self) -> None:
        class Broken(LocalPacer):
            async def turn(self, key: str, *, lane: Lane) -> Turn:
                raise ConnectionError

        async def main() -> None:
            practice = Practice(loop)
            practice.gate = Gate(pacer=Broken(self.PACE))
            crowd = await asyncio.gather(*(practice.call() for _ in range(3)), return_exceptions=True)
            assert [type(each) for each in crowd] == [ConnectionError] * 3

        loop = VirtualLoop()
        run(main(), loop)


class TestClock:
    def test_a_wait_that_the_clock_cannot_tell_is_not_asked_for_without_end(self) -> None:
        class Rounding:
            """Its clock stands still for less than a hundredth of a millisecond, as a rounded one does."""

            asked = 0
            pace = Pace(per_second=1, burst=1)

            async def turn(self, key: str, *, lane: Lane) -> Turn:
                self.asked += 1
                assert self.asked < 10
                return Turn() if loop.time() > 0.00001 else Turn(wait=0.0000001)

            async def back_off(self, key: str, turn: Turn | None = None) -> BackOff:
                raise NotImplementedError

            async def recovered(self, key: str) -> None:
                raise NotImplementedError

        async def main() -> str:
            async def send() -> str:
                return "sent"

            return await Gate(pacer=Rounding()).through(a_request(), KEY, send)

        loop = VirtualLoop()
        assert run(main(), loop) == "sent"


class TestBackOff:
    def test_too_many_requests_keeps_everything_back_with_one_alarm_and_one_question_at_its_end(self) -> None:
        async def main() -> None:
            practice = Practice(loop, Pace(per_second=100, burst=100))
            await practice.fails(RateLimited("PublicCatalog"))
            assert await practice.held() == "backed_off"
            assert await practice.held("Charge", mutation=True) == "backed_off"
            await asyncio.sleep(FIRST_BACK_OFF)
            await practice.fails(RateLimited("PublicCatalog"))
            await asyncio.sleep(2 * FIRST_BACK_OFF)
            slow = asyncio.Event()

            async def send() -> str:
                await slow.wait()
                return "answer"

            asking = asyncio.ensure_future(practice.gate.through(a_request(), KEY, send))
            await asyncio.sleep(0.1)
            assert await practice.held() == "backed_off"
            slow.set()
            assert await asking == "answer"
            await practice.call()
            assert practice.alarms == [datetime.fromtimestamp(0, UTC)] * 2  # one lockout, one subject

        loop = VirtualLoop()
        run(main(), loop)

    @pytest.mark.parametrize(
        "error", [NoAnswer("A", "timeout"), NotSent("A"), Unrecorded("A"), HeldBack("A", "breaker_open")]
    )
    def test_a_question_without_an_answer_ends_nothing(self, error: CallError) -> None:
        async def main() -> None:
            practice = Practice(loop, Pace(per_second=100, burst=100))
            await practice.fails(RateLimited("A"))
            await asyncio.sleep(FIRST_BACK_OFF)
            await practice.fails(error)
            assert await practice.held() == "backed_off"

        loop = VirtualLoop()
        run(main(), loop)

    def test_whoever_asks_and_hangs_up_keeps_nobody_from_the_answer(self) -> None:
        async def main() -> None:
            practice = Practice(loop, Pace(per_second=100, burst=100))
            await practice.fails(RateLimited("A"))
            await asyncio.sleep(FIRST_BACK_OFF)
            practice.answered_after = 5
            asking = asyncio.ensure_future(practice.call())
            await asyncio.sleep(1)
            await left(asking)
            assert await practice.held() == "backed_off"
            await asyncio.sleep(4.5)
            await practice.call()

        loop = VirtualLoop()
        run(main(), loop)

    @pytest.mark.parametrize("error", [Unauthorized("A"), Refused("A", ["no"]), GraphQLErrors("A")])
    def test_any_answer_ends_it_a_refusal_too(self, error: CallError) -> None:
        async def main() -> None:
            practice = Practice(loop, Pace(per_second=100, burst=100))
            await practice.fails(RateLimited("A"))
            await asyncio.sleep(FIRST_BACK_OFF)
            await practice.fails(error)
            await practice.call()

        loop = VirtualLoop()
        run(main(), loop)


class TestBreaker:
    FAILED = (
        NoAnswer("A", "timeout"),
        NoAnswer("A", "http_502"),
        NotSent("A"),
        UnknownOutcome("A", "timeout"),
        UnknownOutcome("A", "connection_lost"),
        UnknownOutcome("A", "http_500"),
    )
    ANSWERED = (
        Refused("A", ["no"]),
        Unauthorized("A"),
        RateLimited("A"),
        Unrecorded("A"),
        GraphQLErrors("A"),
        ContractBroken("A"),
        UnknownOutcome("A", "graphql_errors"),
        UnknownOutcome("A", "undecodable_answer at x"),
    )

    @pytest.mark.parametrize("error", FAILED, ids=str)
    def test_repeated_failure_opens_it_for_its_kind_only(self, error: CallError) -> None:
        async def main() -> None:
            practice = Practice(loop, breakers=True)
            for _ in range(FAILURES):
                await practice.fails(error, "AvailableSlots")
            assert await practice.held("AvailableDays") == "breaker_open"
            await practice.call("PublicCatalog")
            await practice.call("PaymentsSince")

        loop = VirtualLoop()
        run(main(), loop)

    @pytest.mark.parametrize("error", ANSWERED, ids=str)
    def test_an_answer_never_opens_it(self, error: CallError) -> None:
        async def main() -> None:
            practice = Practice(loop, breakers=True)
            for _ in range(3 * FAILURES):
                await practice.fails(error)
            await practice.call()

        loop = VirtualLoop()
        run(main(), loop)

    def test_failures_among_twice_as_many_answers_do_not_open_it(self) -> None:
        async def main() -> None:
            practice = Practice(loop, breakers=True)
            for _ in range(4 * FAILURES):
                await practice.call()
                await practice.call()
                await practice.fails(NoAnswer("A"))
            await practice.call()

        loop = VirtualLoop()
        run(main(), loop)

    def test_failures_long_apart_do_not_open_it(self) -> None:
        async def main() -> None:
            practice = Practice(loop, breakers=True)
            for _ in range(3 * FAILURES):
                await practice.fails(NoAnswer("A"))
                await asyncio.sleep(10)
            await practice.call()

        loop = VirtualLoop()
        run(main(), loop)

    def test_half_open_one_call_finds_out_and_an_answer_closes_it(self) -> None:
        async def main() -> None:
            practice = await self._opened(loop)
            await asyncio.sleep(OPEN)
            arrived, go_on = asyncio.Event(), asyncio.Event()

            async def send() -> None:
                arrived.set()
                await go_on.wait()

            asking = asyncio.ensure_future(practice.gate.through(a_request(), KEY, send))
            await arrived.wait()
            assert await practice.held() == "breaker_open"
            go_on.set()
            await asking
            await practice.call()

        loop = VirtualLoop()
        run(main(), loop)

    def test_half_open_a_failure_opens_it_again(self) -> None:
        async def main() -> None:
            practice = await self._opened(loop)
            await asyncio.sleep(OPEN)
            await practice.fails(NoAnswer("A"))
            assert await practice.held() == "breaker_open"
            await asyncio.sleep(OPEN)
            await practice.call()

        loop = VirtualLoop()
        run(main(), loop)

    def test_half_open_a_checkouts_look_ups_go_through_beside_the_call_that_asks(self) -> None:
        async def main() -> None:
            practice = await self._opened(loop, "PaymentsSince")
            with working_for(a_checkout()):
                assert await practice.held("PaymentsSince") == "breaker_open"
            await asyncio.sleep(OPEN)
            never = asyncio.Event()
            asking = asyncio.ensure_future(practice.gate.through(a_request("PaymentsSince"), KEY, never.wait))
            await asyncio.sleep(0)
            with working_for(a_checkout()):
                await practice.call("VisitsBetween")
            asking.cancel()
            await asyncio.gather(asking, return_exceptions=True)

        loop = VirtualLoop()
        run(main(), loop)

    def test_whoever_asks_and_hangs_up_keeps_nobody_from_the_answer(self) -> None:
        async def main() -> None:
            practice = await self._opened(loop)
            await asyncio.sleep(OPEN)
            practice.answered_after = 5
            asking = asyncio.ensure_future(practice.call())
            await asyncio.sleep(1)
            await left(asking)
            assert await practice.held() == "breaker_open"
            await asyncio.sleep(4.5)
            await practice.call()

        loop = VirtualLoop()
        run(main(), loop)

    def test_what_is_held_back_by_the_pace_teaches_it_nothing(self) -> None:
        async def main() -> None:
            practice = Practice(loop, Pace(per_second=100, burst=100), breakers=True)
            await practice.fails(RateLimited("A"))
            for _ in range(3 * FAILURES):
                assert await practice.held() == "backed_off"
            await asyncio.sleep(FIRST_BACK_OFF)
            await practice.call()

        loop = VirtualLoop()
        run(main(), loop)

    @staticmethod
    async def _opened(loop: VirtualLoop, operation: str = "PublicCatalog") -> Practice:
        practice = Practice(loop, breakers=True)
        for _ in range(FAILURES):
            await practice.fails(NoAnswer("A"), operation)
        return practice
