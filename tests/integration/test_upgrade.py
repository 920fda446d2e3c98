"""An upgrade with work in flight: what an earlier release left in its database comes to its right end under this one."""

import asyncio
import contextlib
import sys
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx2
import pytest
from click.testing import CliRunner
from pydantic import HttpUrl, SecretStr
from sqlalchemy import text
from standardwebhooks import Webhook

from gateway.app import create_app
from gateway.command_line import main
from gateway.runtime.composition import compose
from gateway.settings import Settings
from gateway.settings.environment import Environment
from integrations.database.engine import connect_database
from integrations.database.migrations import migrate
from integrations.healthie_emulator.app import create_app as create_emulator
from integrations.healthie_emulator.clock import Clock
from integrations.healthie_emulator.emulator import Emulator
from tests.doubles.rates import GENEROUS
from tests.integration.event_receiver import Receiver
from tests.integration.event_receiver import serving as receiving
from tests.integration.stored_practice import StillClock, StoredPractice
from tests.plugins.emulator import serving

# How each checkout ends.
ENDS = {
    "cancelled": "cancelled",
    "hold_ran_out": "expired",
    "started": "expired",
    "declined": "expired",
    "charge_lost_in_doubt": "expired",
    "late_charge_found": "expired",
    "late_charge_not_found_yet": "expired",
    "late_series_found": "expired",
    "late_visit_found": "refunded",
    "refunded": "refunded",
    "refund_failed": "needs_attention",
    "confirmed_looked_at": "confirmed",
    "confirmed_monthly": "confirmed",
    "confirmed": "confirmed",
    "dead_at_patient_intended": "confirmed",
    "dead_at_patient_ready": "confirmed",
    "dead_at_card_intended": "expired",  # a token works once: its patient, who is gone, was asked for another card
    "dead_at_card_ready": "confirmed",
    "dead_after_charge": "confirmed",
    "charge_request_lost": "confirmed",
    "charge_answer_lost": "confirmed",
    "dead_at_charged": "confirmed",
    "dead_after_booking": "confirmed",
    "booking_request_lost": "confirmed",
    "dead_at_booked": "confirmed",
    "dead_at_compensating": "refunded",
    "dead_at_recurring_cancel": "refunded",
    "dead_at_recurring_cancelled": "refunded",
    "dead_after_refund": "refunded",
    "refund_request_lost": "refunded",
    "dead_after_deletion": "refunded",
}

# Ended before any money moved.
NEVER_CHARGED = {"cancelled", "hold_ran_out", "started", "declined", "dead_at_card_intended"}

# On the attention list: a refund leaves the package of the plan behind, which no call takes back; and one could not be made.
FOR_A_PERSON = {name for name, state in ENDS.items() if state != "confirmed"} - NEVER_CHARGED

# What could not be fetched for a day.
GIVEN_UP = ("form", "4711")

# Tables that a migration has renamed since, by their former names.
RENAMED: dict[str, str] = {}

# Everything that was due, or leased by a process that is gone, is to be taken up from now on.
LEASES_END = timedelta(minutes=2)

# Rounds of a worker, and how far apart on its clock: past the waits of what failed, and the first check for late charges.
ROUNDS = 6
APART = timedelta(minutes=10)

# Subscribers have a moment to take their deliveries; one that fails is repeated after seconds, and then after minutes.
PATIENCE_SECONDS = 120
RETRIED = timedelta(seconds=20)

# Where the log of events of an entry point is kept, for the handler to find it.
HANDLER = """
import pathlib
from booking.events.handlers import handler

@handler()
async def note(event):
    with pathlib.Path({log!r}).open("a") as log:
        log.write(event.id + "\\n")
"""


