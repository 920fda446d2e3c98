"""`frontdoor changes …` on a database of its own."""

import getpass
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from booking.audit.chain import entry_of
from booking.audit.model import AuditKind
from booking.changes.model import (
    Action,
    ActionKind,
    ActionState,
    ChangeEndReason,
    ChangeKind,
    ChangeState,
    RequestedChange,
)
from booking.changes.repository import ChangeEntry
from booking.operations.model import Alert, AttentionReason, HistoryKind
from integrations.database.audit import SqlAuditTrail
from integrations.database.audit_reading import links
from integrations.database.unit_of_work import sql_unit_of_work
from tests.doubles.audit_samples import KEY, an_entry
from tests.integration.change_samples import (
    BOOK,
    CANCEL,
    a_cancellation,
    a_membership_end,
    a_reschedule,
    added_change,
    stored_change,
    with_done,
)
from tests.integration.commands import frontdoor, on_database
from tests.integration.database_samples import NOON, SEALER, a_slot

ATTENTION, OPEN, DONE, REFUSED = (
    ChangeState.NEEDS_ATTENTION,
    ChangeState.OPEN,
    ChangeState.DONE,
    ChangeState.REFUSED,
)
FAILED, PENDING, INTENDED = ActionState.FAILED, ActionState.PENDING, ActionState.INTENDED
MINUTE = timedelta(minutes=1)

# The visit is cancelled, and its refund was refused.
HALF = (
    with_done(a_cancellation("chg_half", reason="A sample reason", note="A sample note"), 0)
    .with_action(1, state=FAILED, intended_at=NOON)
    .changed(
        state=ATTENTION,
        attention=(AttentionReason.REFUND_FAILED, AttentionReason.OPEN_INVOICE),
        due_at=None,
        created_at=NOON - MINUTE,
    )
)
# Nobody knows whether the visit was moved.
IN_DOUBT = a_reschedule("chg_doubt", due_at=None, state=ATTENTION, attention=("out_of_tries",)).with_action(
    0, state=INTENDED, intended_at=NOON
)
PARKED = a_cancellation("chg_parked", tries=3, due_at=NOON + 60 * MINUTE, created_at=NOON - 2 * MINUTE)
DRIVEN = a_cancellation("chg_driven", lease_owner="d", lease_until=NOON.replace(year=2099))
FLAGGED = with_done(a_cancellation("chg_flagged", attention=("credit_not_given_back",), state=DONE), 0, 1)
# The new visit could not be deleted after the old one could not be cancelled.
UNDOING = a_reschedule(
    "chg_undoing",
    to=a_slot(start=NOON + timedelta(days=2), clinician="clinician-2"),
    state=ATTENTION,
    attention=("appointment_not_deleted",),
    end_reason=ChangeEndReason.REFUSED_UPSTREAM,
    new_appointment_id="visit-new",
    actions=(
        Action(kind=BOOK, state=ActionState.UNDO_INTENDED),
        Action(kind=CANCEL, state=FAILED),
    ),
)
# Nobody knows whether the membership was paused.
PAUSING = a_membership_end(
    "chg_pausing",
    kind=ChangeKind.MEMBERSHIP_PAUSE,
    state=ATTENTION,
    attention=("out_of_tries",),
    due_at=None,
    created_at=NOON - 3 * MINUTE,
    actions=(Action(kind=ActionKind.PAUSE_RECURRING, state=INTENDED, intended_at=NOON),),
)
ROWS = (HALF, IN_DOUBT, PARKED, DRIVEN, FLAGGED, UNDOING, PAUSING)


@pytest.fixture
def url(operators_url: str) -> str:
    on_database(operators_url, prepare)
    return operators_url


async def prepare(engine: AsyncEngine) -> None:
    units = sql_unit_of_work(engine, SEALER)
    for row in ROWS:
        await added_change(units, row)
    async with units() as unit:
        note = ChangeEntry(
            change_id=HALF.id,
            at=NOON + MINUTE,
            kind=HistoryKind.MOVED,
            before="refund intended",
            after=ATTENTION,
            by="driver-1",
        )
        row = HALF.changed(version=1)
        await unit.changes.save(row, was=row, history=[note])
        await unit.alerts.raise_once(
            Alert(reason=AttentionReason.REFUND_FAILED, subject=HALF.id, raised_at=NOON)
        )
        (alert,) = await unit.alerts.due(NOON, limit=1)
        await unit.alerts.mark_sent(alert, NOON)
        await unit.commit()


