"""The page about cancelling and moving says what the program does: its examples, its tables, its sample of an explanation."""

import re
import shlex
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, timedelta
from pathlib import Path

import pytest

from booking.change_quotes import CancellationQuote, CreditOutcome
from booking.changes.cancelling import cancellation_quote
from booking.changes.model import ActionKind
from booking.changes.policy import ChangePolicy, PlanVisitTreatment
from booking.changes.visit import BookedVisit
from booking.money import Money
from booking.refusals.changes import CancellationNotAllowed, NotAllowedReason
from gateway.commands.policy_explanation import explained
from gateway.commands.policy_words import Asked
from gateway.settings import Settings
from gateway.settings.changes import ChangeSettings
from gateway.settings.environment import EnvironmentSettings
from tests.doubles.booked_visits import APPOINTMENT, START, a_payment, a_visit, dollars

PAGE = (Path(__file__).parents[2] / "docs" / "changes.md").read_text(encoding="utf-8")

# What the page says about the visit of its examples.
PAID = a_payment(dollars(80))
VISIT = a_visit(
    appointment=replace(APPOINTMENT, id="400012", clinician_id="200002"),
    late_cancellation_fee=dollars(25),
    cancel_notice=timedelta(hours=1),
    reschedule_notice=timedelta(hours=24),
)


def part(name: str) -> str:
    found = re.search(rf"<!-- {name}:.*?-->\n(.*?)<!-- /{name} -->", PAGE, re.DOTALL)
    assert found is not None, name
    return found[1]


def rows(name: str) -> Iterator[list[str]]:
    """The cells of a table's rows, without its head."""
    for line in part(name).strip().split("\n")[2:]:
        yield [cell.strip().strip("`") for cell in line.strip("|").split("|")]


@pytest.fixture
def policy(monkeypatch: pytest.MonkeyPatch) -> ChangePolicy:
    """The policy of the page's settings, read as a start reads them."""
    block = re.search(r"```sh\n(.*?)```", PAGE, re.DOTALL)
    assert block is not None
    given = dict(shlex.split(line)[0].split("=", 1) for line in block[1].strip().split("\n"))
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    return Settings(
        secret_key="only-for-tests-" * 4,
        healthie_url="https://healthie.example.invalid/graphql",
        healthie_organization_key="synthetic",
    ).change_policy


def with_notice(text: str) -> timedelta:
    count, unit = text.split()
    return timedelta(minutes=int(count)) if unit.startswith("minute") else timedelta(hours=int(count))


def quoted(notice: timedelta, policy: ChangePolicy) -> CancellationQuote:
    return cancellation_quote(VISIT, PAID, policy, now=START - notice)


def amount(money: Money | None) -> str:
    return str(money.amount) if money else ""


def test_the_examples_are_what_the_settings_of_the_page_do(policy: ChangePolicy) -> None:
    examples = list(rows("examples"))
    assert len(examples) > 5
    for notice, back, kept, fee in examples:
        if back == "refused":
            with pytest.raises(CancellationNotAllowed):
                quoted(with_notice(notice), policy)
            continue
        quote = quoted(with_notice(notice), policy)
        charged = amount(quote.fee.amount if quote.fee else None)
        assert [amount(quote.refund), amount(quote.kept), charged] == [back, kept, fee], notice


def test_the_example_of_a_refund_that_was_made_before_is_right(policy: ChangePolicy) -> None:
    assert "30.00 refunded last week and 47 hours of notice give back 10.00" in PAGE
    paid = a_payment(dollars(80), refunded=dollars(30))
    quote = cancellation_quote(VISIT, paid, policy, now=START - timedelta(hours=47))
    assert quote.refund == dollars(10)


def test_the_table_of_plans_is_what_the_policy_does() -> None:
    found = list(rows("plans"))
    assert len(found) == 2 * len(PlanVisitTreatment)
    plan = a_payment(dollars(99), plan_id="plan-sample", recurring_payment_id="r-sample")
    for treatment, restores, credit, payment, later in found:
        visit = a_visit(credit_used=True, restores_credit=restores == "yes")
        policy = ChangePolicy(plan_visits=PlanVisitTreatment(treatment))
        quote = cancellation_quote(visit, plan, policy, now=START - timedelta(days=2))
        comes_back = quote.credit is CreditOutcome.GIVEN_BACK
        assert [
            "comes back" if comes_back else "lost",
            "given back" if quote.refund else "kept",
            "end" if quote.stops_recurring else "go on",
        ] == [credit, payment, later], (treatment, restores)


def test_the_sample_is_what_the_command_prints(policy: ChangePolicy) -> None:
    asked = sample(VISIT, policy)
    expected = "\n".join(
        ["```", "$ frontdoor policy explain --appointment 400012", *explained(asked), "```", ""]
    )
    assert part("explained") == expected


def sample(visit: BookedVisit, policy: ChangePolicy) -> Asked:
    now = START - timedelta(hours=23)
    return Asked(visit=visit, paid=PAID, policy=policy, now=now, zone=UTC, by_staff=False)


def test_every_setting_reason_and_action_is_on_the_page() -> None:
    own = ChangeSettings.model_fields.keys() - EnvironmentSettings.model_fields.keys()
    names = [f"FRONTDOOR_{name.upper()}" for name in own] + [*NotAllowedReason, *ActionKind]
    assert len(names) > 15
    assert [name for name in names if f"`{name}`" not in PAGE and f"{name}=" not in PAGE] == []
