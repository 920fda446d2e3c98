"""Seeing to it that webhooks reach us, against the emulator on a real port, and a receiver that comes and goes."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

import pytest
from click.testing import CliRunner, Result

from booking.errors import UpstreamUnavailable
from booking.events.model import EventName
from booking.operations.model import AttentionReason
from booking.scheduling.search import Day
from booking.slot_query import SlotQuery
from booking.slots import Slot
from booking.sync.webhook_health import CheckRunning
from booking.sync.webhook_subscriptions import Defect
from gateway.command_line import main
from gateway.runtime.composition import compose
from gateway.runtime.system import System
from integrations.alerts.texts import text_of
from integrations.healthie.webhooks import EVENTS, HealthieWebhooks
from tests.integration.one_round import one_round
from tests.plugins.emulator import CLINICIAN_1, OWNER, EmulatorClient
from tests.plugins.stack import Stack, Stacks

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)

SUBSCRIBE = """mutation Make($url: String, $events: [WebhookEventInput]) {
  createWebhook(input: {url: $url, webhook_events: $events}) { webhook { id signature_secret } messages { message } } }"""
CHANGE = """mutation Change($input: updateWebhookInput) {
  updateWebhook(input: $input) { webhook { id } messages { message } } }"""
REMOVE = "mutation Remove($id: ID) { deleteWebhook(input: {id: $id}) { webhook { id } } }"
ROTATE = "mutation Rotate($id: ID!) { expireWebhookSignature(input: {id: $id}) { webhook { id } } }"
LISTED = "{ webhooks { nodes { id url is_enabled warned_at should_retry webhook_events { event_type } } } }"
BOOK = """mutation Book($input: createAppointmentInput!) {
  createAppointment(input: $input) { appointment { id } messages { message } } }"""
CANCEL = """mutation Cancel($id: ID!) {
  updateAppointment(input: {id: $id, pm_status: "Cancelled"}) { appointment { id } messages { message } } }"""
ATTACH = """mutation Attach($patient: ID) {
  createStripeCustomerDetail(input: {user_id: $patient, token: "tok_visa"}) { stripe_customer_detail { id } } }"""
ATTACH_DISPUTED = ATTACH.replace("tok_visa", "tok_createDispute")
PAY = """mutation Pay($patient: ID, $owner: ID) {
  createBillingItem(input: {sender_id: $patient, recipient_id: $owner, amount_paid: "20.00"}) {
    billingItem { id } messages { message } } }"""
FILL = """mutation Fill($patient: ID!, $form: ID) {
  createFormAnswerGroup(input: {user_id: $patient, custom_module_form_id: $form, finished: true}) {
    form_answer_group { id } } }"""
OPEN = """mutation Open($clinician: ID, $start: ISO8601DateTime, $end: ISO8601DateTime) {
  createAvailability(input: {user_id: $clinician, start_datetime: $start, end_datetime: $end}) { availability { id } } }"""
SHUT = "mutation Shut($id: ID) { deleteAvailability(input: {id: $id}) { availability { id } messages { message } } }"
DISPUTED = """mutation Pay($input: createBillingItemInput!) {
  createBillingItem(input: $input) { billingItem { charge_backs { id } } messages { message } } }"""
JOIN = """mutation Join($email: String) {
  createClient(input: {first_name: "Sample", last_name: "Newcomer", email: $email}) {
    user { id } messages { message } } }"""


@dataclass(kw_only=True)
class Receiver:
    """What Healthie reaches: a proxy that passes on to the gateway, while that is up."""

    up: bool = True
    port: int = 0
    stack: Stack | None = None
    answers: list[int] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}{HealthieWebhooks.path}"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        lines = (await reader.readuntil(b"\r\n\r\n")).decode().strip().split("\r\n")
        headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines[1:])}
        body = await reader.readexactly(int(headers["content-length"]))
        status = 502
        if self.up and self.stack is not None:
            status = (
                await self.stack.http.post(HealthieWebhooks.path, content=body, headers=headers)
            ).status_code
        self.answers.append(status)
        writer.write(f"HTTP/1.1 {status} -\r\ncontent-length: 0\r\nconnection: close\r\n\r\n".encode())
        await writer.drain()
        writer.close()


@dataclass(frozen=True, kw_only=True)
class Practice:
    """A gateway whose webhooks come in by a receiver, and the practice."""

    stack: Stack
    receiver: Receiver
    system: System

    @property
    def emulator(self) -> EmulatorClient:
        return self.stack.emulator

    async def check(self, *, after: timedelta = timedelta()) -> Any:
        await self.stack.pass_time(after)
        assert self.system.sync.webhook_health is not None
        return await self.system.sync.webhook_health.now()

    async def webhooks(self) -> list[dict[str, Any]]:
        return list((await self.emulator.ask(LISTED, key=OWNER))["webhooks"]["nodes"])

    async def make(self, url: str, events: tuple[str, ...] = EVENTS) -> dict[str, Any]:
        wanted = [{"event_type": each} for each in events]
        answer = await self.emulator.ask(SUBSCRIBE, key=OWNER, url=url, events=wanted)
        return dict(answer["createWebhook"]["webhook"])

    async def change(self, webhook_id: str, **changes: Any) -> None:
        await self.emulator.ask(CHANGE, key=OWNER, input={"id": webhook_id, **changes})

    async def book(self, *, ahead: int, nth: int = 0) -> str:
        slot = await self.stack.slot(ahead=ahead, nth=nth)
        answer = await self.emulator.ask(
            BOOK,
            key=CLINICIAN_1,
            input={
                "user_id": self.stack.practice["patients"][0]["id"],
                "appointment_type_id": self.stack.visit("Initial Visit"),
                "contact_type": "Healthie Video Call",
                "datetime": slot["start"],
            },
        )
        assert answer["createAppointment"]["messages"] is None, answer
        return str(answer["createAppointment"]["appointment"]["id"])

    async def cancel(self, visit: str) -> None:
        answer = await self.emulator.ask(CANCEL, key=CLINICIAN_1, id=visit)
        assert answer["updateAppointment"]["messages"] is None, answer

    async def join(self, nth: int = 0) -> str:
        """A new patient, whom Healthie sends one webhook about."""
        answer = await self.emulator.ask(JOIN, key=OWNER, email=f"newcomer-{nth}@example.com")
        assert answer["createClient"]["messages"] is None, answer
        return str(answer["createClient"]["user"]["id"])

    async def add_card(self, patient: str) -> str:
        answer = await self.emulator.ask(ATTACH, key=CLINICIAN_1, patient=patient)
        return str(answer["createStripeCustomerDetail"]["stripe_customer_detail"]["id"])

    async def pay(self, patient: str) -> str:
        """A payment in cash, which the practice writes down."""
        answer = await self.emulator.ask(
            PAY, key=OWNER, patient=patient, owner=self.stack.practice["owner"]["id"]
        )
        assert answer["createBillingItem"]["messages"] is None, answer
        return str(answer["createBillingItem"]["billingItem"]["id"])

    async def fill(self, patient: str) -> str:
        form = self.stack.practice["forms"]["New Patient Intake"]
        answer = await self.emulator.ask(FILL, key=OWNER, patient=patient, form=form)
        return str(answer["createFormAnswerGroup"]["form_answer_group"]["id"])

    async def dispute(self, patient: str) -> str:
        """A payment by card that the cardholder disputes."""
        attached = await self.emulator.ask(ATTACH_DISPUTED, key=CLINICIAN_1, patient=patient)
        given = {
            "sender_id": patient,
            "recipient_id": self.stack.practice["owner"]["id"],
            "amount_paid": "20.00",
            "should_charge": True,
            "stripe_customer_detail_id": attached["createStripeCustomerDetail"]["stripe_customer_detail"][
                "id"
            ],
        }
        answer = (await self.emulator.ask(DISPUTED, key=OWNER, input=given))["createBillingItem"]
        assert answer["messages"] is None, answer
        return str(answer["billingItem"]["charge_backs"][0]["id"])

    async def open_hours(self, day: str) -> str:
        """The first clinician works in the night of that day, once."""
        answer = await self.emulator.ask(
            OPEN,
            key=CLINICIAN_1,
            clinician=self.stack.clinician(1),
            start=f"{day} 03:00:00 +0000",
            end=f"{day} 05:00:00 +0000",
        )
        return str(answer["createAvailability"]["availability"]["id"])

    async def alerts(self) -> list[str]:
        """The reasons and subjects of the alerts that wait to be sent."""
        async with self.system.units() as unit:
            due = await unit.alerts.due(self.system.clock.now(), limit=99)
        assert all(text_of(one) for one in due)
        return [one.id for one in due]

    async def happened(self) -> set[tuple[str, str]]:
        """What the refreshes led to: names of events, and the ids that they are about."""
        while await one_round(self.system.sync.synchronizer, self.system.engine):
            pass
        recorded = await self.system.event_log.after(0, limit=999)
        return {(one.event.name, one.event.resource.id) for one in recorded}


@asynccontextmanager
async def open_practice(stacks: Stacks, **settings: Any) -> AsyncIterator[Practice]:
    receiver = Receiver()
    async with await asyncio.start_server(receiver.serve, "127.0.0.1", 0) as server:
        receiver.port = server.sockets[0].getsockname()[1]
        receiver.stack = stack = await stacks.start(healthie_webhook_url=receiver.url, **settings)
        async with compose(stack.settings, clock=stack.clock) as system:
            yield Practice(stack=stack, receiver=receiver, system=system)


@pytest.fixture
async def practice(stacks: Stacks) -> AsyncIterator[Practice]:
    async with open_practice(stacks) as opened:
        yield opened


async def test_what_is_missing_is_made_and_told_and_what_it_signs_is_taken_at_once(
    practice: Practice,
) -> None:
    found = await practice.check()

    assert [one.defect for one in found.mended] == [Defect.MISSING]
    assert not found.wrong
    (webhook,) = await practice.webhooks()
    assert webhook["url"] == practice.receiver.url
    assert {each["event_type"] for each in webhook["webhook_events"]} == set(EVENTS)
    (alert,) = await practice.alerts()
    assert alert.startswith(
        f"{AttentionReason.WEBHOOK_MISSING}:appointment.created and 18 more, never seen well"
    )

    patient = await practice.join()
    await practice.emulator.control.deliver()
    assert practice.receiver.answers == [204]
    assert (EventName.PATIENT_CREATED, patient) in await practice.happened()
    again = await practice.check()
    assert (again.mended, again.wrong, again.missed) == ((), (), ())
    assert len(await practice.webhooks()) == 1


async def test_after_an_outage_of_days_nothing_is_missing_after_one_check_and_somebody_was_told(
    practice: Practice,
) -> None:
    """The receiver is down for the whole time in which Healthie tries; Healthie disables the webhook; visits change even then."""
    await practice.check()
    standing = [await practice.book(ahead=8, nth=nth) for nth in range(3)]
    await practice.emulator.control.deliver()
    await practice.happened()

    practice.receiver.up = False
    booked = await practice.book(ahead=9)
    await practice.cancel(standing[0])
    patient = await practice.join()
    for turn in range(20):
        await practice.emulator.control.deliver()
        await practice.stack.pass_time(4 * HOUR)
        if turn == 10:
            await practice.cancel(standing[1])
    (webhook,) = await practice.webhooks()
    assert not webhook["is_enabled"]
    await practice.cancel(standing[2])  # no alert is sent, and nobody tries
    newcomer = await practice.join(1)
    card = await practice.add_card(newcomer)
    payment = await practice.pay(newcomer)
    form = await practice.fill(newcomer)
    dispute = await practice.dispute(newcomer)
    hours = await practice.open_hours(practice.stack.day(9))
    assert set(practice.receiver.answers[4:]) == {502}
    assert await practice.alerts() == [
        f"{AttentionReason.WEBHOOK_MISSING}:appointment.created and 18 more, never seen well before"
    ]

    practice.receiver.up = True
    health = practice.system.sync.webhook_health
    assert health is not None
    found = await health.if_due()

    assert found is not None
    assert found.listed
    assert [(one.defect, one.subscription_id) for one in found.mended] == [(Defect.DISABLED, webhook["id"])]
    assert not found.wrong
    assert (await practice.webhooks())[0]["is_enabled"]
    (told,) = [one for one in await practice.alerts() if one.startswith(AttentionReason.WEBHOOK_DISABLED)]
    assert told.startswith(
        f"{AttentionReason.WEBHOOK_DISABLED}:{webhook['id']}, failing since 2027-01-04 15:0"
    )
    assert await practice.happened() >= {
        (EventName.APPOINTMENT_CREATED, booked),
        (EventName.PATIENT_CREATED, patient),
        (EventName.PATIENT_CREATED, newcomer),
        (EventName.CARD_ADDED, card),
        (EventName.PAYMENT_SUCCEEDED, payment),
        (EventName.PAYMENT_DISPUTED, dispute),
        (EventName.FORM_COMPLETED, form),
        (EventName.AVAILABILITY_CHANGED, hours),
        *((EventName.APPOINTMENT_CANCELLED, one) for one in standing),
    }
    assert (await practice.check()).missed == ()
    await practice.join(2)
    await practice.emulator.control.deliver()
    assert practice.receiver.answers[-1] == 204


async def test_when_one_was_mended_free_time_is_read_anew_for_who_watches_it(practice: Practice) -> None:
    """Hours that were deleted meanwhile are in no list."""
    await practice.check()
    day = practice.stack.day(9)
    hours = await practice.open_hours(day)
    services = practice.system.services
    query = SlotQuery.of(
        await services.catalog.catalog(),
        visit_type_id=practice.stack.visit("Initial Visit"),
        clinician_ids=[practice.stack.clinician(1)],
        first=date.fromisoformat(day),
        last=date.fromisoformat(day),
    )
    live_query = services.live_queries.slots(query, caller=None, client=None)
    async with aclosing(live_query), asyncio.timeout(30):
        assert in_the_night(await anext(live_query))
        (webhook,) = await practice.webhooks()
        await practice.change(webhook["id"], is_enabled=False)
        await practice.emulator.ask(SHUT, key=CLINICIAN_1, id=hours)

        found = await practice.check(after=MINUTE)

        assert [each.defect for each in found.mended] == [Defect.DISABLED]
        assert not in_the_night(await anext(live_query))


def in_the_night(days: list[Day]) -> list[Slot]:
    return [slot for day in days for slot in day.slots if slot.start.hour == 3]


async def test_one_of_ours_that_sends_elsewhere_is_told_and_what_it_sent_there_is_fetched(
    practice: Practice,
) -> None:
    await practice.check()
    (webhook,) = await practice.webhooks()
    elsewhere = f"{practice.receiver.url}/of-others"
    await practice.change(webhook["id"], url=elsewhere)
    patient = await practice.join()
    await practice.emulator.control.deliver()

    found = await practice.check(after=DAY)

    assert [one.defect for one in found.mended] == [Defect.MISSING]
    assert [(one.defect, one.what) for one in found.wrong] == [(Defect.ELSEWHERE, webhook["id"])]
    assert [one.resource_id for one in found.missed] == [patient]
    assert (EventName.PATIENT_CREATED, patient) in await practice.happened()
    assert {one["url"] for one in await practice.webhooks()} == {elsewhere, practice.receiver.url}
    told = [one for one in await practice.alerts() if "last seen well 2027-01-04 15:0" in one]
    assert [one.partition(":")[0] for one in told] == [
        AttentionReason.WEBHOOK_ELSEWHERE,
        AttentionReason.WEBHOOK_MISSING,
    ]

    await practice.emulator.ask(REMOVE, key=OWNER, id=webhook["id"])
    assert (await practice.check()).wrong == ()


async def test_one_that_is_warned_is_told_since_when_and_once(practice: Practice) -> None:
    await practice.check()
    practice.receiver.up = False
    await practice.join()
    for _ in range(8):
        await practice.emulator.control.deliver()
        await practice.stack.pass_time(4 * HOUR)

    found = await practice.check()
    again = await practice.check(after=HOUR)

    assert [one.defect for one in found.wrong] == [one.defect for one in again.wrong] == [Defect.FAILING]
    assert len(found.missed) == 1
    told = [one for one in await practice.alerts() if one.startswith(AttentionReason.WEBHOOK_FAILING)]
    assert [one.partition(", ")[2][:29] for one in told] == ["failing since 2027-01-04 15:0"]


async def test_a_secret_that_was_replaced_at_healthie_is_known_after_a_check(practice: Practice) -> None:
    await practice.check()
    (webhook,) = await practice.webhooks()
    await practice.emulator.ask(ROTATE, key=OWNER, id=webhook["id"])
    await practice.join()
    await practice.stack.pass_time(2 * MINUTE)
    await practice.emulator.control.deliver()
    assert practice.receiver.answers == [401]

    found = await practice.check()

    assert len(found.missed) == 1
    await practice.emulator.control.deliver()
    await practice.stack.pass_time(MINUTE)
    await practice.emulator.control.deliver()
    assert practice.receiver.answers == [401, 204]


async def test_what_others_of_the_practice_subscribe_to_is_left_alone(practice: Practice) -> None:
    theirs = await practice.make("http://127.0.0.1:1/of-others", ("APPOINTMENT_UPDATED", "TEST_CREATED"))
    await practice.change(theirs["id"], is_enabled=False)

    await practice.check()

    listed = {one["id"]: one for one in await practice.webhooks()}
    assert len(listed) == 2
    assert not listed[theirs["id"]]["is_enabled"]


async def test_one_that_was_made_by_hand_is_ours_with_its_secret(practice: Practice) -> None:
    await practice.make(practice.receiver.url)

    found = await practice.check()

    assert (found.mended, found.wrong) == ((), ())
    assert len(await practice.webhooks()) == 1
    await practice.join()
    await practice.emulator.control.deliver()
    assert practice.receiver.answers == [204]


@pytest.mark.parametrize("kind", ["lost_answer", "lost_request"])
@pytest.mark.parametrize("operation", ["WebhookSubscriptions", "SubscribeWebhook", "WebhookAttempts"])
async def test_a_check_that_fails_anywhere_is_repeated_and_makes_nothing_twice(
    practice: Practice, operation: str, kind: str
) -> None:
    health = practice.system.sync.webhook_health
    assert health is not None
    await practice.stack.fault(kind, operation, count=3)
    if operation == "SubscribeWebhook":
        found = await health.if_due()
        assert found is not None
        assert bool(found.wrong) is (kind == "lost_request")
    else:
        with pytest.raises(UpstreamUnavailable):
            await health.if_due()
        assert await health.if_due() is None, "not at once"
    await practice.emulator.control.call("DELETE", "faults")
    await practice.stack.pass_time(61 * MINUTE)
    await health.if_due()

    (webhook,) = await practice.webhooks()
    assert webhook["is_enabled"]
    assert (await practice.check()).wrong == ()
    reasons = [one.partition(":")[0] for one in await practice.alerts()]
    assert reasons.count(AttentionReason.WEBHOOK_MISSING) == 1
    assert (AttentionReason.WEBHOOK_NOT_MENDED in reasons) is (
        (operation, kind) == ("SubscribeWebhook", "lost_request")
    )


async def test_a_check_that_cannot_be_made_for_an_hour_is_told(practice: Practice) -> None:
    health = practice.system.sync.webhook_health
    assert health is not None
    await practice.stack.fault("http_5xx", "WebhookSubscriptions", count=99)
    for wait in (0, 5, 10, 20):
        assert await practice.alerts() == []
        await practice.stack.pass_time(wait * MINUTE)
        with pytest.raises(UpstreamUnavailable):
            await health.if_due()
    assert await practice.alerts() == [
        f"{AttentionReason.WEBHOOKS_UNCHECKED}:2027-01-04, UpstreamUnavailable"
    ]


async def test_it_is_checked_at_start_and_at_six_by_one_process_of_several(practice: Practice) -> None:
    async with compose(practice.stack.settings, clock=practice.stack.clock) as second:
        both = (practice.system.sync.webhook_health, second.sync.webhook_health)

        async def round_of_both() -> int:
            found = await asyncio.gather(*(each.if_due() for each in both if each))
            return sum(one is not None for one in found)

        assert await round_of_both() == 1
        assert await round_of_both() == 0
        await practice.stack.pass_time(19 * HOUR + 59 * MINUTE)  # 05:59 in New York
        assert await round_of_both() == 0
        await practice.stack.pass_time(2 * MINUTE)
        assert await round_of_both() == 1
        assert await round_of_both() == 0
    async with compose(practice.stack.settings, clock=practice.stack.clock) as at_once:
        assert at_once.sync.webhook_health is not None
        assert await at_once.sync.webhook_health.if_due() is None, "it was checked just now"
    await practice.stack.pass_time(HOUR)
    async with compose(practice.stack.settings, clock=practice.stack.clock) as later:
        assert later.sync.webhook_health is not None
        assert await later.sync.webhook_health.if_due() is not None


async def test_who_asks_while_another_checks_is_told_so(practice: Practice) -> None:
    health = practice.system.sync.webhook_health
    assert health is not None
    found = await asyncio.gather(health.now(), health.now(), return_exceptions=True)
    assert sum(isinstance(one, CheckRunning) for one in found) == 1


async def test_silence_is_told_within_a_quarter_of_an_hour_of_a_change_that_nobody_sent(
    practice: Practice,
) -> None:
    webhook_liveness = practice.system.sync.webhook_liveness
    assert webhook_liveness is not None
    await practice.check()
    visits = [await practice.book(ahead=8, nth=nth) for nth in range(3)]
    for nth in range(12):  # a word a minute
        await practice.join(nth)
        await practice.emulator.control.deliver()
        await practice.stack.pass_time(MINUTE)
        assert not await webhook_liveness.check()
    (webhook,) = await practice.webhooks()
    await practice.change(webhook["id"], is_enabled=False)
    for _ in range(4):
        await practice.stack.pass_time(5 * MINUTE)
        assert not await webhook_liveness.check(), "nothing changes either"

    await practice.cancel(visits[0])
    alerted = []
    for _ in range(3):
        await practice.stack.pass_time(5 * MINUTE)
        alerted.append(await webhook_liveness.check())

    assert True in alerted
    told = [one for one in await practice.alerts() if one.startswith(AttentionReason.WEBHOOKS_SILENT)]
    assert len(told) == 1
    await practice.change(webhook["id"], is_enabled=True)
    await practice.cancel(visits[1])
    await practice.emulator.control.deliver()
    await practice.stack.pass_time(5 * MINUTE)
    assert not await webhook_liveness.check()


async def test_the_command_says_what_it_found_in_sentences_and_exits_by_it(practice: Practice) -> None:
    ended = await run_health(practice)
    assert ended.exit_code == 1
    assert ended.stdout == (
        "No webhook sent appointment.created and 18 more to us (never seen well before). One was made.\n"
    )

    ended = await run_health(practice, "--json")
    assert ended.exit_code == 0
    assert json.loads(ended.stdout)["status"] == "fine"

    practice.receiver.up = False
    await practice.join()
    for _ in range(8):
        await practice.emulator.control.deliver()
        await practice.stack.pass_time(4 * HOUR)
    (webhook,) = await practice.webhooks()
    ended = await run_health(practice)
    assert ended.exit_code == 2
    failing, missed = ended.stdout.splitlines()
    assert failing.startswith(f"Webhook {webhook['id']} is not taken (failing since 2027-01-04 15:0")
    assert missed.startswith("1 of the ")

    await practice.stack.fault("http_5xx", "WebhookSubscriptions", count=3)
    ended = await run_health(practice, "--json")
    assert ended.exit_code == 3
    assert json.loads(ended.stdout)["status"] == "unknown"


async def run_health(practice: Practice, *options: str) -> Result:
    """The command, as somebody runs it on the settings of this gateway."""
    given = practice.stack.settings.model_dump(exclude_defaults=True, mode="json")
    revealed = practice.stack.settings
    environment = {
        **{f"FRONTDOOR_{name.upper()}": str(value) for name, value in given.items()},
        "FRONTDOOR_SECRET_KEY": revealed.secret_key.get_secret_value(),
        "FRONTDOOR_HEALTHIE_ORGANIZATION_KEY": revealed.healthie_organization_key.get_secret_value(),
        "FRONTDOOR_HEALTHIE_KEYS": "{}",
        "FRONTDOOR_LOG_LEVEL": "ERROR",
    }
    arguments = ["webhooks", "health", *options]
    return await asyncio.to_thread(CliRunner(env=environment).invoke, main, arguments)
