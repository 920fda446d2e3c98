"""`frontdoor checkouts …` and `frontdoor clinicians …` on a database of their own."""

import getpass
from dataclasses import replace
from typing import TypeVar

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from booking.audit.chain import entry_of
from booking.audit.model import AuditEntry, AuditKind
from booking.checkout.history import history_entry
from booking.checkout.model import Attempt, Checkout, EndReason
from booking.checkout.model import CheckoutState as S
from booking.errors import AuditUnavailable
from booking.operations.model import AttentionReason, ClinicianBlock, HistoryKind
from integrations.database.audit import SqlAuditTrail
from integrations.database.audit_reading import links
from integrations.database.history import history_of
from integrations.database.unit_of_work import sql_unit_of_work
from tests.doubles.audit_samples import KEY, an_entry
from tests.integration.commands import frontdoor, on_database
from tests.integration.database_samples import GUEST, NOON, SEALER, a_charge, a_checkout

T = TypeVar("T")

GIVEN_UP = a_checkout(
    "chk_given_up",
    state=S.NEEDS_ATTENTION,
    attention=(AttentionReason.REFUND_FAILED,),
    attention_from=S.REFUND_INTENDED,
    patient_id="patient-1",
    guest=GUEST,
    charge=a_charge(),
    attempt=1,
    attempts=(Attempt(number=1, card_id="card-1", intended_at=NOON),),
)
OPEN = a_checkout("chk_open")


@pytest.fixture
def url(operators_url: str) -> str:
    on_database(operators_url, prepare)
    return operators_url


async def prepare(engine: AsyncEngine) -> None:
    async with sql_unit_of_work(engine, SEALER)() as unit:
        for row in (GIVEN_UP, OPEN):
            await unit.checkouts.add(row)
        await unit.claims.take(GIVEN_UP)
        before = GIVEN_UP.changed(state=S.REFUND_INTENDED)
        await unit.history.add(history_entry(GIVEN_UP, HistoryKind.MOVED, before=before, by="driver-1"))
        await unit.blocks.block(
            ClinicianBlock(
                clinician_id="clinician-1",
                reason="provider_mismatch",
                checkout_id=GIVEN_UP.id,
                blocked_at=NOON,
            )
        )
        await unit.commit()


LAST = 1_000  # more records than any test makes


async def recorded(engine: AsyncEngine) -> list[AuditEntry]:
    return [entry_of(link.record) async for link in links(engine, until=LAST)]


def read(url: str, checkout_id: str = GIVEN_UP.id) -> Checkout:
    async def get(engine: AsyncEngine) -> Checkout | None:
        async with sql_unit_of_work(engine, SEALER)() as unit:
            return await unit.checkouts.get(checkout_id)

    row = on_database(url, get)
    assert row is not None
    return row


def test_the_list_is_narrowed_by_state_and_by_attention(url: str) -> None:
    assert {line.split()[0] for line in frontdoor("checkouts", "list").output.splitlines()} == {
        GIVEN_UP.id,
        OPEN.id,
    }
    assert frontdoor("checkouts", "list", "--state", "started").output.startswith(OPEN.id)
    attention = frontdoor("checkouts", "list", "--attention").output
    assert attention.startswith(f"{GIVEN_UP.id}  needs_attention")
    assert attention.rstrip().endswith("refund_failed")
    assert frontdoor("checkouts", "list", "--state", "booked").output == "None.\n"
    unknown = frontdoor("checkouts", "list", "--state", "boked")
    assert unknown.exit_code == 2
    assert "'boked' is none of started, " in " ".join(unknown.output.split())


def test_show_tells_facts_moves_and_calls_without_patient_data(url: str) -> None:
    async def call(engine: AsyncEngine) -> None:
        trail = SqlAuditTrail(engine=engine, key=KEY)
        for number, answer in ((1, {}), (2, {"status": 200, "error": "refused"})):
            for checkout in (GIVEN_UP.id, None):  # for no checkout: in no history
                entry = an_entry(number, operation="Refund", checkout_id=checkout, **answer)
                await trail.record(replace(entry, call_id=f"of {checkout}"))
        await trail.aclose()

    on_database(url, call)
    shown = frontdoor("checkouts", "show", GIVEN_UP.id)
    assert shown.exit_code == 0
    assert "refund_intended -> needs_attention" in shown.output
    assert "mutation Refund as clinician-1: refused, HTTP 200, 12 ms  request up-2" in shown.output
    assert shown.output.count("mutation Refund") == 1
    assert "example.com" not in shown.output
    assert "Sample" not in shown.output.replace("A sample plan", "")


def test_a_retry_makes_it_due_and_is_written_down_with_who_did_it(url: str) -> None:
    done = frontdoor("checkouts", "retry", GIVEN_UP.id)
    assert done.exit_code == 0
    row = read(url)
    assert (row.state, row.attention) == (S.REFUND_INTENDED, ())
    assert row.due_at is not None
    last = on_database(url, lambda engine: history_of(engine, GIVEN_UP.id))[-1]
    assert (getattr(last, "kind", None), getattr(last, "by", None)) == (
        HistoryKind.RETRIED,
        f"operator {getpass.getuser()}",
    )


