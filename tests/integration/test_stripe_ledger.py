"""Reading Stripe's books: what is found, how it goes wrong, and what nobody gets to see of it."""

import logging
import warnings
from collections.abc import AsyncIterator
from datetime import UTC, datetime

import httpx2
import pytest
import stripe
from pydantic import SecretStr
from structlog.testing import capture_logs

from booking.errors import UpstreamUnavailable
from booking.money import Money
from integrations.stripe.connect import connect_stripe
from integrations.stripe.errors import KeyRefused, StripeUnavailable
from integrations.stripe.ledger import StripeLedger
from tests.doubles.stripe_double import CHARGES, EVENTS, KEY, PATIENT_DATA, StripeDouble
from tests.integration.stripe_on_double import ledger_on

SINCE, UNTIL = (datetime.fromtimestamp(moment, tz=UTC) for moment in (1_000_000, 1_000_100))


@pytest.fixture
def double(monkeypatch: pytest.MonkeyPatch) -> StripeDouble:
    monkeypatch.setattr(stripe.HTTPClient, "INITIAL_DELAY", 0.0)  # between two attempts of the SDK
    return StripeDouble()


@pytest.fixture
async def ledger(double: StripeDouble) -> AsyncIterator[StripeLedger]:
    async with ledger_on(double) as connected:
        yield connected


def usd(amount: str) -> Money:
    return Money.of(amount, "USD")


class TestFind:
    async def test_a_charge_is_read_as_money(self, double: StripeDouble, ledger: StripeLedger) -> None:
        double.charge("ch_a", amount=12_345, amount_refunded=2_345, disputed=True)

        found = (await ledger.find(["ch_a"]))["ch_a"]

        assert (found.taken, found.given_back) == (usd("123.45"), usd("23.45"))
        assert (found.disputed, found.customer_id) == (True, "cus_sample")
        assert found.stands

    async def test_a_currency_without_minor_units_is_not_divided(
        self, double: StripeDouble, ledger: StripeLedger
    ) -> None:
        double.charge("ch_a", amount=12_345, currency="jpy")

        assert (await ledger.find(["ch_a"]))["ch_a"].taken == Money.of(12_345, "JPY")

    @pytest.mark.parametrize("status", ["failed", "pending"])
    async def test_a_charge_that_did_not_succeed_took_nothing(
        self, double: StripeDouble, ledger: StripeLedger, status: str
    ) -> None:
        double.charge("ch_a", status=status)

        assert (await ledger.find(["ch_a"]))["ch_a"].taken.is_zero

    async def test_what_was_only_reserved_was_not_taken(
        self, double: StripeDouble, ledger: StripeLedger
    ) -> None:
        double.charge("ch_a", captured=False, amount_captured=0)

        assert (await ledger.find(["ch_a"]))["ch_a"].taken.is_zero

    async def test_a_charge_that_stripe_does_not_know_is_left_out(
        self, double: StripeDouble, ledger: StripeLedger
    ) -> None:
        double.charge("ch_a")

        assert set(await ledger.find(["ch_a", "ch_nowhere"])) == {"ch_a"}

    @pytest.mark.parametrize("body", ["[]", "{}", '{"id": "ch_a", "object": "charge"}', "<html>"])
    async def test_an_answer_that_is_no_charge_is_no_finding(
        self, double: StripeDouble, ledger: StripeLedger, body: str
    ) -> None:
        double.say(body)

        with pytest.raises(UpstreamUnavailable):
            await ledger.find(["ch_a"])


