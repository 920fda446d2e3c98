"""Each known version of Healthie's API takes every operation, and the newest that does is used."""

import asyncio
from datetime import UTC, date, datetime
from typing import Any

import httpx2
import pytest
from graphql import parse, validate
from structlog.testing import capture_logs

from booking.errors import OutcomeUnknown, UpstreamUnavailable
from integrations.healthie.base import REPLACED_WITHIN, on_version
from integrations.healthie.contract import adapted, contract_schema, operations
from integrations.healthie.drift import coordinates
from integrations.healthie.errors import UnsupportedVersion
from integrations.healthie.transport import GraphQLRequest
from integrations.healthie.version_choice import Standing, VersionChoice
from integrations.healthie.versions import CONTRACT, DIFFERENCES, GONE, KNOWN, fallback, gone_in
from integrations.upstream.errors import NoAnswer
from tests.doubles.healthie_script import Script, a_checkout, a_payment, charged, errors

NEWEST = "2026-10-01"
NOVEMBER = date(2026, 11, 21)


class TestTable:
    @pytest.mark.parametrize("version", KNOWN)
    def test_every_operation_is_valid_in_what_is_known_of_each_version(self, version: str) -> None:
        assert validate(contract_schema(version), operations(version)) == []

    @pytest.mark.parametrize("version", KNOWN)
    def test_no_operation_uses_what_is_deprecated_or_gone_in_a_version(self, version: str) -> None:
        used = set(coordinates(contract_schema(version), operations(version)))

        replaced = {f"{each.type}.{each.field}" for each in DIFFERENCES if version >= each.since}
        assert used & (gone_in(version) | replaced) == set()

    def test_a_field_that_is_gone_would_be_noticed(self) -> None:
        """The first two tests can fail: the operations as written are not those of the newest version."""
        found = validate(contract_schema(NEWEST), operations())

        assert any("'offering_id' on type 'BillingItem'" in each.message for each in found)

    def test_each_difference_is_one_of_something_that_the_operations_select(self) -> None:
        used = coordinates(contract_schema(), operations())

        assert [each for each in DIFFERENCES if f"{each.type}.{each.field}" not in used] == []
        assert set(GONE.values()) <= set(KNOWN)

    @pytest.mark.parametrize(
        ("today", "version"),
        [
            (date(2026, 11, 30), "2026-01-01"),
            (date(2027, 1, 30), "2026-01-01"),
            (date(2027, 1, 31), "2026-07-01"),
            (date(2036, 1, 1), "2026-07-01"),
        ],
    )
    def test_before_an_answer_the_oldest_version_that_has_not_ended_is_used(
        self, today: date, version: str
    ) -> None:
        assert fallback(today) == version


class TestAdapted:
    DOCUMENT = (
        "query A { billingItem(id: 1) { id plan: offering_id user_package_selection { id offering_id } } }"
    )

    def test_in_the_contracts_own_version_nothing_is_changed(self) -> None:
        for version in (CONTRACT, "2026-07-01"):
            assert adapted(self.DOCUMENT, version).document == self.DOCUMENT

    def test_what_a_newer_version_has_instead_is_asked_for_under_the_old_name(self) -> None:
        document = adapted(self.DOCUMENT, NEWEST).document

        assert parse(document, no_location=True) == parse(
            "query A { billingItem(id: 1) { id plan: offerings { id } "
            "user_package_selection: user_package_selections { id offering_id } } }",
            no_location=True,
        )

    @pytest.mark.parametrize(
        ("offerings", "read"),
        [([], None), ([{"id": "40"}], "40"), ([{"id": 40}], "40"), ([{"id": "1"}, {"id": "2"}], "1 2")],
    )
    def test_the_offering_of_a_payment_is_the_only_one_that_it_has(self, offerings: Any, read: Any) -> None:
        """Two are read as the id of none: it is not proved that the one was bought that was asked for."""
        answer = {"billingItem": {"id": "1", "plan": offerings, "user_package_selection": []}}

        assert adapted(self.DOCUMENT, NEWEST).read(answer) == {
            "billingItem": {"id": "1", "plan": read, "user_package_selection": None}
        }

    def test_what_comes_back_in_the_old_shape_stays(self) -> None:
        """A package has an `offering_id` of its own; null stays null."""
        package = {"id": "601", "offering_id": "40"}
        answer = {"a": [{"plan": None, "user_package_selection": [package]}], "b": None}

        assert adapted(self.DOCUMENT, NEWEST).read(answer) == {
            "a": [{"plan": None, "user_package_selection": package}],
            "b": None,
        }


