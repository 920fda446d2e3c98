"""The composed system: what it records, whom it alerts and whom it takes off the offer, against a real emulator and chat."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from pydantic import HttpUrl, SecretStr
from sqlalchemy import text

from booking.audit.model import AuditEntry, AuditKind
from booking.checkout.model import Checkout
from booking.checkout.model import CheckoutState as S
from booking.errors import OutcomeUnknown
from booking.models import CardChoice, GuestDetails
from booking.operations.model import AttentionReason, ClinicianBlock, HistoryEntry
from booking.principals import Caller, Principal, PrincipalKind, guest_of
from booking.slot_query import SlotQuery
from gateway.runtime.composition import compose
from gateway.runtime.system import System
from gateway.settings import Settings
from gateway.settings.environment import Environment
from integrations.alerts.texts import text_of
from integrations.database.engine import connect_database
from integrations.database.history import history_of
from integrations.database.migrations import migrate
from tests.plugins.emulator import EmulatorClient

VISITOR = Caller(principal=Principal(kind=PrincipalKind.VISITOR, id="sample"))
GUEST = GuestDetails(email="sample.patient@example.com", first_name="Sample", last_name="Patient")
DAY = timedelta(days=1)


class AheadClock:
    """The machine's clock, put forward."""

    def __init__(self) -> None:
        self.ahead = timedelta()

    def now(self) -> datetime:
        return datetime.now(UTC) + self.ahead


class Chat:
    """A chat that takes incoming webhooks on a real port."""

    def __init__(self) -> None:
        self.sent: list[dict[str, Any]] = []
        self.status = 200

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
        length = int(head.partition("content-length: ")[2].partition("\r\n")[0])
        self.sent.append(json.loads(await reader.readexactly(length)))
        writer.write(f"HTTP/1.1 {self.status} x\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".encode())
        await writer.drain()
        writer.close()