@dataclass(frozen=True, kw_only=True)
class Upgraded:
    """The practice after the upgrade: its settings, clock and upstream, and the subscribers of its events."""

    stored: StoredPractice
    url: str
    clock: StillClock
    emulator: httpx2.AsyncClient
    settings: Settings
    office: Receiver
    slow: Receiver
    by_hand: Receiver
    handled: Path  # ids of events, a line each

    async def query(self, statement: str) -> list[dict[str, Any]]:
        """Rows as they stand, whatever the program calls its tables' values."""
        engine = connect_database(self.url)
        async with engine.connect() as connection:
            rows = [dict(row) for row in (await connection.execute(text(statement))).mappings()]
        await engine.dispose()
        return rows

    async def frontdoor(self, *arguments: str) -> str:
        """What the command says that must succeed."""
        environment = {
            "FRONTDOOR_ENVIRONMENT": "development",
            "FRONTDOOR_SECRET_KEY": self.stored["secret_key"],
            "FRONTDOOR_DATABASE_URL": self.url,
            "FRONTDOOR_HEALTHIE_URL": str(self.settings.healthie_url),
            "FRONTDOOR_HEALTHIE_ORGANIZATION_KEY": "synthetic",
            "FRONTDOOR_LOG_LEVEL": "ERROR",
        }
        result = await asyncio.to_thread(CliRunner().invoke, main, arguments, env=environment)
        assert result.exit_code == 0, result.output
        return result.output

    async def books(self) -> dict[str, list[dict[str, Any]]]:
        """What happened upstream in truth, but for deliveries of webhooks: they are tried again beside everything else."""
        answer = await self.emulator.get("/_control/books")
        books: dict[str, list[dict[str, Any]]] = answer.json()
        return {name: records for name, records in books.items() if name != "webhooks_sent"}

    async def states(self) -> dict[str, str]:
        """Where each checkout stands, by its name."""
        rows = {row["id"]: row["state"] for row in await self.query("SELECT id, state FROM checkouts")}
        return {name: rows[checkout] for name, checkout in self.stored.checkouts.items()}

    async def work(self, *, rounds: int) -> None:
        """Let a worker do what is due, so many rounds and until every subscriber has been told what waits for it."""
        self.clock.present += LEASES_END
        async with compose(self.settings, clock=self.clock) as system:
            worker = system.worker()
            for _ in range(rounds):
                await self._round(worker)
                self.clock.present += APART
            async with asyncio.timeout(PATIENCE_SECONDS):
                # Deliveries are made beside the worker's rounds.
                while not await self._everything_was_delivered():
                    self.clock.present += RETRIED  # an attempt that timed out on a busy machine is due again
                    await self._round(worker)

    async def _round(self, worker: Any) -> None:
        await worker.tick()
        for chore in worker._apart:
            await chore.work()
            if chore.end is not None:
                await chore.end()

    async def _everything_was_delivered(self) -> bool:
        events = await self.events_to_deliver()
        return all(events <= set(heard) for heard in self.heard().values())

    async def events_to_deliver(self) -> set[str]:
        """Ids of the events that a subscriber of the release had not taken, and of those that came since."""
        delivered = max(
            row["place"] for row in self.stored.rows("subscribers") if row["id"].startswith("handler:")
        )
        rows = await self.query(f"SELECT id FROM practice_events WHERE sequence > {delivered}")
        return {row["id"] for row in rows}

    def heard(self) -> dict[str, list[str]]:
        """What each subscriber was told, by the ids of the events, with repetitions. Every signature is verified."""
        office, added = self.stored["endpoint_secret"], self.stored["endpoint_added"]["secret"]
        secrets = {
            "office": (self.office, office),
            "slow": (self.slow, office),
            "by hand": (self.by_hand, added),
        }
        heard = {
            name: [_signed_id(secret, headers, body) for headers, body in receiver.got]
            for name, (receiver, secret) in secrets.items()
        }
        return heard | {"handler": self.handled.read_text().split() if self.handled.exists() else []}


def _signed_id(secret: str, headers: dict[str, str], body: bytes) -> str:
    """The event's id, of a delivery that the secret signed; its time is the practice's own, not this machine's."""
    signed_at = datetime.fromtimestamp(int(headers["webhook-timestamp"]), UTC)
    signature = Webhook(secret).sign(headers["webhook-id"], signed_at, body.decode())
    assert signature in headers["webhook-signature"].split()
    return headers["webhook-id"]


def _install_handler(site: Path, name: str, log: Path) -> None:
    """A package with a handler, as one that is installed beside the program."""
    (site / "upgrade_handlers.py").write_text(HANDLER.format(log=str(log)))
    installed = site / "upgrade_handlers-1.0.dist-info"
    installed.mkdir()
    (installed / "METADATA").write_text("Metadata-Version: 2.1\nName: upgrade-handlers\nVersion: 1.0\n")
    (installed / "entry_points.txt").write_text(f"[frontdoor.handlers]\n{name} = upgrade_handlers:note\n")


@pytest.fixture
def receivers() -> Iterator[list[Receiver]]:
    with contextlib.ExitStack() as exits:
        yield [exits.enter_context(receiving(Receiver())) for _ in range(3)]


