"""Counting: windows, what is refused and for how long, and what is taken back; on a clock that stands still."""

import asyncio
import re
from collections import defaultdict
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from graphql import GraphQLObjectType
from limits.aio.storage import MemoryStorage

from booking.checkout.attempt_limits import AttemptKind
from booking.principals import Caller, Principal, PrincipalKind
from booking.refusals import TooManyAttempts
from gateway.graphql import build_schema
from gateway.rates import Counts, OperationRates, RateAttemptLimiter, TooManyRequests
from gateway.rates.counting import Bound
from gateway.rates.memory import MOST, Expiring, Tally
from gateway.rates.table import (
    FIELDS,
    FREE_TIME,
    NEW_RECORDS,
    PROMO_CODES,
    REFUSED_WEBHOOKS,
    REQUESTS,
    Rate,
    cards,
    unpaid_visits,
)
from tests.doubles.booking_ports import FakeClock

ROOT = Path(__file__).parents[2]
HOUR = timedelta(hours=1)
SOMEBODY = Caller(principal=Principal(kind=PrincipalKind.PATIENT, id="p-sample"))
UNPAID = unpaid_visits(network=5, day=8, strangers=60)
TABLE = (
    REQUESTS,
    FREE_TIME,
    *FIELDS.values(),
    cards(caller=5, network=20, strangers=60),
    PROMO_CODES,
    UNPAID,
    NEW_RECORDS,
    REFUSED_WEBHOOKS,
)


def bound(subject: str = "caller:somebody", *, most: int = 3, window: timedelta = HOUR) -> Bound:
    return Bound(what="sample", subject=subject, most=most, window=window)


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock(at=datetime(2027, 1, 4, 15, 40, 0, 500_000, tzinfo=UTC))


@pytest.fixture
def counts(clock: FakeClock) -> Counts:
    return Counts(clock=clock, key=b"only for tests")


class Gone(Exception):
    """What a client raises whose server is away."""


class Away(MemoryStorage):
    """A shared storage that can go away, and counts how often it was asked."""

    away = False
    too_slow = False  # it counts, and its answer comes too late
    asked = 0

    @property
    def base_exceptions(self) -> tuple[type[Exception], ...]:
        return (Gone,)

    async def incr(self, key: str, expiry: float, amount: int = 1) -> int:
        self.asked += 1
        if self.away:
            raise Gone
        value = await super().incr(key, expiry, amount)
        if self.too_slow:
            raise Gone
        return value


