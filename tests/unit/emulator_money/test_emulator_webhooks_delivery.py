"""Webhooks: subscribed, signed, delivered, retried, warned, disabled, listed."""

import hashlib
import hmac
import json
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import httpx2
import pytest

from booking.sync.webhook_source import Forged, Received
from integrations.healthie.webhooks import verify
from integrations.healthie_emulator.delivery import body_of
from integrations.healthie_emulator.faults import Fault
from integrations.healthie_emulator.webhooks import books, deliver_due

CREATE = """mutation($input: createWebhookInput) { createWebhook(input: $input) {
  webhook { id signature_secret is_enabled should_retry webhook_events { event_type } } messages { field message } } }"""
HEALTH = """{ webhooks { nodes { id is_enabled warned_at
  webhook_events { event_type retry_count first_failed_at last_failed_at } } } }"""


@dataclass
class Receiver:
    """Stands where the webhooks point to; answers `status`, or nothing at all if that is None."""

    practice: Any
    status: int | None = 200
    received: list[httpx2.Request] = field(default_factory=list)

    def answer(self, request: httpx2.Request) -> httpx2.Response:
        self.received.append(request)
        if self.status is None:
            raise httpx2.ConnectError("nobody there", request=request)
        return httpx2.Response(self.status)

    async def flush(self) -> None:
        async with httpx2.AsyncClient(transport=httpx2.MockTransport(self.answer)) as client:
            await deliver_due(self.practice.world, client)

    @property
    def bodies(self) -> list[dict[str, Any]]:
        return [json.loads(request.content) for request in self.received]

    async def subscribe(self, *events: str, **more: Any) -> dict[str, Any]:
        answer = await self.practice.ask(
            CREATE,
            input={
                "url": "https://example.com/hooks?x=1",
                "webhook_events": [{"event_type": each} for each in events],
                **more,
            },
        )
        return dict(answer["createWebhook"]["webhook"])

    async def health(self) -> dict[str, Any]:
        answer = await self.practice.ask(HEALTH)
        return dict(answer["webhooks"]["nodes"][0])


@pytest.fixture
def receiver(practice: Any) -> Receiver:
    return Receiver(practice)


def emit(practice: Any, number: str = "101", event: str = "appointment.updated") -> None:
    practice.world.emit(event, "Appointment", number, ("pm_status",))


class TestSubscribing:
    async def test_a_webhook_has_a_secret_that_the_seed_decides(
        self, practice: Any, receiver: Receiver
    ) -> None:
        webhook = await receiver.subscribe("APPOINTMENT_UPDATED", "APPOINTMENT_UPDATED")
        assert webhook["signature_secret"].startswith("whsec_")
        assert webhook["webhook_events"] == [{"event_type": "APPOINTMENT_UPDATED"}]
        assert webhook["is_enabled"] is webhook["should_retry"] is True

    @pytest.mark.parametrize("url", [None, "", "example.com", "ftp://example.com", "https://", "http://[::1"])
    async def test_what_is_no_address_is_refused(self, practice: Any, url: str | None) -> None:
        answer = await practice.ask(CREATE, input={"url": url, "event_type": "APPOINTMENT_UPDATED"})
        assert answer["createWebhook"]["messages"] == [{"field": "url", "message": "Url is invalid"}]

    async def test_a_patients_key_sees_no_webhook(self, practice: Any, receiver: Receiver) -> None:
        await receiver.subscribe("APPOINTMENT_UPDATED")
        answer = await practice.raw(HEALTH, by=practice.patient)
        assert answer.errors[0].extensions["code"] == "UNAUTHORIZED"

    async def test_rotation_replaces_the_secret_that_signs(self, practice: Any, receiver: Receiver) -> None:
        webhook = await receiver.subscribe("APPOINTMENT_UPDATED")
        answer = await practice.ask(
            "mutation($id: ID!) { expireWebhookSignature(input: {id: $id}) { webhook { signature_secret } } }",
            id=webhook["id"],
        )
        fresh = answer["expireWebhookSignature"]["webhook"]["signature_secret"]
        assert fresh != webhook["signature_secret"]
        emit(practice)
        await receiver.flush()
        assert signature(receiver.received[0], fresh) == receiver.received[0].headers["signature"]

    async def test_a_deleted_webhook_receives_nothing(self, practice: Any, receiver: Receiver) -> None:
        webhook = await receiver.subscribe("APPOINTMENT_UPDATED")
        emit(practice)
        await practice.ask(
            "mutation($id: ID) { deleteWebhook(input: {id: $id}) { webhook { id } messages { message } } }",
            id=webhook["id"],
        )
        await receiver.flush()
        assert receiver.received == []


