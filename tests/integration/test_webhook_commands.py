"""`frontdoor webhooks list|show|replay` on a database of their own."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from booking.resources import ChangeHint, Kind, Resource
from booking.sync.inbox import WebhookDelivery
from integrations.database.inbox import SqlInbox
from integrations.database.unit_of_work import sql_unit_of_work
from tests.integration.commands import frontdoor, on_database
from tests.integration.database_samples import SEALER

LONG_AGO = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
WAITING, GIVEN_UP = Resource(kind=Kind.VISIT, id="7"), Resource(kind=Kind.PAYMENT, id="61")


@pytest.fixture
def url(operators_url: str, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.delenv("FRONTDOOR_LOG_LEVEL")  # what it logs by default is not in its answers
    on_database(operators_url, prepare)
    return operators_url


async def prepare(engine: AsyncEngine) -> None:
    """One visit that waits to be looked at, and one payment that was given up."""
    for resource, event in ((WAITING, "appointment.updated"), (GIVEN_UP, "billing_item.updated")):
        delivery = WebhookDelivery(
            event=event,
            resource_type="sample",
            resource_id=resource.id,
            received_at=LONG_AGO,
            hint=ChangeHint(resource=resource),
        )
        await SqlInbox(engine=engine).accept(delivery)
    async with sql_unit_of_work(engine, SEALER)() as unit:
        mark = await unit.pending_refreshes.lease(
            GIVEN_UP, "worker", now=LONG_AGO, until=LONG_AGO + timedelta(minutes=1)
        )
        assert mark is not None
        await unit.pending_refreshes.failed(mark, due_at=None, now=LONG_AGO, error="upstream_unavailable")
        await unit.commit()


async def due(engine: AsyncEngine) -> list[Resource]:
    async with sql_unit_of_work(engine, SEALER)() as unit:
        return list(await unit.pending_refreshes.due(datetime.now(UTC), limit=10))


def test_the_list_tells_what_waits_and_what_was_given_up(url: str) -> None:
    lines = frontdoor("webhooks", "list").stdout.splitlines()
    assert len(lines) == 2
    (dead,) = frontdoor("webhooks", "list", "--dead").stdout.splitlines()
    assert "failed 1 times (upstream_unavailable)" in dead
    assert "given up 2026-03-02T12:00:00" in dead


def test_show_tells_what_came_in_and_that_nothing_was_seen_yet(url: str) -> None:
    told = frontdoor("webhooks", "show", "visit", "7")
    assert told.exit_code == 0
    assert "marked 1 times" in told.stdout
    assert "never seen" in told.stdout
    assert "appointment.updated" in told.stdout


def test_show_of_something_unheard_of_says_so(url: str) -> None:
    told = frontdoor("webhooks", "show", "card", "99")
    assert told.exit_code == 0
    assert "no refresh is pending" in told.stdout


def test_what_was_given_up_is_taken_up_again_by_a_replay(url: str) -> None:
    assert on_database(url, due) == [WAITING]
    assert frontdoor("webhooks", "replay", "payment", "61").exit_code == 0
    assert frontdoor("webhooks", "list", "--dead").stdout == "None.\n"
    assert on_database(url, due) == [WAITING, GIVEN_UP]
    assert "operator" in frontdoor("webhooks", "show", "payment", "61").stdout


def test_a_kind_that_is_none_is_refused_with_those_that_are(url: str) -> None:
    refused = frontdoor("webhooks", "replay", "invoice", "1")
    assert refused.exit_code == 2
    assert "'payment'" in refused.stderr