class TestCounts:
    async def test_the_one_beyond_the_bound_is_too_much_until_the_window_is_over(
        self, counts: Counts, clock: FakeClock
    ) -> None:
        assert [counts.retry_after(await counts.add([bound()])) for _ in range(3)] == [0, 0, 0]
        assert counts.retry_after(await counts.add([bound()])) == 1200  # at 16:00 and not before
        clock.advance(seconds=1199)
        assert counts.retry_after(await counts.add([bound()])) == 1
        clock.advance(seconds=1)
        assert counts.retry_after(await counts.add([bound()])) == 0

    async def test_whoever_is_refused_is_told_when_the_last_of_their_windows_is_over(
        self, counts: Counts
    ) -> None:
        both = [bound(most=1), bound(most=1, window=timedelta(minutes=1))]
        await counts.add(both)
        assert counts.retry_after(await counts.add(both)) == 1200

    async def test_one_does_not_count_for_another(self, counts: Counts) -> None:
        await counts.add([bound()], 10)
        for other in (
            bound("caller:another"),
            bound(window=timedelta(minutes=10)),
            bound("network:somebody"),
        ):
            assert (await counts.add([other]))[0].value == 1

    async def test_what_is_taken_back_leaves_the_window_that_it_was_counted_in(
        self, counts: Counts, clock: FakeClock
    ) -> None:
        counted = await counts.add([bound()])
        clock.advance(hours=1)
        await counts.add([bound()])
        await counts.take_back(counted)
        assert (await counts.add([bound()]))[0].value == 2

    async def test_no_key_names_anybody(self, clock: FakeClock) -> None:
        shared = MemoryStorage()
        counts = Counts(clock=clock, key=b"only for tests", shared=shared)
        await counts.add([bound("caller:patient:p-sample"), bound("network:203.0.113.9")])
        assert len(shared.storage) == 2
        for key in shared.storage:
            assert re.fullmatch(r"sample/[0-9a-f]{32}/\d+/3/3600/second", key)

    async def test_while_the_shared_storage_is_away_the_process_counts_by_itself(
        self, clock: FakeClock
    ) -> None:
        shared = Away()
        counts = Counts(clock=clock, key=b"only for tests", shared=shared)
        first = await counts.add([bound()])
        shared.away = True
        values = [(await counts.add([bound()]))[0].value for _ in range(4)]
        assert values == [1, 2, 3, 4]
        assert shared.asked == 2  # after the first failure it is left alone
        await counts.take_back(first)  # nothing is raised, and the process' own count stays
        assert (await counts.add([bound()]))[0].value == 5

    async def test_what_paid_while_the_shared_storage_was_away_is_taken_back_when_it_answers_again(
        self, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        shared = Away()
        counts = Counts(clock=clock, key=b"only for tests", shared=shared)
        counted = [await counts.add([bound()]) for _ in range(3)]
        shared.away = True
        await counts.add([bound("caller:another")])
        for one in counted:
            await counts.take_back(one)
        shared.away = False
        monkeypatch.setattr(counts, "_alone_until", 0.0)
        await counts.add([bound("caller:another")])
        await asyncio.sleep(0.01)
        assert (await counts.add([bound()]))[0].value == 1

    async def test_what_paid_and_may_have_been_counted_there_keeps_nobody_out_for_an_hour(
        self, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A storage that is too slow counts, and nobody hears of it: once each five seconds, and more than guests may fail in an hour."""
        shared = Away()
        counts = Counts(clock=clock, key=b"only for tests", shared=shared)
        for _ in range(60):
            monkeypatch.setattr(shared, "too_slow", True)
            counted = await counts.add([bound("strangers:", most=60)])
            monkeypatch.setattr(counts, "_alone_until", 0.0)
            monkeypatch.setattr(shared, "too_slow", False)
            await counts.take_back(counted)
        assert (await counts.add([bound("strangers:", most=60)]))[0].value == 1


class TestMemory:
    def remembered(self, clock: FakeClock, *, most: int = MOST) -> Expiring[Tally]:
        return Expiring(Tally, now=lambda: clock.now().timestamp(), most=most)

    def test_it_forgets_what_is_over(self, clock: FakeClock) -> None:
        tallies = self.remembered(clock)
        tallies.get_or_add("short", 60).own = 1
        tallies.get_or_add("long", 3600).own = 2
        assert tallies.get_or_add("short", 60).own == 1
        clock.advance(seconds=60)
        assert tallies.get("short") is None
        assert tallies.get_or_add("short", 60).own == 0
        assert tallies.get_or_add("long", 3600).own == 2

    def test_a_flood_of_names_fills_no_memory_and_frees_nobody_who_is_counted_for_longer(
        self, clock: FakeClock
    ) -> None:
        tallies = self.remembered(clock, most=100)
        tallies.get_or_add("declined", 3600).own = 5
        for number in range(1000):
            tallies.get_or_add(f"visitor-{number}", 60).own = 1
        assert len(tallies) == 100
        assert tallies.get_or_add("declined", 3600).own == 5

    async def test_more_fresh_callers_than_are_remembered_push_out_no_bound_that_protects_everybody(
        self, counts: Counts, clock: FakeClock
    ) -> None:
        most = 1_000  # of each scope; the product remembers MOST
        counts._tallies = defaultdict(lambda: Expiring(Tally, now=counts._now, most=most))
        everybody = bound("strangers:", most=60)
        network = bound("network:a-network", most=20)
        await counts.add([everybody, network], 7)
        clock.advance(minutes=1)  # whoever comes now expires later
        for first in range(0, 2 * most, 100):
            await counts.add([bound(f"caller:visitor-{first + number}") for number in range(100)])
        assert len(counts._tallies["caller"]) == most
        values = [one.value for one in await counts.add([everybody, network])]
        assert values == [8, 8]


class TestOperationRates:
    @pytest.fixture
    def rates(self, counts: Counts) -> OperationRates:
        return OperationRates(counts=counts)

    async def test_a_caller_is_refused_beyond_the_table_and_told_for_how_long(
        self, rates: OperationRates
    ) -> None:
        for _ in range(REQUESTS.caller or 0):
            await rates.caller(SOMEBODY)
        with pytest.raises(TooManyRequests) as refused:
            await rates.caller(SOMEBODY)
        assert (refused.value.status, refused.value.headers) == (429, {"Retry-After": "60"})
        assert (refused.value.details, refused.value.retryable) == ({"retryAfter": 60}, True)

    async def test_a_network_is_refused_whoever_asks_from_it(self, rates: OperationRates) -> None:
        for _ in range(REQUESTS.network or 0):
            await rates.network("a-network")
        with pytest.raises(TooManyRequests):
            await rates.network("a-network")
        await rates.network("another")

    async def test_nobody_and_nowhere_are_not_counted(self, counts: Counts) -> None:
        rates = OperationRates(counts=counts, factor=1 / 1_000_000)  # one of each
        for _ in range(3):
            await rates.network(None)
            await rates.caller(None)
            await rates.fields([*FIELDS], None, None)

    @pytest.mark.parametrize("name", FIELDS)
    async def test_a_field_counts_as_often_as_it_stands_in_a_document(
        self, rates: OperationRates, name: str
    ) -> None:
        rate = FIELDS[name]
        most = rate.network or 0
        await rates.fields([name] * (rate.caller or most), SOMEBODY, "a-network")
        with pytest.raises(TooManyRequests):
            await rates.fields([name] * (most + 1), SOMEBODY, "a-network")

    async def test_free_time_counts_by_the_requests_that_it_takes(self, rates: OperationRates) -> None:
        most = FREE_TIME.caller or 0
        await rates.free_time(most - 16, SOMEBODY, "a-network")
        await rates.free_time(16, SOMEBODY, "a-network")
        await rates.free_time(0, SOMEBODY, "a-network")
        with pytest.raises(TooManyRequests):
            await rates.free_time(1, SOMEBODY, "a-network")
        await rates.free_time((FREE_TIME.network or 0) - most - 1, None, "a-network")
        with pytest.raises(TooManyRequests):
            await rates.free_time(1, None, "a-network")

    async def test_other_fields_are_as_free_as_requests_are(self, rates: OperationRates) -> None:
        await rates.fields(["plans"] * 10_000, SOMEBODY, "a-network")

    async def test_a_factor_makes_them_wider(self, counts: Counts) -> None:
        rates = OperationRates(counts=counts, factor=2)
        await rates.fields(["holdSlot"] * 60, SOMEBODY, None)
        with pytest.raises(TooManyRequests):
            await rates.fields(["holdSlot"], SOMEBODY, None)


class Alarms:
    def __init__(self) -> None:
        self.raised: list[tuple[AttemptKind, datetime]] = []

    async def __call__(self, what: AttemptKind, now: datetime) -> None:
        self.raised.append((what, now))


class TestAttempts:
    @pytest.fixture
    def alarms(self) -> Alarms:
        return Alarms()

    @pytest.fixture
    def attempts(self, counts: Counts, clock: FakeClock, alarms: Alarms) -> RateAttemptLimiter:
        rates = {
            AttemptKind.CARD: cards(caller=3, network=6, strangers=10),
            AttemptKind.PROMO_CODE: PROMO_CODES,
            AttemptKind.UNPAID_VISIT: unpaid_visits(network=2, day=4, strangers=15),
        }
        return RateAttemptLimiter(counts=counts, rates=rates, clock=clock, alarm=alarms)

    async def tried(self, attempts: RateAttemptLimiter, *names: str, client: str | None = None) -> bool:
        """Try a card that will be declined; answers whether it was let through."""
        try:
            await attempts.begin(AttemptKind.CARD, names=names, client=client, signed_in=False)
        except TooManyAttempts:
            return False
        return True

    async def test_a_hundred_at_once_are_no_more_than_one_after_the_other(
        self, attempts: RateAttemptLimiter
    ) -> None:
        let_through = await asyncio.gather(*(self.tried(attempts, "visitor:v1") for _ in range(100)))
        assert sum(let_through) == 3

    async def test_each_of_their_names_is_bounded(self, attempts: RateAttemptLimiter) -> None:
        """One visitor with many checkouts, and one checkout of many visitors."""
        several = [await self.tried(attempts, "visitor:v1", f"guest:{n}") for n in range(5)]
        assert several == [True, True, True, False, False]
        several = [await self.tried(attempts, f"visitor:{n}", "guest:g") for n in range(5)]
        assert several == [True, True, True, False, False]

    async def test_a_network_is_bounded_however_many_visitors_it_has(
        self, attempts: RateAttemptLimiter
    ) -> None:
        let_through = [await self.tried(attempts, f"visitor:{n}", client="a-network") for n in range(20)]
        assert let_through == [True] * 6 + [False] * 14
        assert await self.tried(attempts, "visitor:elsewhere", client="another")

    async def test_guests_together_are_bounded_and_patients_are_not(
        self, attempts: RateAttemptLimiter
    ) -> None:
        let_through = [await self.tried(attempts, f"visitor:{n}", client=f"network-{n}") for n in range(20)]
        assert let_through == [True] * 10 + [False] * 10
        await attempts.begin(AttemptKind.CARD, names=["patient:p"], client="a-network", signed_in=True)

    async def test_visits_without_a_payment_are_bounded_for_a_block_a_clinicians_day_and_all(
        self, attempts: RateAttemptLimiter, alarms: Alarms, clock: FakeClock
    ) -> None:
        async def booked(n: int, *, block: int, day: str = "c1 2027-01-04") -> bool:
            client = f"{block:032}{n:032}"
            try:
                await attempts.begin(
                    AttemptKind.UNPAID_VISIT, names=[f"visitor:{n}"], client=client, signed_in=False, day=day
                )
            except TooManyAttempts:
                return False
            return True

        assert [await booked(n, block=1, day=f"c-{n} 2027-01-04") for n in range(8)] == [True] * 6 + [
            False
        ] * 2
        assert len(alarms.raised) == 2
        assert [await booked(n, block=n) for n in range(10, 16)] == [True] * 4 + [False] * 2
        later = [await booked(n, block=n, day=f"c1 2027-02-{n}") for n in range(10, 20)]
        assert later == [True] * 5 + [False] * 5  # 15 in all
        clock.advance(days=1)
        assert not await booked(20, block=20)  # the clinician's day is as full as it was
        assert await booked(21, block=21, day="c1 2027-02-21")

    async def test_what_is_refused_is_counted_for_nobody(self, attempts: RateAttemptLimiter) -> None:
        for _ in range(3):
            assert await self.tried(attempts, "visitor:v1", client="a-network")
        for _ in range(50):  # no more than one person's knocking, to their network and to all guests
            assert not await self.tried(attempts, "visitor:v1", client="a-network")
        assert await self.tried(attempts, "visitor:v2", client="a-network")

    async def test_what_paid_is_forgotten(self, attempts: RateAttemptLimiter) -> None:
        for _ in range(50):
            attempt = await attempts.begin(
                AttemptKind.CARD, names=["visitor:v1"], client="a-network", signed_in=False
            )
            await attempt.uncount()
        assert await self.tried(attempts, "visitor:v1", client="a-network")

    async def test_the_next_hour_begins_anew_and_the_refusal_says_when(
        self, attempts: RateAttemptLimiter, clock: FakeClock
    ) -> None:
        for _ in range(3):
            await self.tried(attempts, "visitor:v1")
        with pytest.raises(TooManyAttempts) as refused:
            await attempts.begin(AttemptKind.CARD, names=["visitor:v1"], client=None, signed_in=False)
        assert refused.value.retry_after == 1200
        assert "20 minutes" in refused.value.message
        clock.advance(seconds=refused.value.retry_after)
        assert await self.tried(attempts, "visitor:v1")

    async def test_an_alarm_is_raised_for_whoever_is_refused(
        self, attempts: RateAttemptLimiter, alarms: Alarms
    ) -> None:
        for _ in range(3):
            await self.tried(attempts, "visitor:v1")
        assert not alarms.raised
        await self.tried(attempts, "visitor:v1")
        assert [what for what, _ in alarms.raised] == [AttemptKind.CARD]

    async def test_many_networks_together_raise_it_halfway_before_any_patient_is_refused(
        self, attempts: RateAttemptLimiter, alarms: Alarms
    ) -> None:
        for number in range(4):
            await self.tried(attempts, f"visitor:{number}", client=f"network-{number}")
        assert not alarms.raised
        assert await self.tried(attempts, "visitor:fifth", client="network-fifth")
        assert alarms.raised

    async def test_cards_and_codes_are_counted_apart(self, attempts: RateAttemptLimiter) -> None:
        for _ in range(4):
            await self.tried(attempts, "visitor:v1")
        await attempts.begin(AttemptKind.PROMO_CODE, names=["visitor:v1"], client=None, signed_in=False)


class TestTable:
    def test_every_field_that_is_counted_exists(self) -> None:
        schema = build_schema()._schema
        roots = [
            kind
            for kind in (schema.query_type, schema.mutation_type, schema.subscription_type)
            if kind is not None
        ]
        assert all(isinstance(kind, GraphQLObjectType) for kind in roots)
        assert set(FIELDS) <= {name for kind in roots for name in kind.fields}

    def test_each_is_counted_under_a_name_of_its_own(self) -> None:
        assert len({rate.what for rate in TABLE}) == len(TABLE)

    @pytest.mark.parametrize("rate", TABLE, ids=lambda rate: rate.what)
    def test_a_network_may_do_more_than_one_of_its_people_and_guests_more_than_a_network(
        self, rate: Rate
    ) -> None:
        figures = [most for most in (rate.caller, rate.network, rate.strangers) if most is not None]
        assert figures
        assert figures == sorted(figures)

    def test_the_page_says_what_the_table_does(self) -> None:
        page = (ROOT / "docs" / "rates.md").read_text()
        for rate in TABLE:
            figures = [
                "any" if most is None else f"{most:,}" for most in (rate.caller, rate.network, rate.strangers)
            ]
            minutes = round(rate.window.total_seconds() / 60)
            assert f"| {' | '.join(figures)} | {minutes} min |" in page, rate.what
