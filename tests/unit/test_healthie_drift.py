"""Which changes of the schema matter, each reported by its name."""

from datetime import date
from typing import Any

import httpx2
import pytest
from graphql import build_schema, introspection_from_schema, print_schema, validate

from booking.errors import UpstreamUnavailable
from booking.sync.drift import DriftFinding, Severity
from integrations.healthie.contract import contract_schema, operations
from integrations.healthie.drift import coordinates, differences, used_part
from tests.doubles.healthie_script import Script, errors

CONTRACT = contract_schema()
OPERATIONS = operations()
SDL = print_schema(CONTRACT)
INTROSPECTION = introspection_from_schema(CONTRACT)
TODAY = date(2026, 11, 21)

# One change of the schema's text each: its severity and the sentence that reports it.
CHANGES: dict[str, tuple[str, str, Severity, str]] = {
    "field removed": (
        "  card_last4: String\n",
        "",
        Severity.BREAKING,
        "Field BillingItem.card_last4 was removed.",
    ),
    "field retyped": (
        "  net_payment: String\n",
        "  net_payment: Float\n",
        Severity.BREAKING,
        "Field BillingItem.net_payment changed type from String to Float.",
    ),
    "field became nullable": (
        "  is_canceled: Boolean!\n",
        "  is_canceled: Boolean\n",
        Severity.BREAKING,
        "Field RecurringPayment.is_canceled changed type from Boolean! to Boolean.",
    ),
    "query removed": (
        "  billingItem(id: ID): BillingItem\n",
        "",
        Severity.BREAKING,
        "Field Query.billingItem was removed.",
    ),
    "argument removed": (
        "appointment(id: ID, include_deleted: Boolean)",
        "appointment(id: ID)",
        Severity.BREAKING,
        "Argument Query.appointment(include_deleted:) was removed.",
    ),
    "argument retyped": (
        "appointment(id: ID,",
        "appointment(id: Int,",
        Severity.BREAKING,
        "Argument Query.appointment(id:) has changed type from ID to Int.",
    ),
    "new required argument": (
        "billingItem(id: ID)",
        "billingItem(id: ID, reason: String!)",
        Severity.BREAKING,
        "A required argument Query.billingItem(reason:) was added.",
    ),
    "input field removed": (
        "  chosen_refund_amount: String\n",
        "",
        Severity.BREAKING,
        "Field updateBillingItemInput.chosen_refund_amount was removed.",
    ),
    "new required input field": (
        "input cancelRecurringPaymentInput {\n",
        "input cancelRecurringPaymentInput {\n  why: String!\n",
        Severity.BREAKING,
        "A required field cancelRecurringPaymentInput.why was added.",
    ),
    "asked value removed": (
        "  DATE_DESC\n",
        "",
        Severity.BREAKING,
        "Enum value AppointmentOrderKeys.DATE_DESC was removed.",
    ),
    "answered value removed": (
        "  SCHEDULED\n",
        "",
        Severity.BREAKING,
        "Enum value BillingItemState.SCHEDULED was removed.",
    ),
    "answered value added": (
        "  SCHEDULED\n",
        "  SCHEDULED\n  PENDING\n",
        Severity.WARNING,
        "Enum value BillingItemState.PENDING was added.",
    ),
    "field deprecated": (
        "  card_last4: String\n",
        '  card_last4: String @deprecated(reason: "Use card")\n',
        Severity.WARNING,
        "BillingItem.card_last4 is deprecated: Use card",
    ),
    "argument deprecated": (
        "appointment(id: ID, include_deleted: Boolean)",
        'appointment(id: ID, include_deleted: Boolean @deprecated(reason: "Gone soon"))',
        Severity.WARNING,
        "Query.appointment(include_deleted:) is deprecated: Gone soon",
    ),
    "input field deprecated": (
        "  chosen_refund_amount: String\n",
        '  chosen_refund_amount: String @deprecated(reason: "Use refund")\n',
        Severity.WARNING,
        "updateBillingItemInput.chosen_refund_amount is deprecated: Use refund",
    ),
    "field of an input that is sent whole removed": (
        "input WebhookEventInput {\n  id: ID\n",
        "input WebhookEventInput {\n",
        Severity.BREAKING,
        "Field WebhookEventInput.id was removed.",
    ),
    "value deprecated": (
        "  DATE_DESC\n",
        '  DATE_DESC @deprecated(reason: "Old")\n',
        Severity.WARNING,
        "AppointmentOrderKeys.DATE_DESC is deprecated: Old",
    ),
    "unused field removed": (
        "  payment_medium: ID\n",
        "",
        Severity.NOTE,
        "Field BillingItem.payment_medium was removed.",
    ),
    "unused value removed": (
        "  METHOD_ASC\n",
        "",
        Severity.NOTE,
        "Enum value BillingItemOrderKeys.METHOD_ASC was removed.",
    ),
}


def changed(old: str, new: str) -> Any:
    assert SDL.count(old) >= 1, old
    return build_schema(SDL.replace(old, new, 1))


def test_the_contract_does_not_differ_from_itself() -> None:
    assert differences(CONTRACT, OPERATIONS, CONTRACT) == []