@pytest.mark.parametrize(
    "command",
    [
        ("checkouts", "list"),
        ("checkouts", "show", "chk_given_up"),
        ("checkouts", "retry", "chk_given_up"),
        ("checkouts", "resolve", "chk_given_up", "--as", "refunded", "--note", "By hand."),
        ("clinicians", "unblock", "clinician-1"),
    ],
    ids=lambda command: command[1],
)
def test_who_looked_or_acted_is_in_the_audit_trail(url: str, command: tuple[str, ...]) -> None:
    assert frontdoor(*command).exit_code == 0
    (entry,) = on_database(url, recorded)
    assert (entry.kind, entry.actor, entry.operation, entry.checkout_id) == (
        AuditKind.ACCESSED,
        f"operator {getpass.getuser()}",
        " ".join(command[:2]),
        GIVEN_UP.id if GIVEN_UP.id in command else None,
    )
    assert frontdoor("audit", "verify").exit_code == 0


@pytest.mark.parametrize("command", ["show", "retry"])
def test_what_is_typed_in_the_place_of_an_id_is_not_recorded(url: str, command: str) -> None:
    assert frontdoor("checkouts", command, "sample.patient@example.com").exit_code == 1
    assert [entry.checkout_id for entry in on_database(url, recorded)] == [None]


@pytest.mark.parametrize("command", [("list",), ("show", GIVEN_UP.id), ("retry", GIVEN_UP.id)])
def test_what_cannot_be_recorded_is_neither_shown_nor_done(
    url: str, command: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    async def unavailable(self: SqlAuditTrail, entry: AuditEntry) -> None:
        raise AuditUnavailable

    monkeypatch.setattr(SqlAuditTrail, "record", unavailable)
    refused = frontdoor("checkouts", *command)
    assert refused.exit_code == 1
    assert GIVEN_UP.id not in refused.output
    assert read(url) == GIVEN_UP.changed(version=1)


def test_a_resolution_needs_a_note_and_says_what_happens_then(url: str) -> None:
    assert frontdoor("checkouts", "resolve", GIVEN_UP.id, "--as", "refunded").exit_code == 2
    assert frontdoor("checkouts", "resolve", GIVEN_UP.id, "--as", "lost", "--note", "x").exit_code == 2
    done = frontdoor("checkouts", "resolve", GIVEN_UP.id, "--as", "refunded", "--note", "By hand.")
    assert "a worker undoes what was made of it" in done.output
    row = read(url)
    assert (row.state, row.attention, row.end_reason) == (
        S.BOOKING_INTENDED,
        (),
        EndReason.ENDED_BY_PRACTICE,
    )
    assert row.due_at is not None
    assert "“By hand.”" in frontdoor("checkouts", "show", GIVEN_UP.id).output


def test_one_that_is_called_booked_has_ended_and_is_looked_at(url: str) -> None:
    done = frontdoor("checkouts", "resolve", GIVEN_UP.id, "--as", "booked", "--note", "By hand.")
    assert "ended as confirmed. It is looked at" in done.output
    assert read(url).state is S.CONFIRMED


@pytest.mark.parametrize(
    "arguments",
    [
        ("checkouts", "show", "chk_missing"),
        ("checkouts", "retry", "chk_missing"),
        ("checkouts", "retry", "chk_open"),
        ("checkouts", "resolve", "chk_open", "--as", "booked", "--note", "x"),
        ("clinicians", "unblock", "clinician-9"),
    ],
)
def test_what_cannot_be_done_is_explained_in_one_line(url: str, arguments: tuple[str, ...]) -> None:
    refused = frontdoor(*arguments)
    assert refused.exit_code == 1
    assert refused.output.startswith("Error: ")
    assert len(refused.output.splitlines()) == 1


def test_a_blocked_clinician_is_listed_and_cleared(url: str) -> None:
    assert frontdoor("clinicians", "list").output.startswith("clinician-1  provider_mismatch  chk_given_up")
    assert frontdoor("clinicians", "unblock", "clinician-1").exit_code == 0
    assert frontdoor("clinicians", "list").output == "None.\n"
    assert "unblocked" in frontdoor("checkouts", "show", GIVEN_UP.id).output


def test_a_history_is_shown_on_a_terminal_that_has_not_its_characters(url: str) -> None:
    """Quotation marks of ours, and what a person wrote."""
    done = frontdoor("checkouts", "resolve", GIVEN_UP.id, "--as", "refunded", "--note", "Überwiesen → 20 €")
    assert done.exit_code == 0, done.output

    shown = frontdoor("checkouts", "show", GIVEN_UP.id, charset="iso-8859-1")

    assert shown.exit_code == 0, shown.exception
    assert "\\u201cÜberwiesen \\u2192 20 \\u20ac\\u201d" in shown.output
