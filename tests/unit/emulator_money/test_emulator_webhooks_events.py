"""Which webhook events are sent, by what, and what the list of them says."""

import re
from pathlib import Path
from typing import Any

import pytest
from graphql import GraphQLEnumType

from integrations.healthie_emulator import webhook_events
from integrations.healthie_emulator.app import schema
from integrations.healthie_emulator.events.unsent import NEVER_SENT
from integrations.healthie_emulator.resources import item as items
from integrations.healthie_emulator.scheduling import seats
from integrations.healthie_emulator.webhook_events import SENT, wire_name


class TestEvents:
    """Which of the events that can be subscribed to are sent."""

    def test_each_event_of_the_contract_is_sent_or_has_a_reason(self) -> None:
        kind = schema().type_map["WebhookEventType"]
        assert isinstance(kind, GraphQLEnumType)
        assert {wire_name(name) for name in kind.values} == SENT.keys() | NEVER_SENT.keys()
        assert not SENT.keys() & NEVER_SENT.keys()

    async def test_every_name_of_the_enum_comes_back_from_a_subscription(self, practice: Any) -> None:
        kind = schema().type_map["WebhookEventType"]
        assert isinstance(kind, GraphQLEnumType)

        made = await practice.ask(
            """mutation($events: [WebhookEventInput!]) { createWebhook(input: {url: "http://127.0.0.1:9/", webhook_events: $events}) {
              webhook { webhook_events { event_type } } messages { message } } }""",
            events=[{"event_type": name} for name in kind.values],
        )
        listed = made["createWebhook"]["webhook"]["webhook_events"]
        assert [each["event_type"] for each in listed] == list(kind.values)

    @pytest.mark.parametrize(
        ("offered", "written"),
        [
            ("APPOINTMENT_CREATED", "appointment.created"),
            ("APPOINTMENT_PATIENT_ADDED", "appointment.patient_added"),
            ("SENT_FAX_STATUS_CHANGED", "sent_fax.status_changed"),
            (
                "APPOINTMENT_FORM_ANSWER_GROUP_CONNECTION_DELETED",
                "appointment_form_answer_group_connection.deleted",
            ),
        ],
    )
    def test_what_happened_may_have_two_words(self, offered: str, written: str) -> None:
        assert wire_name(offered) == written

    def test_what_is_listed_as_sent_is_sent_and_nothing_else(self) -> None:
        emulator = Path(webhook_events.__file__).parent
        lists = {Path(webhook_events.__file__), emulator / "events" / "unsent.py"}
        texts = [path.read_text(encoding="utf-8") for path in emulator.rglob("*.py") if path not in lists]
        named = {name for text in texts for name in re.findall(r'"([a-z_]+\.[a-z_]+)"', text)}

        assert {name for name in named if name in SENT | NEVER_SENT} == SENT.keys()

    def test_what_is_not_listed_as_sent_cannot_be(self, practice: Any) -> None:
        with pytest.raises(LookupError):
            practice.world.emit("charge_back.updated", "ChargeBack", "101")

    def test_the_page_says_so(self) -> None:
        page = (Path(__file__).parents[3] / "docs" / "emulator.md").read_text(encoding="utf-8")
        rows = [f"| `{event}` | sent | {cause} |" for event, cause in SENT.items()]
        for reason in dict.fromkeys(NEVER_SENT.values()):
            events = ", ".join(f"`{event}`" for event, why in NEVER_SENT.items() if why == reason)
            rows.append(f"| {events} | never | {reason} |")

        assert [row for row in rows if row not in page] == []

    async def test_the_life_of_a_record_is_told_with_the_ids_that_go_with_it(self, practice: Any) -> None:
        """As in Healthie's webhook event reference: what belongs to somebody or something names it."""
        world, patient = practice.world, practice.patient

        async def done(mutation: str, given: dict[str, Any], shown: str) -> Any:
            document = f"mutation($input: {mutation}Input!) {{ {mutation}(input: $input) {{ {shown} messages {{ message }} }} }}"
            payload = (await practice.ask(document, input=given))[mutation]
            assert payload["messages"] is None
            return next((value for name, value in payload.items() if name != "messages"), None)

        form = (await done("createCustomModuleForm", {"name": "Sample"}, "customModuleForm { id }"))["id"]
        asked = {"custom_module_form_id": form, "mod_type": "text", "label": "Sample question"}
        question = (await done("createCustomModule", asked, "customModule { id }"))["id"]
        await done("updateCustomModule", {"id": question, "label": "Another"}, "customModule { id }")
        await done("deleteCustomModule", {"id": question}, "customModule { id }")
        await done("deleteCustomModuleForm", {"id": form}, "customModuleForm { id }")
        named = {"user_id": patient.id, "linked_client_id": practice.stranger.id}
        contact = (await done("createNotificationContact", named, "notificationContact { id }"))["id"]
        await done("deleteNotificationContact", {"id": contact}, "notificationContact { id }")
        hours = {"range_start": "2026-03-09", "time": "09:00", "end_time": "11:00"}
        opened = (await done("createAvailability", hours, "availability { id }"))["id"]
        await done("editAvailability", hours | {"id": opened, "end_time": "12:00"}, "availability { id }")
        setting = items.add(world, "NotificationSetting", user_id=patient.id, send_message_push=True)
        changed = {"id": setting.id, "send_message_push": False}
        await done("updateNotificationSetting", changed, "notificationSetting { id }")

        of_form, of_contact = {"custom_module_form_id": form}, named
        assert [(each.event_type, each.more_ids) for each in world.outbox] == [
            ("custom_module_form.created", {}),
            ("custom_module.created", of_form),
            ("custom_module.updated", of_form),
            ("custom_module.deleted", of_form),
            ("custom_module_form.deleted", {}),
            ("notification_contact.created", of_contact),
            ("notification_contact.deleted", of_contact),
            ("availability.created", {}),
            ("availability.updated", {}),
            ("notification_setting.updated", {"user_id": patient.id}),
        ]
        assert "send_message_push" in world.outbox[-1].changed_fields

    async def test_seats_tell_their_group_and_nobody_in_it(self, practice: Any) -> None:
        world = practice.world
        group = world.appointments.add(
            provider_id=practice.clinician.id,
            user_id=None,
            appointment_type_id=practice.visit_type,
            starts_at=world.clock.now(),
            length=30,
        )
        seats.give_up(world, seats.take(world, group, practice.patient.id), by=practice.clinician)

        assert [(each.event_type, each.resource_id, each.more_ids) for each in world.outbox] == [
            ("appointment.patient_added", group.id, {}),
            ("appointment.patient_removed", group.id, {}),
        ]