def signature(request: httpx2.Request, secret: str) -> str:
    digest = request.headers["content-digest"].split("=", 1)[1]
    signed = f"post /hooks x=1 {digest} application/json {len(request.content)}"
    return "sig1=" + hmac.new(secret.encode(), signed.encode(), hashlib.sha256).hexdigest()


class TestDelivering:
    async def test_the_body_is_thin_and_signed(self, practice: Any, receiver: Receiver) -> None:
        webhook = await receiver.subscribe("APPOINTMENT_UPDATED")
        emit(practice)
        await receiver.flush()
        (request,) = receiver.received
        assert receiver.bodies == [
            {
                "resource_id": "101",
                "resource_id_type": "Appointment",
                "event_type": "appointment.updated",
                "changed_fields": ["pm_status"],
                "resource_organization_id": practice.world.organization.id,
            }
        ]
        assert request.method == "POST"
        assert request.headers["content-type"] == "application/json"
        assert request.headers["signature"] == signature(request, webhook["signature_secret"])

    async def test_the_resource_id_is_sometimes_a_number(self, practice: Any, receiver: Receiver) -> None:
        """Healthie's examples have both."""
        await receiver.subscribe("APPOINTMENT_UPDATED")
        emit(practice, "101")
        emit(practice, "102")
        await receiver.flush()
        assert [body["resource_id"] for body in receiver.bodies] == ["101", 102]

    async def test_money_tells_what_happens_to_it(self, practice: Any, receiver: Receiver) -> None:
        await receiver.subscribe(
            "STRIPE_CUSTOMER_DETAIL_CREATED",
            "BILLING_ITEM_CREATED",
            "BILLING_ITEM_UPDATED",
            "RECURRING_PAYMENT_CREATED",
            "RECURRING_PAYMENT_UPDATED",
        )
        await practice.attach()
        payload = await practice.charge("99", offering_id=practice.monthly)
        item_id = payload["billingItem"]["id"]
        await practice.ask(
            'mutation($id: ID) { updateBillingItem(input: {id: $id, chosen_refund_amount: "1", is_canceled: true}) '
            "{ messages { message } } }",
            id=item_id,
        )
        await receiver.flush()
        told = [body["event_type"] for body in receiver.bodies]
        assert told == [
            "stripe_customer_detail.created",
            "billing_item.created",
            "recurring_payment.created",
            "billing_item.updated",
            "recurring_payment.updated",
            "billing_item.updated",
        ]
        assert [body["changed_fields"] for body in receiver.bodies[:3]] == [[], [], []]
        assert "refund_amount" in receiver.bodies[3]["changed_fields"]

    async def test_only_wanted_events_go_out(self, practice: Any, receiver: Receiver) -> None:
        await receiver.subscribe("APPOINTMENT_CREATED")
        emit(practice)
        await receiver.flush()
        assert receiver.received == []

    async def test_a_test_is_sent_to_whoever_asks(self, practice: Any, receiver: Receiver) -> None:
        webhook = await receiver.subscribe("APPOINTMENT_CREATED")
        answer = await practice.ask(
            "mutation($id: ID!) { sendTestWebhook(input: {id: $id}) { sent messages { message } } }",
            id=webhook["id"],
        )
        await receiver.flush()
        assert answer["sendTestWebhook"] == {"sent": True, "messages": None}
        assert [body["event_type"] for body in receiver.bodies] == ["test.created"]

    async def test_a_fault_duplicates_a_delivery(self, practice: Any, receiver: Receiver) -> None:
        """A receiver cannot tell a repetition from a second event by the body."""
        await receiver.subscribe("APPOINTMENT_UPDATED")
        practice.world.faults.order(Fault(kind="duplicate_webhook", operation="appointment.updated", count=1))
        emit(practice)
        emit(practice, "103")
        await receiver.flush()
        first, second, third = receiver.received
        assert first.content == second.content
        assert first.headers["signature"] == second.headers["signature"]
        assert json.loads(third.content)["resource_id"] == "103"

    async def test_a_fault_lets_the_next_event_overtake(self, practice: Any, receiver: Receiver) -> None:
        await receiver.subscribe("APPOINTMENT_UPDATED")
        practice.world.faults.order(Fault(kind="reordered_webhook", count=1))
        for number in ("101", "103", "105"):
            emit(practice, number)
        await receiver.flush()
        assert [body["resource_id"] for body in receiver.bodies] == ["103", "101", "105"]

    async def test_what_nothing_overtakes_goes_out_a_minute_later(
        self, practice: Any, receiver: Receiver
    ) -> None:
        await receiver.subscribe("APPOINTMENT_UPDATED")
        practice.world.faults.order(Fault(kind="reordered_webhook", count=1))
        emit(practice)
        await receiver.flush()
        assert receiver.received == []
        practice.pass_time(minutes=1)
        await receiver.flush()
        assert len(receiver.received) == 1