@pytest.fixture
async def chat() -> AsyncIterator[tuple[Chat, str]]:
    chat = Chat()
    server = await asyncio.start_server(chat.answer, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with server:
        yield chat, f"http://127.0.0.1:{port}/services/sample"


@asynccontextmanager
async def a_system(
    tmp_path: Path, emulator: EmulatorClient, clock: AheadClock, **more: Any
) -> AsyncIterator[System]:
    seed = await emulator.control.call("GET", "seed")
    settings = Settings(
        environment=Environment.DEVELOPMENT,
        secret_key=SecretStr("only-for-tests-" * 4),
        database_url=f"sqlite:///{tmp_path / 'frontdoor.sqlite3'}",
        healthie_url=HttpUrl(f"{emulator.url}/graphql"),
        healthie_organization_key=SecretStr(seed["owner"]["key"]),
        healthie_keys={who: SecretStr(key) for who, key in seed["clinician_keys"].items()},
        **more,
    )
    await migrate(settings.database_url)
    async with compose(settings, clock=clock) as system:
        yield system


async def confirmed(system: System, emulator: EmulatorClient) -> Checkout:
    seed = await emulator.control.call("GET", "seed")
    today = system.clock.now().date()
    query = SlotQuery.of(
        await system.services.catalog.catalog(),
        visit_type_id=seed["visit_types"]["Initial Visit"],
        first=today + 3 * DAY,
        last=today + 9 * DAY,
        time_zone="America/New_York",
    )
    days = await system.services.search.slots(query)
    slot = next(slot for day in days for slot in day.slots)
    hold = await system.services.holds.hold(VISITOR, slot.id, time_zone="America/New_York")
    checkout = await system.services.starts.start(
        VISITOR, hold_id=hold.id, plan_id=seed["plans"]["First Visit"], guest=GUEST
    )
    guest = Caller(principal=guest_of(checkout.id))
    return await system.services.checkouts.confirm(
        guest, checkout.id, CardChoice(token="tok_visa"), quote_id=checkout.quote.id
    )


async def test_the_history_of_a_checkout_holds_its_moves_and_calls_and_no_values(
    tmp_path: Path, emulator_server: EmulatorClient
) -> None:
    async with a_system(tmp_path, emulator_server, AheadClock()) as system:
        row = await confirmed(system, emulator_server)
    # The last answers are written at the end.
    engine = connect_database(f"sqlite:///{tmp_path / 'frontdoor.sqlite3'}")
    history = await history_of(engine, row.id)
    await engine.dispose()
    assert row.state is S.CONFIRMED
    sent = [entry.after if isinstance(entry, HistoryEntry) else entry.operation for entry in history]
    charge = sent.index("Charge")
    assert sent[charge - 1 : charge + 2] == ["charge_intended", "Charge", "charged"]
    assert all(entry.kind is AuditKind.ANSWERED for entry in history if isinstance(entry, AuditEntry))
    assert "example.com" not in str(history)


async def test_the_payment_goes_to_whom_the_setting_names(
    tmp_path: Path, emulator_server: EmulatorClient
) -> None:
    seed = await emulator_server.control.call("GET", "seed")
    owner = seed["owner"]["id"]
    async with a_system(tmp_path, emulator_server, AheadClock(), payment_recipient_id=owner) as system:
        row = await confirmed(system, emulator_server)
    assert row.charge is not None
    asked = "query Q($id: ID!) { billingItem(id: $id) { recipient { id } } }"
    answer = await emulator_server.ask(asked, id=row.charge.billing_item_id)
    assert answer["billingItem"]["recipient"]["id"] == owner != row.visit_slot.clinician_id


async def test_a_worker_tells_the_chat_and_tries_again_when_it_is_down(
    tmp_path: Path, emulator_server: EmulatorClient, chat: tuple[Chat, str]
) -> None:
    there, url = chat
    there.status = 503
    clock = AheadClock()
    async with a_system(tmp_path, emulator_server, clock, alert_webhook_url=SecretStr(url)) as system:
        worker = system.worker()
        await system.alert_service.raise_alert(AttentionReason.LEDGER_DIFFERENCE, "ch_sample")
        for ahead in (6, 6, 60, 60):
            clock.ahead += timedelta(seconds=ahead)
            await worker.tick()
            there.status = 200
    assert [one["text"].split("\n")[0] for one in there.sent] == [
        "Frontdoor: sweep_difference: ch_sample"
    ] * 2


async def test_a_change_that_answered_as_done_and_did_nothing_is_told_once(
    tmp_path: Path, emulator_server: EmulatorClient
) -> None:
    await emulator_server.control.switches(silent_noop=["createBillingItem"])
    clock = AheadClock()
    async with a_system(tmp_path, emulator_server, clock) as system:
        row = await confirmed(system, emulator_server)
        clock.ahead = timedelta(minutes=1)
        await system.worker().tick()  # looks, finds nothing and sends again: nothing is done again
        async with system.units() as unit:
            raised = [
                one for one in await unit.alerts.due(system.clock.now(), limit=9) if one.subject == row.id
            ]
    assert row.state is S.CHARGE_INTENDED
    assert [one.reason for one in raised] == [AttentionReason.SILENT_NO_OP]
    assert "what was asked" in text_of(raised[0])
    sent = [each for each in await emulator_server.control.requests() if each["operation"] == "Charge"]
    assert len(sent) == 2


async def test_an_alert_that_cannot_be_raised_takes_nothing_from_what_is_known_of_the_call(
    tmp_path: Path, emulator_server: EmulatorClient
) -> None:
    await emulator_server.control.switches(silent_noop=["createClient"])
    seed = await emulator_server.control.call("GET", "seed")
    async with a_system(tmp_path, emulator_server, AheadClock()) as system:
        async with system.engine.begin() as connection:
            await connection.execute(text("DROP TABLE alerts"))
        with pytest.raises(OutcomeUnknown):
            await system.upstream.patients.create(
                GUEST,
                clinician_id=seed["clinicians"][0]["id"],
                time_zone="America/New_York",
                reference="chk_sample",
            )


async def test_a_blocked_clinician_is_off_the_offer_at_once(
    tmp_path: Path, emulator_server: EmulatorClient
) -> None:
    async with a_system(tmp_path, emulator_server, AheadClock()) as system:
        before = (await system.services.catalog.catalog()).clinicians
        async with system.units() as unit:
            await unit.blocks.block(
                ClinicianBlock(
                    clinician_id=before[0].id,
                    reason=AttentionReason.PROVIDER_MISMATCH,
                    checkout_id="chk_sample",
                    blocked_at=system.clock.now(),
                )
            )
            await unit.commit()
        assert (await system.services.catalog.catalog()).clinicians == before[1:]


async def test_a_worker_deletes_a_second_visit_that_appeared_after_the_end(
    tmp_path: Path, emulator_server: EmulatorClient
) -> None:
    clock = AheadClock()
    async with a_system(tmp_path, emulator_server, clock) as system:
        row = await confirmed(system, emulator_server)
        document = """mutation Again($input: createAppointmentInput!) {
          createAppointment(input: $input) { appointment { id } messages { message } }
        }"""
        again = {
            "user_id": row.patient_id,
            "other_party_id": row.visit_slot.clinician_id,
            "appointment_type_id": row.visit_slot.visit_type_id,
            "contact_type": "Healthie Video Call",
            "datetime": row.visit_slot.start.isoformat(),
            "metadata": json.dumps({"frontdoor_checkout": row.id}),
        }
        made = (await emulator_server.ask(document, input=again))["createAppointment"]
        assert made["appointment"] is not None, made
        clock.ahead = timedelta(minutes=6)
        await system.worker().tick()
        visits = await system.upstream.scheduling.find_all(row)
        assert [visit.id for visit in visits] == [row.appointment_id]
        async with system.units() as unit:
            after = await unit.checkouts.get(row.id)
    assert after is not None
    assert (after.state, after.resolved_ids) == (S.CONFIRMED, (made["appointment"]["id"],))