class TestLanded:
    async def test_every_page_is_read(self, double: StripeDouble, ledger: StripeLedger) -> None:
        for number in range(250):
            double.charge(f"ch_{number}", created=1_000_000 + number % 7, key=f"key-{number}")

        landed = await ledger.landed(SINCE, UNTIL)

        assert {charge.id: charge.upstream_key for charge in landed} == {
            f"ch_{number}": f"key-{number}" for number in range(250)
        }
        assert len([read for read in double.reads if read.startswith("v1/charges")]) == 3

    async def test_only_what_took_money_in_that_time_is_in_it(
        self, double: StripeDouble, ledger: StripeLedger
    ) -> None:
        double.charge("ch_before", created=999_999)
        double.charge("ch_first", created=1_000_000)
        double.charge("ch_failed", created=1_000_050, status="failed")
        double.charge("ch_last", created=1_000_100)
        double.charge("ch_after", created=1_000_101)

        assert {charge.id for charge in await ledger.landed(SINCE, UNTIL)} == {"ch_first", "ch_last"}

    async def test_the_key_is_the_charges_and_not_a_refunds(
        self, double: StripeDouble, ledger: StripeLedger
    ) -> None:
        double.charge("ch_a", key="key-a", amount_refunded=100)

        assert (await ledger.landed(SINCE, UNTIL))[0].upstream_key == "key-a"
        assert [read for read in double.reads if "events" in read and "charge.succeeded" not in read] == []

    async def test_a_charge_made_by_hand_has_no_key(self, double: StripeDouble, ledger: StripeLedger) -> None:
        double.charge("ch_a", key=None)

        assert (await ledger.landed(SINCE, UNTIL))[0].upstream_key is None

    async def test_without_events_the_charges_are_found_and_their_keys_are_not(
        self, double: StripeDouble, ledger: StripeLedger
    ) -> None:
        double.charge("ch_a", key="key-a")
        double.readable = {CHARGES}

        with capture_logs() as logs:
            landed = await ledger.landed(SINCE, UNTIL)

        assert [(charge.id, charge.upstream_key) for charge in landed] == [("ch_a", None)]
        assert "stripe.events_not_readable" in [entry["event"] for entry in logs]

    async def test_a_list_without_an_end_is_given_up(
        self, double: StripeDouble, ledger: StripeLedger, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("integrations.stripe.ledger.MOST", 2)
        for number in range(3):
            double.charge(f"ch_{number}")

        with pytest.raises(StripeUnavailable, match="too_many"):
            await ledger.landed(SINCE, UNTIL)


class TestTrouble:
    @pytest.mark.parametrize(
        ("status", "reason", "attempts"),
        [
            (400, "request_refused", 1),
            (401, "key_not_valid", 1),
            (403, "permission_missing", 1),
            (429, "rate_limited", 1),
            (500, "http_500", 3),
            (503, "http_503", 3),
        ],
    )
    async def test_an_error_is_told_by_a_reason_of_ours_and_passing_ones_are_asked_again(
        self, double: StripeDouble, ledger: StripeLedger, status: int, reason: str, attempts: int
    ) -> None:
        double.charge("ch_a")
        double.fail(status, times=5)

        with pytest.raises(StripeUnavailable) as refused:
            await ledger.find(["ch_a"])

        assert refused.value.reason == reason
        assert len(double.reads) == attempts

    async def test_two_failures_are_lived_through(self, double: StripeDouble, ledger: StripeLedger) -> None:
        double.charge("ch_a")
        double.fail(500, times=2)

        assert "ch_a" in await ledger.find(["ch_a"])

    async def test_stripes_advice_on_asking_again_is_followed(
        self, double: StripeDouble, ledger: StripeLedger
    ) -> None:
        double.fail(500, times=5, advice="false")
        with pytest.raises(StripeUnavailable):
            await ledger.find(["ch_a"])
        assert len(double.reads) == 1

    async def test_no_network_is_no_answer(self, double: StripeDouble) -> None:
        def lost(request: httpx2.Request) -> httpx2.Response:
            raise httpx2.ReadError("connection lost", request=request)

        transport = httpx2.MockTransport(lost)
        async with connect_stripe(
            key=SecretStr(KEY), url="http://stripe.invalid", transport=transport
        ) as ledger:
            with pytest.raises(StripeUnavailable, match="no_answer"):
                await ledger.find(["ch_a"])

    async def test_a_key_that_was_revoked_is_refused(self, double: StripeDouble) -> None:
        async with ledger_on(double, key="rk_test_revoked") as ledger:
            with pytest.raises(KeyRefused, match="key_not_valid"):
                await ledger.find(["ch_a"])

    async def test_a_missing_permission_is_not_a_missing_charge(
        self, double: StripeDouble, ledger: StripeLedger
    ) -> None:
        double.readable = {EVENTS}

        with pytest.raises(KeyRefused, match="permission_missing"):
            await ledger.find(["ch_a"])


class TestProof:
    async def test_a_key_with_both_permissions_is_proved(self, ledger: StripeLedger) -> None:
        assert await ledger.prove()

    @pytest.mark.parametrize("readable", [set(), {CHARGES}, {EVENTS}])
    async def test_a_key_without_one_of_them_is_not_and_the_log_says_so(
        self, double: StripeDouble, ledger: StripeLedger, readable: set[str]
    ) -> None:
        double.readable = readable

        with capture_logs() as logs:
            assert not await ledger.prove()

        assert {
            "event": "stripe.key_not_proved",
            "reason": "permission_missing",
            "log_level": "error",
        } in logs

    @pytest.mark.parametrize("key", ["sk_live_sample", "sk_test_sample", "pk_live_sample", ""])
    async def test_only_a_restricted_key_is_taken(self, key: str) -> None:
        with pytest.raises(ValueError, match="restricted key only") as refused:
            async with connect_stripe(key=SecretStr(key)):
                pass
        assert not key or key not in str(refused.value)


class TestSecrecy:
    async def test_no_error_tells_the_key_or_a_patient(self, double: StripeDouble) -> None:
        async with ledger_on(double, key="rk_test_revoked_1234") as ledger:
            with pytest.raises(StripeUnavailable) as refused:
                await ledger.find(["ch_a"])
        told = [repr(refused.value), str(refused.value)]
        assert refused.value.__suppress_context__  # so that no traceback shows the SDK's

        async with ledger_on(double) as ledger:
            for status in (400, 401, 403, 429, 500):
                double.fail(status, times=3)
                with pytest.raises(StripeUnavailable) as refused:
                    await ledger.find(["ch_a"])
                double.faults.clear()
                assert refused.value.__suppress_context__
                told.append(str(refused.value))

        assert not [text for text in told if "1234" in text or "example.com" in text or "rk_" in text]

    async def test_the_sdk_logs_nothing_whatever_the_environment_asks_of_it(
        self,
        double: StripeDouble,
        monkeypatch: pytest.MonkeyPatch,
        capsys: pytest.CaptureFixture[str],
        caplog: pytest.LogCaptureFixture,
    ) -> None:
        monkeypatch.setattr(stripe._util, "STRIPE_LOG", "debug")
        monkeypatch.setattr(stripe, "log", "debug")
        caplog.set_level(logging.DEBUG)
        double.charge("ch_a")

        async with ledger_on(double) as ledger:
            await ledger.find(["ch_a"])
            await ledger.landed(SINCE, UNTIL)

        captured = capsys.readouterr()
        said = captured.out + captured.err + "".join(record.getMessage() for record in caplog.records)
        assert not [value for value in PATIENT_DATA.values() if value in said]
        assert KEY not in said

    async def test_stripe_is_told_nothing_of_the_machine(
        self, double: StripeDouble, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(stripe, "enable_telemetry", True)
        double.charge("ch_a")

        async with ledger_on(double) as ledger:
            for _ in range(2):  # the SDK tells of one request with the next
                await ledger.find(["ch_a"])

        assert not [headers for headers in double.headers if "x-stripe-client-telemetry" in headers]
        assert not [
            headers for headers in double.headers if "platform" in headers["x-stripe-client-user-agent"]
        ]

    async def test_a_notice_of_stripes_is_not_said_in_the_programs_voice(
        self, double: StripeDouble, ledger: StripeLedger
    ) -> None:
        double.charge("ch_a")

        with warnings.catch_warnings(record=True) as said:
            warnings.simplefilter("always")
            await ledger.find(["ch_a"])

        assert not [each for each in said if "Stripe" in str(each.message)]
