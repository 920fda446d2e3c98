"""A rehearsal gives back everything that it made, wherever it was interrupted, and nothing that others made."""

from datetime import datetime

import pytest

from integrations.healthie.connect import NotRehearsable, Scene
from integrations.healthie.rehearsal.asking import Unknown
from integrations.healthie.rehearsal.listening import Ear
from integrations.healthie.rehearsal.questions.forms import _required as fill_a_form
from integrations.healthie.rehearsal.questions.people import make_key
from tests.integration.rehearsed_account import Account, account
from tests.plugins.emulator import CLINICIAN_1

__all__ = ["account"]  # a fixture

HOURS = """mutation H($user_id: ID!, $day: String!) { createAvailability(input: {user_id: $user_id, range_start: $day,
  time: "14 00", end_time: "23 00", is_repeating: false, timezone: "UTC"}) { availability { id } } }"""
SHOWN = """query S($provider_id: ID!, $start: ISO8601DateTime!, $end: ISO8601DateTime!) { availabilities(
  provider_id: $provider_id, show_availability: true, one_time: true, startDate: $start, endDate: $end) { id } }"""
WEBHOOK = """mutation W($url: String!) { createWebhook(input: {url: $url, is_enabled: true, should_retry: false,
  webhook_events: [{event_type: APPOINTMENT_CREATED}]}) { webhook { id } } }"""
PATIENT = """mutation P($last_name: String!, $email: String!) { createClient(input: {first_name: "Rehearsal",
  last_name: $last_name, email: $email, dont_send_welcome: true}) { user { id } } }"""
ACTIVE = "query A($id: ID!) { user(id: $id) { active } }"
NAMED = """{ apiKeys(keywords: "Frontdoor rehearsal") { nodes { id } }
  customModuleForms(keywords: "Frontdoor rehearsal") { nodes { id } } }"""
EAR = Ear("http://127.0.0.1:9/hear")


async def hours(account: Account, day: datetime) -> list[str]:
    found = await account.emulator.ask(
        SHOWN,
        key=CLINICIAN_1,
        provider_id=account.clinician,
        start=day.replace(hour=1).isoformat(),
        end=day.replace(hour=23, minute=59).isoformat(),
    )
    return [each["id"] for each in found["availabilities"]]


async def webhooks(account: Account) -> list[str]:
    found = await account.emulator.ask("{ webhooks(first: 100) { nodes { id } } }")
    return [each["id"] for each in found["webhooks"]["nodes"]]


async def clinicians_own(account: Account, day: datetime) -> str:
    made = await account.emulator.ask(
        HOURS, key=CLINICIAN_1, user_id=account.clinician, day=day.strftime("%B %d, %Y")
    )
    return str(made["createAvailability"]["availability"]["id"])


async def lost(account: Account, kind: str, operation: str) -> None:
    """The next request of this operation is lost, or its answer is."""
    await account.emulator.control.faults({"kind": kind, "operation": operation, "count": 1})


async def test_the_clinicians_own_hours_on_that_day_are_left(account: Account) -> None:
    """Interrupted after it was noted that hours are about to be made, and before they were."""
    async with account.connected() as rehearsed:
        scene = await rehearsed.scene(account.notebook())
        own = await clinicians_own(account, scene.day)
        await lost(account, "lost_request", "MakeHours")
        with pytest.raises(Unknown):
            await scene.hours()
        again = await rehearsed.scene(account.notebook())
        await again.hours()
        assert len(await hours(account, scene.day)) == 2
        assert await rehearsed.tidy(again) == []
    assert await hours(account, scene.day) == [own]


async def test_the_practices_own_webhook_to_that_address_is_left(account: Account) -> None:
    before = await webhooks(account)
    made = await account.emulator.ask(WEBHOOK, url=EAR.url)
    own = made["createWebhook"]["webhook"]["id"]
    async with account.connected() as rehearsed:
        scene = await rehearsed.scene(account.notebook(), EAR)
        await lost(account, "lost_request", "MakeWebhook")
        with pytest.raises(Unknown):
            await scene.subscription(EAR.url)
        again = await rehearsed.scene(account.notebook(), EAR)
        await again.subscription(EAR.url)
        assert len(await webhooks(account)) == len(before) + 2
        assert await rehearsed.tidy(again) == []
    assert await webhooks(account) == [*before, own]


async def _required_key(scene: Scene) -> object:
    return (await make_key(scene)).require()


async def test_what_was_made_and_not_noted_is_given_back(account: Account) -> None:
    """The answers are lost, and only giving back follows, without the address of the webhook."""
    before = await webhooks(account)
    async with account.connected() as rehearsed:
        scene = await rehearsed.scene(account.notebook(), EAR)
        await scene.patient()
        for make, operation in (
            (scene.hours, "MakeHours"),
            (lambda: scene.subscription(EAR.url), "MakeWebhook"),
            (lambda: _required_key(scene), "MakeKey"),
            (lambda: fill_a_form(scene), "MakeForm"),
        ):
            await lost(account, "lost_answer", operation)
            with pytest.raises(Unknown):
                await make()
        assert len(await hours(account, scene.day)) == 1
        assert len(await webhooks(account)) == len(before) + 1
        assert all(each["nodes"] for each in (await account.emulator.ask(NAMED)).values())
        again = await rehearsed.scene(account.notebook())
        assert await rehearsed.tidy(again) == []
    assert await hours(account, scene.day) == []
    assert await webhooks(account) == before
    assert not any(each["nodes"] for each in (await account.emulator.ask(NAMED)).values())


async def test_a_person_of_the_practice_whom_the_runs_name_finds_is_left(account: Account) -> None:
    async with account.connected() as rehearsed:
        scene = await rehearsed.scene(account.notebook())
        await scene.patient()
        run = scene.notebook.pages.run
        made = await account.emulator.ask(PATIENT, last_name="Sample", email=f"{run}@example.org")
        own = made["createClient"]["user"]["id"]
        assert await rehearsed.tidy(scene) == []
    assert (await account.emulator.ask(ACTIVE, id=own))["user"]["active"] is True


async def test_a_notebook_of_other_keys_is_not_gone_on_with(account: Account) -> None:
    """All sandbox accounts have one address, so that the address alone does not tell them apart."""
    notebook = account.notebook()
    notebook.pages.accounts = "1 2"
    notebook.intend("working hours")
    async with account.connected() as rehearsed:
        with pytest.raises(NotRehearsable, match="other keys"):
            await rehearsed.scene(account.notebook())