class TestOnTheNewestVersion:
    async def test_a_charge_is_proved_by_what_the_newest_version_answers(self) -> None:
        payment = a_payment(offering_id=[{"id": "40"}], user_package_selection=[{"id": "601"}])
        script = Script(answers={"Charge": charged(payment)})
        async with script.connected(version=NEWEST) as healthie:
            charge = await healthie.billing.charge(a_checkout())

        (sent,) = script.of("Charge")
        assert sent.version == NEWEST
        assert "offering_id: offerings {" in sent.document
        assert (charge.billing_item_id, charge.package_id, charge.differs) == ("801", "601", ())

    async def test_a_charge_for_another_plan_is_noticed(self) -> None:
        payment = a_payment(offering_id=[{"id": "41"}], user_package_selection=[])
        async with Script(answers={"Charge": charged(payment)}).connected(version=NEWEST) as healthie:
            charge = await healthie.billing.charge(a_checkout())

        assert charge.differs == ("plan",)

    @pytest.mark.parametrize("offerings", [[1], [{"name": "no id"}], [[{"id": "40"}]]])
    async def test_a_charge_whose_plan_is_of_no_known_shape_is_not_taken_for_refused(
        self, offerings: Any
    ) -> None:
        payment = a_payment(offering_id=offerings, user_package_selection=[])
        async with Script(answers={"Charge": charged(payment)}).connected(version=NEWEST) as healthie:
            with pytest.raises(OutcomeUnknown):
                await healthie.billing.charge(a_checkout())


def choice(answers: dict[str, Any], asked: list[str], **options: Any) -> VersionChoice:
    async def ask(version: str) -> Standing:
        asked.append(version)
        answer = answers.get(version, Standing.REFUSED)
        if isinstance(answer, Exception):
            raise answer
        assert isinstance(answer, Standing)
        return answer

    return VersionChoice(pinned=options.pop("pinned", None), ask=ask, today=lambda: NOVEMBER, **options)


USABLE, ANSWERED, REFUSED = Standing.USABLE, Standing.ANSWERED, Standing.REFUSED