class TestBodies:
    """Healthie's webhook event reference: `changed_fields` is empty for created and deleted events; some events carry more ids."""

    def body(self, practice: Any) -> dict[str, Any]:
        return dict(json.loads(body_of(practice.world.outbox[-1])))

    @pytest.mark.parametrize("event", ["appointment.created", "appointment.deleted"])
    def test_created_and_deleted_name_no_changed_field(self, practice: Any, event: str) -> None:
        practice.world.emit(event, "Appointment", "101", ("date",))

        assert self.body(practice)["changed_fields"] == []

    def test_an_update_leaves_out_the_two_dates_of_the_record(self, practice: Any) -> None:
        names = ("updated_at", "pm_status", "created_at", "date")
        practice.world.emit("appointment.updated", "Appointment", "101", names)

        assert self.body(practice)["changed_fields"] == ["pm_status", "date"]

    @pytest.mark.parametrize(
        ("event", "carried"),
        [("appointment.created", True), ("appointment.updated", True), ("appointment.deleted", False)],
    )
    def test_a_visit_carries_its_organization_except_when_deleted(
        self, practice: Any, event: str, *, carried: bool
    ) -> None:
        practice.world.emit(event, "Appointment", "101")

        assert ("resource_organization_id" in self.body(practice)) is carried

    async def test_a_card_carries_its_patient(self, practice: Any) -> None:
        await practice.attach()

        body = self.body(practice)
        assert body["event_type"] == "stripe_customer_detail.created"
        assert practice.world.users[body["user_id"]].is_patient

    async def test_a_payment_carries_its_invoice_or_null(self, practice: Any) -> None:
        await practice.attach()
        await practice.charge("99", offering_id=practice.monthly)

        payments = [each for each in practice.world.outbox if each.event_type == "billing_item.created"]
        assert [each.more_ids for each in payments] == [{"requested_payment_id": None}]

    def test_a_dispute_carries_its_payment(self, practice: Any) -> None:
        found = practice.world.charge_backs.add(
            billing_item_id="77", amount=1, currency="USD", response_required_by=practice.world.clock.now()
        )
        practice.world.emit("charge_back.created", "ChargeBack", found.id)

        assert self.body(practice)["billing_item_id"] == "77"

    async def test_a_merge_is_told_for_each_record_with_both_ids(self, practice: Any) -> None:
        world = practice.world
        target, *others = [user.id for user in world.users if user.is_patient][:3]
        await practice.ask(
            "mutation($ids: [ID], $to: ID) { mergeClients(input: {ids: $ids, target_user_id: $to}) { user { id } } }",
            ids=others,
            to=target,
        )

        merged = [each for each in world.outbox if each.event_type == "patient.merged"]
        assert [each.more_ids for each in merged] == [
            {"destination_user_id": target, "source_user_id": other} for other in others
        ]
        assert {each.resource_id for each in merged} == {target}

    @pytest.mark.parametrize("header", [True, False])
    @pytest.mark.parametrize("signed", [True, False])
    async def test_the_padding_of_the_digest_is_a_switch_and_our_receiver_takes_every_form(
        self, practice: Any, receiver: Receiver, *, header: bool, signed: bool
    ) -> None:
        """The documented sample cuts the digest at its first `=`; receivers of the real service exist with and without padding."""
        practice.world.switches.digest_header_padded = header
        practice.world.switches.signed_digest_padded = signed
        webhook = await receiver.subscribe("APPOINTMENT_UPDATED")
        emit(practice)
        await receiver.flush()

        (request,) = receiver.received
        assert request.headers["content-digest"].endswith("=") is header
        headers = {name.lower(): value for name, value in request.headers.items()}
        received = Received(path="/hooks", query="x=1", headers=headers, body=request.content)
        verify(received, [webhook["signature_secret"]])
        with pytest.raises(Forged):
            verify(received, ["whsec_other"])