@pytest.fixture
async def upgraded(
    database_url: str, receivers: list[Receiver], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Upgraded]:
    """The practice on the present tables, upstream as the release left it, and nothing done yet."""
    stored = StoredPractice()
    await stored.load(database_url)
    await migrate(database_url)
    site = tmp_path / "site"
    site.mkdir()
    _install_handler(site, stored["handler"], tmp_path / "handled")
    monkeypatch.syspath_prepend(site)
    monkeypatch.delitem(sys.modules, "upgrade_handlers", raising=False)  # another test's, and its log
    clock = StillClock(stored.begun_at)
    office, slow, by_hand = receivers
    with serving(create_emulator(Emulator(clock=Clock(source=clock.now)))) as url:
        async with httpx2.AsyncClient(base_url=url, timeout=30) as emulator:
            seed = (await emulator.get("/_control/seed")).json()
            await stored.happen_upstream(emulator, clock)
            practice = Upgraded(
                stored=stored,
                url=database_url,
                clock=clock,
                emulator=emulator,
                settings=_settings(stored, database_url, url, seed, office=office, slow=slow),
                office=office,
                slow=slow,
                by_hand=by_hand,
                handled=tmp_path / "handled",
            )
            await _moved(practice)
            yield practice


def _settings(
    stored: StoredPractice, database_url: str, upstream: str, seed: Any, **endpoints: Receiver
) -> Settings:
    return Settings(
        environment=Environment.DEVELOPMENT,
        secret_key=SecretStr(stored["secret_key"]),
        database_url=database_url,
        healthie_url=HttpUrl(f"{upstream}/graphql"),
        healthie_organization_key=SecretStr(seed["owner"]["key"]),
        healthie_keys={who: SecretStr(key) for who, key in seed["clinician_keys"].items()},
        healthie_requests_per_second=10_000,
        healthie_burst=10_000,
        healthie_webhook_url=HttpUrl(stored["webhook_url"]),
        rate_factor=GENEROUS,
        cards_of_guests=GENEROUS,
        anonymous_holds_percent=100,
        endpoints_allow_loopback=True,
        endpoints={
            name: {"url": f"http://127.0.0.1:{one.port}/in", "secrets": [stored["endpoint_secret"]]}
            for name, one in endpoints.items()
        },
    )


async def _moved(practice: Upgraded) -> None:
    """The endpoint that was added by hand has its other system at the port that this test got."""
    engine = connect_database(practice.url)
    async with engine.begin() as connection:
        at = f"http://127.0.0.1:{practice.by_hand.port}/in"
        change = text("UPDATE subscribers SET url = :at WHERE id = :id")
        await connection.execute(change, {"at": at, "id": practice.stored["endpoint_added"]["id"]})
    await engine.dispose()


async def test_what_a_release_left_in_flight_comes_to_its_right_end(upgraded: Upgraded) -> None:
    await every_row_is_there_and_is_read(upgraded)
    await keys_answer_as_they_did(upgraded)
    await upgraded.work(rounds=ROUNDS)
    await checkouts_end_right_and_none_is_charged_twice(upgraded)
    await pending_refreshes_were_done(upgraded)
    await events_reach_each_subscriber_once(upgraded)
    await keys_of_what_was_in_flight_answer_how_it_ended(upgraded)
    await a_person_goes_on_with_what_was_given_up(upgraded)
    await upgraded.frontdoor("audit", "verify")


async def every_row_is_there_and_is_read(upgraded: Upgraded) -> None:
    for table, rows in upgraded.stored["tables"].items():
        (counted,) = await upgraded.query(f"SELECT count(*) AS rows FROM {RENAMED.get(table, table)}")
        assert (table, counted["rows"]) == (table, len(rows))
    for row in upgraded.stored.rows("checkouts"):
        if "due_at" not in row:  # the others are read when they are resumed
            assert row["state"] in await upgraded.frontdoor("checkouts", "show", row["id"])
    assert "form" in await upgraded.frontdoor("webhooks", "list", "--dead")
    listed = await upgraded.frontdoor("endpoints", "list")
    assert all(row["id"] in listed for row in upgraded.stored.rows("subscribers") if "url" in row)
    assert upgraded.stored["handler"] in await upgraded.frontdoor("handlers", "list")
    (block,) = upgraded.stored.rows("clinician_blocks")
    assert block["clinician_id"] in await upgraded.frontdoor("clinicians", "list")
    await upgraded.frontdoor("audit", "verify")


async def keys_answer_as_they_did(upgraded: Upgraded) -> None:
    """A key whose mutation was answered for good brings the same answer, and nothing is sent upstream for it."""
    before = await upgraded.books()
    async with app_of(upgraded) as http:
        for key, sent in upgraded.stored.requests().items():
            if sent.answer is not None and _status(sent.answer) != "CheckoutProcessing":
                answer = await http.post("/graphql", json=sent.body, headers=sent.headers)
                assert (key, answer.json()["data"]) == (key, sent.answer)
                assert answer.headers["Idempotent-Replayed"] == "true"
    assert await upgraded.books() == before