@pytest.mark.parametrize(("old", "new", "severity", "what"), CHANGES.values(), ids=CHANGES.keys())
def test_each_change_is_told_once_by_its_name(old: str, new: str, severity: Severity, what: str) -> None:
    found = differences(CONTRACT, OPERATIONS, changed(old, new))

    assert found == [DriftFinding(severity=severity, what=what)]


def test_a_type_that_is_gone_is_told_with_all_that_falls_with_it() -> None:
    found = differences(CONTRACT, OPERATIONS, build_schema(SDL.replace("BillingItemState", "PaymentState")))

    assert [each.what for each in found if each.severity is Severity.BREAKING] == [
        "BillingItemState was removed.",
        "Field BillingItem.state changed type from BillingItemState to PaymentState.",
    ]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("  payment_medium: ID\n", "  payment_medium: ID @deprecated\n"),
        ("  card_last4: String\n", "  card_last4: String!\n"),
        ("  card_last4: String\n", "  card_last4: String\n  card_novelty: String\n"),
        ("billingItem(id: ID)", "billingItem(id: ID, reason: String)"),
        ("  METHOD_ASC\n", "  METHOD_ASC\n  NOVELTY_ASC\n"),
        ("  TEST_CREATED\n", "  TEST_CREATED\n  NOVELTY_CREATED\n"),
    ],
    ids=[
        "unused and deprecated",
        "stricter",
        "more fields",
        "optional argument",
        "more to ask with",
        "events for others",
    ],
)
def test_what_nobody_here_feels_is_not_told(old: str, new: str) -> None:
    assert differences(CONTRACT, OPERATIONS, changed(old, new)) == []


def test_what_is_used_is_enough_for_every_operation_and_no_more() -> None:
    used = coordinates(CONTRACT, OPERATIONS)
    part = used_part(CONTRACT, used)

    assert validate(part, OPERATIONS) == []
    assert coordinates(part, OPERATIONS) == used
    fields = {f"{kind}.{field}" for kind in part.type_map.values() for field in getattr(kind, "fields", ())}
    assert {each for each in fields if not each.startswith("__")} <= set(used)


def told(*, sunset: str | None = None, old: str = "", new: str = "") -> Any:
    """Healthie's answer to an introspection."""
    body: dict[str, Any] = {"data": introspection_from_schema(changed(old, new)) if old else INTROSPECTION}
    if sunset:
        warning = {"code": "API_VERSION_SUNSET_WARNING", "sunset_date": sunset}
        body["extensions"] = {"warnings": [warning]}
    return httpx2.Response(200, json=body)


class TestCheck:
    @pytest.mark.parametrize(
        ("sunset", "days", "worst"),
        [
            (None, 71, None),  # the documented date
            ("2027-01-31", 71, None),
            ("2027-01-20", 60, None),
            ("2027-01-19", 59, Severity.WARNING),
            ("2026-11-20", -1, Severity.WARNING),
            ("some day", 71, None),
        ],
    )
    async def test_the_end_of_the_version_is_told_in_days_and_warned_of_when_it_is_near(
        self, sunset: str | None, days: int | None, worst: Severity | None
    ) -> None:
        script = Script(answers={"IntrospectionQuery": told(sunset=sunset)})
        async with script.connected() as healthie:
            report = await healthie.drift.check(TODAY)

        assert (report.version, report.days_left, report.worst) == ("2026-01-01", days, worst)

    async def test_what_was_found_comes_before_a_warning(self) -> None:
        answer = told(sunset="2026-12-01", old="  card_last4: String\n")
        async with Script(answers={"IntrospectionQuery": answer}).connected() as healthie:
            report = await healthie.drift.check(TODAY)

        assert [each.severity for each in report.findings] == [Severity.BREAKING, Severity.WARNING]

    async def test_a_version_that_is_no_longer_answered_is_broken(self) -> None:
        script = Script(answers={"ApiVersion": errors("UNSUPPORTED_API_VERSION")})
        async with script.connected() as healthie:
            report = await healthie.drift.check(TODAY)

        assert report.worst is Severity.BREAKING
        assert report.findings[0].what == "API version 2026-01-01 is not answered."

    async def test_a_server_that_cannot_tell_of_deprecated_arguments_is_asked_without_them(self) -> None:
        script = Script(answers={"IntrospectionQuery": [errors("GRAPHQL_VALIDATION_FAILED"), told()]})
        async with script.connected() as healthie:
            assert (await healthie.drift.check(TODAY)).worst is None

        first, second = script.of("IntrospectionQuery")
        assert first.document.count("includeDeprecated") > second.document.count("includeDeprecated")

    @pytest.mark.parametrize(
        "answer",
        [{"__schema": {"types": []}}, {"__schema": None}, {"other": 1}, errors("UNAUTHENTICATED")],
        ids=["empty", "null", "none", "key"],
    )
    async def test_what_is_no_schema_says_so(self, answer: Any) -> None:
        script = Script(answers={"IntrospectionQuery": answer})
        async with script.connected() as healthie:
            with pytest.raises(UpstreamUnavailable):
                await healthie.drift.check(TODAY)