class TestChoice:
    @pytest.mark.parametrize(
        ("answers", "used", "requests"),
        [
            ({"2026-10-01": USABLE, "2026-07-01": USABLE, "2026-01-01": USABLE}, "2026-10-01", 1),
            ({"2026-07-01": USABLE, "2026-01-01": USABLE}, "2026-07-01", 2),
            ({"2026-01-01": USABLE}, "2026-01-01", 3),
            ({"2026-10-01": ANSWERED, "2026-07-01": USABLE}, "2026-07-01", 2),
            ({"2026-10-01": ANSWERED, "2026-07-01": ANSWERED}, "2026-07-01", 3),
            ({}, "2026-01-01", 3),
        ],
    )
    async def test_the_newest_that_takes_our_operations_is_used(
        self, answers: dict[str, Any], used: str, requests: int
    ) -> None:
        asked: list[str] = []
        versions = choice(answers, asked)
        await versions.choose()

        assert (versions.used, len(asked)) == (used, requests)

    async def test_without_an_answer_the_version_in_use_stays(self) -> None:
        answers: dict[str, Any] = {"2026-10-01": NoAnswer("ApiVersion", "timeout")}
        versions = choice(answers, [])
        with pytest.raises(NoAnswer):
            await versions.choose()
        assert versions.used == "2026-01-01"

    async def test_who_got_no_answer_asks_again_in_the_background(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("integrations.healthie.version_choice.CHOOSE_AGAIN", date.resolution * 0)
        answers: dict[str, Any] = {"2026-10-01": NoAnswer("ApiVersion", "timeout")}
        asked: list[str] = []
        versions = choice(answers, asked)
        with capture_logs() as logs:
            keeping = asyncio.create_task(versions.keep_chosen())
            while len(asked) < 3:  # noqa: ASYNC110 - it is the task's turn
                await asyncio.sleep(0)
            answers["2026-10-01"] = USABLE
            while versions.used != NEWEST:  # noqa: ASYNC110
                await asyncio.sleep(0)
            keeping.cancel()

        failures = [each for each in logs if each["event"] == "healthie.version_not_chosen"]
        assert {(each["used"], each["error"]) for each in failures} == {("2026-01-01", "timeout")}

    async def test_a_pinned_version_is_used_whatever_is_answered(self) -> None:
        asked: list[str] = []
        versions = choice({"2026-10-01": USABLE}, asked, pinned="2025-11-30")
        await versions.keep_chosen()
        assert asked == []

        assert await versions.standings() == {
            "2026-10-01": USABLE,
            "2026-07-01": REFUSED,
            "2026-01-01": REFUSED,
            "2025-11-30": REFUSED,
        }
        assert versions.used == "2025-11-30"


class TestRefusedUnderWay:
    async def test_another_is_chosen_once_for_all_calls_and_operators_are_told_once(self) -> None:
        told: list[tuple[str, str | None]] = []

        async def tell(refused: str, used: str | None) -> None:
            told.append((refused, used))

        asked: list[str] = []
        versions = choice({"2026-07-01": USABLE}, asked, replaced=tell)
        replaced = await asyncio.gather(*(versions.replace("2026-01-01") for _ in range(5)))

        assert (replaced, versions.used) == ([True] * 5, "2026-07-01")
        assert asked == ["2026-10-01", "2026-07-01"]
        assert told == [("2026-01-01", "2026-07-01")]

    async def test_where_none_is_left_not_every_call_asks_for_all_again(self) -> None:
        told: list[tuple[str, str | None]] = []

        async def tell(refused: str, used: str | None) -> None:
            told.append((refused, used))

        now = [0.0]
        asked: list[str] = []
        versions = choice({}, asked, replaced=tell, monotonic=lambda: now[0])
        assert [await versions.replace("2026-01-01") for _ in range(4)] == [False] * 4
        assert (len(asked), told) == (3, [("2026-01-01", None)])
        now[0] = 61.0
        await versions.replace("2026-01-01")
        assert len(asked) == 6

    async def test_a_pinned_version_is_not_replaced_and_operators_are_told(self) -> None:
        told: list[tuple[str, str | None]] = []

        async def tell(refused: str, used: str | None) -> None:
            told.append((refused, used))

        asked: list[str] = []
        versions = choice({"2026-10-01": USABLE}, asked, pinned="2026-01-01", replaced=tell)
        assert not await versions.replace("2026-01-01")
        assert (asked, told) == ([], [("2026-01-01", None)])

    async def test_without_an_answer_nothing_is_replaced(self) -> None:
        versions = choice({"2026-10-01": UpstreamUnavailable("late")}, [])
        assert not await versions.replace("2026-01-01")


class EndsUnderWay:
    """A Healthie that has stopped to answer the oldest version."""

    def __init__(self) -> None:
        self.script = Script(answers={"ApiVersion": self._answer, "Charge": self._answer})
        self.made = 0

    def _answer(self, _: Any) -> httpx2.Response | dict[str, Any]:
        sent = self.script.sent[-1]
        if sent.version == "2026-01-01":
            return errors("UNSUPPORTED_API_VERSION")
        if sent.operation == "ApiVersion":
            return {"currentUser": {"id": "1"}}
        self.made += 1
        return charged(a_payment(offering_id=[{"id": "40"}], user_package_selection=[]))


class TestCall:
    async def test_a_charge_on_a_version_that_ended_under_way_is_made_once_on_another(self) -> None:
        healthie_of = EndsUnderWay()
        started = datetime(2027, 1, 30, tzinfo=UTC)
        async with healthie_of.script.connected(version=None, now=lambda: started) as healthie:
            charge = await healthie.billing.charge(a_checkout())
            assert healthie.api_version.used == NEWEST

        sent = [
            (each.operation, each.version)
            for each in healthie_of.script.sent
            if each.operation in ("Charge", "ApiVersion")
        ]
        assert sent == [("Charge", "2026-01-01"), ("ApiVersion", NEWEST), ("Charge", NEWEST)]
        assert (healthie_of.made, charge.billing_item_id) == (1, "801")

    async def test_one_that_is_chosen_too_late_for_the_lease_is_for_the_next_try(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Another worker may have taken the checkout over by then: a charge that is sent so late may be the second one."""
        monkeypatch.setattr("integrations.healthie.base.REPLACED_WITHIN", -1.0)
        healthie_of = EndsUnderWay()
        started = datetime(2027, 1, 30, tzinfo=UTC)
        async with healthie_of.script.connected(version=None, now=lambda: started) as healthie:
            with pytest.raises(UpstreamUnavailable):
                await healthie.billing.charge(a_checkout())
            assert (healthie_of.made, healthie.api_version.used) == (0, NEWEST)
            await healthie.billing.charge(a_checkout())
        assert healthie_of.made == 1

    def test_a_call_that_goes_on_with_another_version_has_the_time_of_one(self) -> None:
        request = GraphQLRequest(
            operation="Charge",
            mutation=True,
            kind="charge",
            patient_id=None,
            document="",
            variables={},
            timeout=20.0,
            budget=12.0,
            version="2026-01-01",
        )
        again = on_version(request, NEWEST, spent=REPLACED_WITHIN)
        assert (again.version, again.timeout, again.budget) == (NEWEST, 15.0, 7.0)

    async def test_a_pinned_one_fails_as_certainly_not_done(self) -> None:
        script = Script(answers={"WhoAmI": errors("UNSUPPORTED_API_VERSION")})
        async with script.connected() as healthie:
            await healthie.keys.prove_due()
            assert healthie.keys.proved == frozenset()
        assert {each.operation for each in script.sent} == {"WhoAmI"}
        assert UnsupportedVersion("WhoAmI").code == "unsupported_version"

    async def test_the_probe_holds_every_operation_as_the_version_has_it(self) -> None:
        """A GraphQL server validates a document as a whole: one request tells whether all operations are taken."""
        script = Script()
        async with script.connected(version=None) as healthie:
            await _chosen(healthie)

        (probe,) = script.of("ApiVersion")
        assert probe.version == NEWEST
        assert validate(contract_schema(NEWEST), parse(probe.document)) == []
        assert "mutation Charge(" in probe.document
        assert probe.key == "sample-organization-key"

    async def test_a_version_that_refuses_an_operation_is_not_used(self) -> None:
        refused = httpx2.Response(200, json={"errors": [{"message": "Field 'x' doesn't exist"}]})
        script = Script(answers={"ApiVersion": [refused, {"currentUser": {"id": "1"}}]})
        async with script.connected(version=None) as healthie:
            await _chosen(healthie)
            assert healthie.api_version.used == "2026-07-01"


async def _chosen(healthie: Any) -> None:
    await healthie.api_version.choose()