async def checkouts_end_right_and_none_is_charged_twice(upgraded: Upgraded) -> None:
    assert await upgraded.states() == ENDS
    books = await upgraded.books()
    ids = {checkout: name for name, checkout in upgraded.stored.checkouts.items()}
    charges = {ids[charge["idempotency_key"].rsplit("-", 1)[0]]: charge for charge in books["charges"]}
    assert len(charges) == len(books["charges"])  # one a checkout, at the most
    assert charges.keys() == ENDS.keys() - NEVER_CHARGED
    kept = {name for name, charge in charges.items() if charge["refunded"] == 0}
    assert kept == {name for name, state in ENDS.items() if state in ("confirmed", "needs_attention")}
    assert all(charge["refunded"] in (0, charge["amount"]) for charge in books["charges"])
    assert len({refund["charge"] for refund in books["refunds"]}) == len(books["refunds"])
    going_on = {one["id"] for one in books["recurring_payments"] if not one["is_canceled"]}
    series = {
        one["stripe_charge_id"] for one in books["billing_items"] if one["recurring_payment_id"] in going_on
    }
    assert {name for name, charge in charges.items() if charge["id"] in series} == {"confirmed_monthly"}
    booked = [
        one for one in books["appointments"] if one["deleted_at"] is None and "chk_" in str(one["metadata"])
    ]
    assert len(booked) == sum(state == "confirmed" for state in ENDS.values())
    (claims,) = await upgraded.query("SELECT count(*) AS rows FROM slot_claims")
    assert claims["rows"] == sum(state == "needs_attention" for state in ENDS.values())


async def pending_refreshes_were_done(upgraded: Upgraded) -> None:
    """What was only marked, and what a look had failed at, has a snapshot; what was given up waits for a person still."""
    pending = {(row["kind"], row["resource_id"]) for row in upgraded.stored.rows("resource_marks")}
    rows = await upgraded.query("SELECT kind, resource_id FROM resource_snapshots")
    assert pending - {(row["kind"], row["resource_id"]) for row in rows} == {GIVEN_UP}


async def events_reach_each_subscriber_once(upgraded: Upgraded) -> None:
    """What was not told, failed, or was on its way when its worker died, and all that came since."""
    events = sorted(await upgraded.events_to_deliver())
    assert {who: sorted(heard) for who, heard in upgraded.heard().items()} == dict.fromkeys(
        ("office", "slow", "by hand", "handler"), events
    )


async def keys_of_what_was_in_flight_answer_how_it_ended(upgraded: Upgraded) -> None:
    """A patient whose confirm was not answered sends it again, with the key that it had."""
    before = await upgraded.books()
    async with app_of(upgraded) as http:
        for name, state in ENDS.items():
            sent = upgraded.stored.requests().get(f"confirm-{name}")
            if sent is not None and state == "confirmed":
                answer = await http.post("/graphql", json=sent.body, headers=sent.headers)
                confirmed = answer.json()["data"]["confirmCheckout"]
                assert (name, confirmed["__typename"]) == (name, "ConfirmCheckoutSuccess")
                assert confirmed["checkout"] == {"id": upgraded.stored.checkouts[name], "status": "CONFIRMED"}
    assert await upgraded.books() == before


async def a_person_goes_on_with_what_was_given_up(upgraded: Upgraded) -> None:
    failed = upgraded.stored.checkouts["refund_failed"]
    listed = await upgraded.frontdoor("checkouts", "list", "--attention")
    names = {name for name, checkout in upgraded.stored.checkouts.items() if checkout in listed}
    assert names == FOR_A_PERSON
    await upgraded.frontdoor("checkouts", "retry", failed)
    await upgraded.frontdoor("webhooks", "replay", *GIVEN_UP)
    await upgraded.work(rounds=2)
    assert (await upgraded.states())["refund_failed"] == "refunded"
    assert GIVEN_UP[1] not in await upgraded.frontdoor("webhooks", "list", "--dead")


@contextlib.asynccontextmanager
async def app_of(upgraded: Upgraded) -> AsyncIterator[httpx2.AsyncClient]:
    """A patient's app at a gateway of the present version."""
    app = create_app(upgraded.settings, clock=upgraded.clock)
    async with (
        app.router.lifespan_context(app),
        httpx2.AsyncClient(
            transport=httpx2.ASGITransport(app=app), base_url="http://gateway.invalid"
        ) as http,
    ):
        yield http


def _status(answer: dict[str, Any]) -> str:
    (result,) = answer.values()
    return str(result["__typename"])