def read(url: str, change_id: str) -> RequestedChange:
    row = on_database(url, lambda engine: stored_change(sql_unit_of_work(engine, SEALER), change_id))
    assert row is not None
    return row


def states(row: RequestedChange) -> list[ActionState]:
    return [action.state for action in row.actions]


def test_lists_the_latest_first_and_those_that_need_a_person(url: str) -> None:
    listed = frontdoor("changes", "list", "--attention").output
    assert [line.split()[0] for line in listed.splitlines()] == [
        "chg_undoing",
        "chg_flagged",
        "chg_doubt",
        "chg_half",
        "chg_pausing",
    ]
    assert "refund_failed,open_invoice" in listed
    assert len(frontdoor("changes", "list").output.splitlines()) == len(ROWS)
    assert frontdoor("changes", "list", "--state", "superseded").output == "None.\n"
    assert frontdoor("changes", "list", "--state", "lost").exit_code == 2


def test_shows_actions_history_and_calls_and_nobodys_words(url: str) -> None:
    async def call(engine: AsyncEngine) -> None:
        trail = SqlAuditTrail(engine=engine, key=KEY)
        for number, at in enumerate((NOON - 9 * MINUTE, NOON)):
            await trail.record(an_entry(number, operation="Refund", checkout_id=HALF.id, at=at))
        await trail.aclose()

    on_database(url, call)
    shown = frontdoor("changes", "show", HALF.id).output
    assert "refund            failed  100" in shown
    assert shown.index("mutation Refund") < shown.index("refund intended -> needs_attention")
    assert shown.count("mutation Refund") == 1  # what was sent before is not the change's
    assert "A sample" not in shown
    assert frontdoor("changes", "show", "chg_missing").exit_code == 1


def test_a_retry_goes_on_with_a_look_and_keeps_what_it_would_not_find_again(url: str) -> None:
    assert frontdoor("changes", "retry", HALF.id).exit_code == 0
    row = read(url, HALF.id)
    assert (row.state, states(row)) == (OPEN, [ActionState.DONE, INTENDED])
    assert (row.attention, row.tries) == (("open_invoice",), 0)
    assert row.due_at is not None
    shown = frontdoor("changes", "show", HALF.id).output
    assert f"retried          needs_attention -> refund intended  by operator {getpass.getuser()}" in shown


def test_a_parked_change_is_taken_up_sooner(url: str) -> None:
    frontdoor("changes", "retry", PARKED.id)
    row = read(url, PARKED.id)
    assert (row.state, states(row), row.tries) == (OPEN, [PENDING, PENDING], 0)


def test_a_retry_of_an_undo_goes_on_with_the_undo(url: str) -> None:
    frontdoor("changes", "retry", UNDOING.id)
    row = read(url, UNDOING.id)
    assert (row.state, states(row)) == (OPEN, [ActionState.UNDO_INTENDED, FAILED])
    assert row.at == 0


def test_what_is_wrong_again_after_a_retry_is_alerted_again(url: str) -> None:
    frontdoor("changes", "retry", HALF.id)

    async def raised_again(engine: AsyncEngine) -> int:
        async with sql_unit_of_work(engine, SEALER)() as unit:
            alert = Alert(reason=AttentionReason.REFUND_FAILED, subject=HALF.id, raised_at=NOON)
            await unit.alerts.raise_once(alert)
            return len(await unit.alerts.due(NOON, limit=9))

    assert on_database(url, raised_again) == 1


