"""What Healthie charges by itself for visits that patients have paid for here: found before it happens."""

from typing import Any

import httpx2
import pytest

from booking.sync.drift import DriftFinding, Severity
from integrations.healthie.upstream import UpstreamCheck
from tests.doubles.healthie_catalog import a_kind, a_package, everything
from tests.doubles.healthie_script import Script, a_policy, connection, errors

OCCURRED = {"charge_for_occurred_appts": True}
FEES = {"auto_schedule_charges_for_late_cancellation_no_show": True}
AGAIN = (
    "Patients who paid here are charged again when a visit of Sample visit (70) is marked Occurred: "
    "switch charge_for_occurred_appts off in Healthie, in {}."
)
PRICE = {"pricing_info": {"price": "100.00"}}


@pytest.fixture(autouse=True)
def _no_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("integrations.upstream.calls.FIRST_WAIT", 0.0)


def settings(policy: Any, own: Any = None, *, has_own: bool = True, insured: bool = False) -> dict[str, Any]:
    """The practice's policy, and that of the visit type 70."""
    kind = {
        "id": "70",
        "insurance_billing_enabled": insured,
        "has_specific_appointment_settings": own is not None and has_own,
        "appointment_setting": own,
    }
    return {"currentUser": {"appointment_setting": policy}, "appointmentTypes": connection([kind])}


def sold(kind: dict[str, Any] | None = None, *, in_plan: bool = False) -> dict[str, Any]:
    plans = [a_package()] if in_plan else []
    return everything(appointmentTypes=connection([a_kind(**(kind or {}))]), offerings=connection(plans))


async def found(script: Script) -> list[DriftFinding]:
    async with script.connected() as healthie:
        assert isinstance(healthie.drift, UpstreamCheck)
        return await healthie.drift.charges.findings()


async def found_in(answer: Any, catalog: Any) -> list[tuple[Severity, str]]:
    script = Script(answers={"AutomaticCharges": answer, "PublicCatalog": catalog})
    return [(each.severity, each.what) for each in await found(script)]


class TestVisitsThatOccurred:
    async def test_a_type_that_is_sold_with_a_price_is_charged_again(self) -> None:
        assert await found_in(settings(a_policy(**OCCURRED)), sold(PRICE)) == [
            (Severity.BREAKING, AGAIN.format("the practice's appointment settings"))
        ]

    async def test_the_look_takes_one_request_besides_the_offer(self) -> None:
        script = Script(answers={"PublicCatalog": sold(PRICE)})
        assert await found(script) == []
        assert [each.operation for each in script.sent] == ["AutomaticCharges", "PublicCatalog"]

    @pytest.mark.parametrize(
        ("own", "where"),
        [
            (a_policy(charge_for_occurred_appts=False), None),
            (a_policy(charge_for_occurred_appts=None), "the practice's appointment settings"),
            (a_policy(**OCCURRED), "the visit type's own settings"),
        ],
    )
    async def test_a_types_own_settings_replace_the_practices_as_far_as_they_say_something(
        self, own: dict[str, Any], where: str | None
    ) -> None:
        found = await found_in(settings(a_policy(**OCCURRED), own), sold(PRICE))
        assert found == ([(Severity.BREAKING, AGAIN.format(where))] if where else [])

    async def test_settings_of_its_own_that_are_not_in_force_do_not_count(self) -> None:
        answer = settings(a_policy(), a_policy(**OCCURRED), has_own=False)
        assert await found_in(answer, sold(PRICE)) == []

    @pytest.mark.parametrize(
        "kind",
        [
            {},
            {"pricing_info": {"price": "0.00"}},
            PRICE | {"clients_can_book": False},
            PRICE | {"is_group": True},
        ],
        ids=str,
    )
    async def test_what_has_no_price_or_is_not_sold_here_is_no_finding(self, kind: dict[str, Any]) -> None:
        assert await found_in(settings(a_policy(**OCCURRED)), sold(kind, in_plan=True)) == []

    async def test_a_type_on_a_later_page_is_looked_at_as_well(self) -> None:
        first, second = settings(a_policy()), settings(a_policy(), a_policy(**OCCURRED))
        first["appointmentTypes"] = {
            "nodes": [],
            "page_info": {"has_next_page": True, "end_cursor": "next"},
        }
        assert await found_in([first, second], sold(PRICE)) == [
            (Severity.BREAKING, AGAIN.format("the visit type's own settings"))
        ]


class TestInsurance:
    @pytest.mark.parametrize("is_sold", [True, False])
    async def test_a_share_that_is_billed_besides_is_a_warning_for_what_is_sold(
        self, *, is_sold: bool
    ) -> None:
        for catalog in (sold(PRICE), sold(in_plan=True)) if is_sold else (sold(),):
            severities = [one for one, _ in await found_in(settings(a_policy(), insured=True), catalog)]
            assert severities == ([Severity.WARNING] if is_sold else [])


class TestFees:
    @pytest.mark.parametrize(
        ("fees", "words"),
        [
            ({"no_show_fee": 7_500}, "no-show"),
            ({"late_cancellation_fee": 5_001}, "late cancellation"),
            ({"late_cancellation_fee": 9_000, "no_show_fee": 1}, "late cancellation or a no-show"),
            ({"late_cancellation_fee": 5_000}, None),
            ({"late_cancellation_fee": 4_000}, None),
            ({}, None),
        ],
    )
    async def test_one_that_is_higher_than_the_one_that_patients_are_shown_is_a_warning(
        self, fees: dict[str, int], words: str | None
    ) -> None:
        answer = settings(a_policy(late_cancellation_fee=5_000, **FEES), a_policy(**FEES, **fees))
        what = f"Healthie charges more for a {words} of Sample visit (70) than patients are shown: the practice's fee is lower."
        assert await found_in(answer, sold()) == ([(Severity.WARNING, what)] if words else [])

    async def test_one_that_healthie_does_not_charge_by_itself_is_none(self) -> None:
        assert await found_in(settings(a_policy(), a_policy(no_show_fee=7_500)), sold()) == []


class TestWhatCannotBeRead:
    @pytest.mark.parametrize(
        ("operation", "answer"),
        [
            ("AutomaticCharges", errors("UNAUTHORIZED")),
            ("AutomaticCharges", httpx2.Response(502)),
            ("PublicCatalog", httpx2.Response(502)),
            ("AutomaticCharges", settings(None)),
            ("AutomaticCharges", settings(a_policy(charge_for_occurred_appts=None))),
            ("AutomaticCharges", settings(a_policy()) | {"currentUser": None}),
        ],
        ids=["refused", "away", "offer", "policy", "setting", "owner"],
    )
    async def test_is_a_note_and_stops_no_check(self, operation: str, answer: Any) -> None:
        (finding,) = await found(Script(answers={operation: answer}))
        assert finding.severity is Severity.NOTE
        assert finding.what.startswith(
            "Whether Healthie charges visits that patients paid for here cannot be read ("
        )