class TestFailing:
    async def test_a_failed_delivery_is_tried_again_with_growing_pauses(
        self, practice: Any, receiver: Receiver
    ) -> None:
        """Three days long with `should_retry`, as Healthie's guide on webhooks describes."""
        await receiver.subscribe("APPOINTMENT_UPDATED")
        receiver.status = 500
        start = practice.world.clock.now()
        emit(practice)
        tried: list[timedelta] = []
        for _ in range(16):
            before = len(receiver.received)
            await receiver.flush()
            tried += [practice.world.clock.now() - start] * (len(receiver.received) - before)
            practice.pass_time(minutes=1)
        assert [moment.total_seconds() / 60 for moment in tried] == [0, 1, 3, 7, 15]
        receiver.status = 200
        practice.pass_time(hours=1)
        await receiver.flush()
        practice.pass_time(days=4)
        await receiver.flush()
        assert len(receiver.received) == 6
        assert (await receiver.health())["webhook_events"][0]["retry_count"] == 0

    async def test_without_should_retry_once_is_all(self, practice: Any, receiver: Receiver) -> None:
        await receiver.subscribe("APPOINTMENT_UPDATED", should_retry=False)
        receiver.status = 500
        emit(practice)
        await receiver.flush()
        practice.pass_time(days=1)
        await receiver.flush()
        assert len(receiver.received) == 1

    async def test_it_is_warned_after_a_day_and_disabled_after_three(
        self, practice: Any, receiver: Receiver
    ) -> None:
        """After a day of failures the owner is told, after three nothing is sent any more."""
        webhook = await receiver.subscribe("APPOINTMENT_UPDATED")
        receiver.status = None
        start = practice.world.clock.now()
        emit(practice)
        warned_after = disabled_after = None
        for hour in range(96):
            await receiver.flush()
            (state,) = practice.world.webhooks
            if state.warned_at and warned_after is None:
                warned_after = state.warned_at - start
            if not state.is_enabled and disabled_after is None:
                disabled_after = timedelta(hours=hour)
            practice.pass_time(hours=1)
        assert warned_after is not None
        assert timedelta(hours=24) <= warned_after <= timedelta(hours=31)
        assert disabled_after == timedelta(days=3)
        assert [(mail.about, mail.at - start) for mail in practice.world.mails] == [
            ("failing", warned_after),
            ("disabled", timedelta(days=3)),
        ]
        seen = len(receiver.received)
        emit(practice)
        await receiver.flush()
        assert len(receiver.received) == seen, "a disabled webhook receives nothing"

        await practice.ask(
            "mutation($id: ID) { updateWebhook(input: {id: $id, is_enabled: true}) { messages { message } } }",
            id=webhook["id"],
        )
        health = await receiver.health()
        assert (health["is_enabled"], health["warned_at"]) == (True, None)
        assert health["webhook_events"][0]["first_failed_at"] is None
        receiver.status = 204
        emit(practice)
        await receiver.flush()
        assert len(receiver.received) == seen + 1

    async def test_every_attempt_is_listed_with_its_status(self, practice: Any, receiver: Receiver) -> None:
        await receiver.subscribe("APPOINTMENT_UPDATED", should_retry=False)
        for number, status in (("101", 200), ("103", 503), ("105", None)):
            receiver.status = status
            emit(practice, number)
            await receiver.flush()
            practice.pass_time(minutes=1)
        query = """query($failed: Boolean, $after: ISO8601DateTime, $id: ID, $type: SentWebhookResourceType) {
          sentWebhooks(failed: $failed, sent_after: $after, resource_id: $id, resource_type: $type,
            order_by: CREATED_AT_ASC) { nodes { resource_id resource_id_type event_type http_response_status } } }"""

        async def listed(**filters: Any) -> list[tuple[str, str | None]]:
            answer = await practice.ask(query, **filters)
            nodes = answer["sentWebhooks"]["nodes"]
            return [(node["resource_id"], node["http_response_status"]) for node in nodes]

        assert await listed() == [("101", "200"), ("103", "503"), ("105", None)]
        assert await listed(failed=True) == [("103", "503"), ("105", None)]
        assert await listed(after="2026-03-02T17:02:00Z") == [("105", None)]
        assert await listed(id="101", type="APPOINTMENT") == [("101", "200")]
        assert await listed(type="BILLING_ITEM") == []
        assert [told["http_response_status"] for told in books(practice.world)] == ["200", "503", None]