@pytest.mark.parametrize(
    ("row", "resolution", "ends", "actions"),
    [
        (HALF, "done", DONE, [ActionState.DONE, ActionState.DONE]),
        (HALF, "partly", DONE, [ActionState.DONE, FAILED]),
        (HALF, "refused", REFUSED, [ActionState.UNDONE, FAILED]),
        (IN_DOUBT, "done", DONE, [ActionState.DONE]),
        (IN_DOUBT, "refused", REFUSED, [INTENDED]),
        (UNDOING, "refused", REFUSED, [ActionState.UNDONE, FAILED]),
        (UNDOING, "done", DONE, [ActionState.DONE, ActionState.DONE]),
        (FLAGGED, "done", DONE, [ActionState.DONE, ActionState.DONE]),
    ],
    ids=lambda value: getattr(value, "id", str(value)),
)
def test_a_resolution_ends_it_and_releases_its_slot(
    url: str, row: RequestedChange, resolution: str, ends: ChangeState, actions: list[ActionState]
) -> None:
    done = frontdoor("changes", "resolve", row.id, "--as", resolution, "--note", "By hand.")
    assert f"has ended as {ends}" in done.output
    after = read(url, row.id)
    assert (after.state, states(after), after.attention, after.reason) == (ends, actions, (), None)
    assert after.lease_owner is None

    async def claimed(engine: AsyncEngine) -> Any:
        async with sql_unit_of_work(engine, SEALER)() as unit:
            assert row.new_slot is not None
            return await unit.claims.busy([row.new_slot.clinician_id], row.new_slot.interval)

    if row.new_slot is not None:
        assert on_database(url, claimed) == []
    assert "“By hand.”" in frontdoor("changes", "show", row.id).output


@pytest.mark.parametrize(
    "arguments",
    [
        ("show", "chg_missing"),
        ("retry", "chg_missing"),
        ("retry", DRIVEN.id),
        ("retry", FLAGGED.id),
        ("resolve", PARKED.id, "--as", "done", "--note", "x"),
        ("resolve", IN_DOUBT.id, "--as", "partly", "--note", "x"),  # nothing is done
        ("resolve", FLAGGED.id, "--as", "refused", "--note", "x"),
    ],
)
def test_what_cannot_be_done_is_explained_in_one_line_and_changes_nothing(
    url: str, arguments: tuple[str, ...]
) -> None:
    refused = frontdoor("changes", *arguments)
    assert refused.exit_code == 1
    assert refused.output.startswith("Error: ")
    assert len(refused.output.splitlines()) == 1
    if arguments[1] != "chg_missing":
        assert read(url, arguments[1]).version == (2 if arguments[1] == HALF.id else 1)


@pytest.mark.parametrize(
    "command",
    [
        ("changes", "list"),
        ("changes", "show", HALF.id),
        ("changes", "retry", HALF.id),
        ("changes", "resolve", HALF.id, "--as", "done", "--note", "By hand."),
    ],
    ids=lambda command: command[1],
)
def test_who_looked_or_acted_is_in_the_audit_trail(url: str, command: tuple[str, ...]) -> None:
    assert frontdoor(*command).exit_code == 0

    async def recorded(engine: AsyncEngine) -> list[Any]:
        return [entry_of(link.record) async for link in links(engine, until=1000)]

    (entry,) = on_database(url, recorded)
    assert (entry.kind, entry.actor, entry.operation, entry.checkout_id) == (
        AuditKind.ACCESSED,
        f"operator {getpass.getuser()}",
        " ".join(command[:2]),
        HALF.id if HALF.id in command else None,
    )


def test_a_change_of_a_membership_is_listed_shown_retried_and_resolved(url: str) -> None:
    listed = frontdoor("changes", "list", "--attention").output
    assert "chg_pausing  membership_pause  needs_attention" in listed
    assert "membership series-1" in listed
    shown = frontdoor("changes", "show", "chg_pausing").output
    assert "membership          series-1" in shown
    assert "pause_recurring   intended" in shown
    assert "appointment " not in shown
    assert "stands at pause_recurring" in frontdoor("changes", "retry", "chg_pausing").output
    retried = read(url, "chg_pausing")
    assert (retried.state, retried.attention) == (OPEN, ())


@pytest.mark.parametrize(("resolution", "state"), [("done", DONE), ("refused", REFUSED)])
def test_a_change_of_a_membership_is_resolved_and_no_visit_is_spoken_of(
    url: str, resolution: str, state: ChangeState
) -> None:
    said = frontdoor(
        "changes", "resolve", "chg_pausing", "--as", resolution, "--note", "looked in Healthie"
    ).output
    assert said == f"chg_pausing has ended as {state}. Its patient sees how it stands.\n"
    assert read(url, "chg_pausing").state is state
