"""A rehearsal tells what the Healthie before it does, gives everything back, and goes on where it was interrupted."""

import dataclasses
import shutil
import socket
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from integrations.healthie.connect import Notebook, NotRehearsable
from integrations.healthie.rehearsal.profile import Profile
from integrations.healthie.rehearsal.questions import Question
from integrations.healthie.rehearsal.rehearse import QUESTIONS
from integrations.healthie_emulator.emulator import Emulator
from integrations.healthie_emulator.profile import NotAProfile, read_profile
from integrations.healthie_emulator.switches import Switches
from integrations.healthie_emulator.throttle import Limits
from tests.integration.commands import SETTINGS, frontdoor
from tests.integration.rehearsed_account import Account, account
from tests.plugins.emulator import STILL

__all__ = ["account"]  # a fixture

# Not asked: what costs the practice money, each check or what Healthie charges two days later; when Zoom is ready depends on the
# practice's account there; an invoice beside a credit takes a plan with a visit that has a price, and each booking shows it; how long a promo
# code without a number lasts is seen at the next period's payment. What becomes of a membership that is paused, of an invoice that is
# paid and of a receipt is asked of a payment, and the emulator's groups need patients with seats.
NOT_ASKED = {
    "eligibility_checks_enabled",
    "automatic_charges_spare_paid",
    "zoom_ready_after",
    "credit_visit_raises_invoice",
    "coupon_without_number_lasts",
    "resumed_a_period_later",
    "restart_date_told",
    "unpausing_resumes",
    "payments_settle_invoices",
    "receipt_noted_at_once",
    "user_shows_default_card",
    "given_up_seats_listed",
    "attended_clients_list_waiting",
}

DEFAULTS = {
    name: value
    for name, value in dataclasses.asdict(Switches()).items()
    if name not in NOT_ASKED | {"silent_noop", "date_formats"}
}

# These keep others from being told: they are turned in a rehearsal of their own.
APART = {
    "other_party_id_overrides",
    "booking_raises_invoice",
    "bank_account_set_up",
    "charges_enabled",
    "may_create_api_keys",
    "credit_taken_at_booking",
}
FORMATS = {"User": "zone_name", "Appointment": "iso8601", "BillingItem": "offset"}


def questions(*names: str) -> list[Question]:
    return [each for each in QUESTIONS if each.name in names]


def told(profile: Profile, tmp_path: Path) -> dict[str, Any]:
    """What an emulator with this profile would have turned."""
    path = tmp_path / "profile.json"
    profile.write(path)
    return dict(read_profile(path).switches)


def test_every_switch_is_asked_about_but_those_that_cost_money() -> None:
    asked = {each.name for each in QUESTIONS} | {"silent_noop"}
    assert {field.name for field in dataclasses.fields(Switches)} - asked == NOT_ASKED


async def test_what_is_as_documented_is_told_and_everything_is_given_back(
    account: Account, tmp_path: Path
) -> None:
    before = await account.standing()
    profile = await account.play()
    assert profile.unknown == {}
    assert {name: profile.answers[name] for name in DEFAULTS} == DEFAULTS
    assert told(profile, tmp_path)["silent_noop"] == []
    assert await account.standing() == before


async def test_what_differs_is_told_apart(account: Account, tmp_path: Path) -> None:
    turned = {name: not usual for name, usual in DEFAULTS.items() if name not in APART}
    await account.emulator.control.switches(**turned, date_formats=FORMATS)
    before = await account.standing()
    profile = await account.play()
    assert {name: profile.answers.get(name) for name in turned} == turned
    assert {kind: profile.answers["date_formats"][kind] for kind in FORMATS} == FORMATS
    assert told(profile, tmp_path).items() >= turned.items()
    assert await account.standing() == before


async def test_what_keeps_others_from_being_told_is_told(account: Account) -> None:
    turned = dict.fromkeys(APART - {"charges_enabled", "credit_taken_at_booking"}, False)
    await account.emulator.control.switches(**turned)
    asked = questions(*turned, "key_owner_becomes_second_provider", "notice_binds_patients")
    profile = await account.play(asked)
    assert {name: profile.answers[name] for name in turned} == turned
    assert set(profile.unknown) == {"key_owner_becomes_second_provider", "notice_binds_patients"}


async def test_a_bank_that_refuses_every_charge_is_not_a_practice_without_a_bank(account: Account) -> None:
    await account.emulator.control.switches(charges_enabled=False)
    profile = await account.play(questions("bank_account_set_up", "charges_enabled"))
    assert profile.answers == {"bank_account_set_up": True, "charges_enabled": False}


async def test_a_booking_by_staff_that_takes_no_credit_is_told(account: Account) -> None:
    await account.emulator.control.switches(credit_taken_at_booking=False)
    profile = await account.play(questions("credit_taken_at_booking", "deletion_restores_credit"))
    assert profile.answers == {"credit_taken_at_booking": False}


async def test_a_change_that_is_answered_as_done_and_not_done_is_told(
    account: Account, tmp_path: Path
) -> None:
    await account.emulator.control.switches(silent_noop=["updateNotificationSetting"])
    profile = await account.play(questions("notification_defaults_reset", "drop_note"))
    assert profile.answers == {"drop_note": False}
    assert told(profile, tmp_path)["silent_noop"] == ["updateNotificationSetting"]


async def test_a_permission_that_a_key_lacks_is_told_by_name(account: Account) -> None:
    without = {"user_id": account.clinician, "without": ["can_charge_clients"]}
    await account.emulator.control.call("POST", "permissions", without)
    profile = await account.play(questions("missing_permissions"))
    assert "can_charge_clients" in profile.answers["missing_permissions"][0]
    assert profile.answers["missing_permissions"][0] in profile.concerns()


async def test_one_that_was_interrupted_goes_on_and_makes_nothing_twice(account: Account) -> None:
    some = questions("visit_metadata_kept", "drop_note", "repeated_key_adds_item")
    await account.emulator.control.faults({"kind": "lost_answer", "operation": "MakePayment", "count": 1})
    async with account.connected() as rehearsed:
        scene = await rehearsed.scene(account.notebook())
        steps = rehearsed.ask_all(scene, some)
        assert (await anext(steps)).answer is True
        assert "MakePayment" in str((await anext(steps)).unknown)
        await steps.aclose()
    assert account.notebook().is_resumed
    profile = await account.play(some)
    assert profile.answers == {
        "visit_metadata_kept": True,
        "drop_note": False,
        "repeated_key_adds_item": False,
    }
    people = await account.emulator.ask(
        '{ users(keywords: "Rehearsal", active_status: "archived") { total_count } }'
    )
    assert people["users"]["total_count"] == 1


@pytest.mark.parametrize(
    ("document", "question"),
    [
        ("MakeHours", "taken_time_refused_with_check"),
        ("MakeWebhook", "digest_header_padded"),
        ("MakeKey", "patients_read_form_requests"),
        ("MakeForm", "required_answers_checked"),
    ],
)
async def test_what_was_made_although_its_answer_was_lost_is_given_back(
    account: Account, document: str, question: str
) -> None:
    before = await account.standing()
    await account.emulator.control.faults({"kind": "lost_answer", "operation": document, "count": 1})
    profile = await account.play(questions(question))
    assert document in profile.unknown[question]
    assert await account.standing() == before


async def test_a_profile_has_the_emulator_behave_as_it_says(account: Account, tmp_path: Path) -> None:
    await account.emulator.control.switches(drop_note=True, other_party_id_overrides=False)
    profile = await account.play(questions("drop_note", "other_party_id_overrides"))
    path = tmp_path / "profile.json"
    profile.model_copy(
        update={
            "answers": {**profile.answers, "requests_per_second": {"held": 4, "refused": 8, "lockout": True}}
        }
    ).write(path)
    emulator = Emulator(profile=read_profile(path))
    emulator.reset()
    assert (emulator.world.switches.drop_note, emulator.world.switches.other_party_id_overrides) == (
        True,
        False,
    )
    assert emulator.world.throttle.limits == Limits(requests=4, seconds=1.0)


@pytest.mark.parametrize(
    "text", ["", "[]", '{"answers": {}}', '{"answers": {"drop_note": "yes"}, "silent_noop": []}']
)
def test_what_is_no_profile_is_refused_with_its_name(tmp_path: Path, text: str) -> None:
    path = tmp_path / "profile.json"
    path.write_text(text)
    with pytest.raises(NotAProfile, match="is no profile of a rehearsal"):
        read_profile(path)


async def test_a_key_that_is_not_the_clinicians_is_refused_before_anything_is_made(account: Account) -> None:
    other = dataclasses.replace(account, clinician="200005")
    async with other.connected() as rehearsed:
        with pytest.raises(NotRehearsable, match="not theirs"):
            await rehearsed.scene(other.notebook())
    assert not account.path.exists()


class TestCommand:
    @pytest.fixture(autouse=True)
    def place(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        monkeypatch.chdir(tmp_path)
        given = {
            **SETTINGS,
            "HEALTHIE_KEYS": '{"200003": "synthetic"}',
            "DATABASE_URL": "sqlite:///f.sqlite3",
        }
        for name, value in given.items():
            monkeypatch.setenv(f"FRONTDOOR_{name}", value)

    @pytest.fixture
    def tables(self, tmp_path: Path, migrated_sqlite: Path) -> None:
        shutil.copyfile(migrated_sqlite, tmp_path / "f.sqlite3")

    @pytest.mark.parametrize(
        "url",
        [
            "https://api.gethealthie.com/graphql",
            "https://staging-api.gethealthie.com.example.invalid/graphql",
        ],
    )
    def test_refuses_what_is_no_sandbox(self, monkeypatch: pytest.MonkeyPatch, url: str) -> None:
        monkeypatch.setenv("FRONTDOOR_HEALTHIE_URL", url)
        result = frontdoor("rehearse", "--yes")
        assert result.exit_code == 1
        assert "is no sandbox" in result.output

    def test_says_what_it_will_make_and_makes_nothing_without_a_yes(
        self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        monkeypatch.setenv("FRONTDOOR_HEALTHIE_URL", "http://127.0.0.1:9/graphql")
        result = frontdoor("rehearse")
        assert result.exit_code == 1
        assert "one patient, synthetic" in result.output
        assert not list(tmp_path.glob("*.json"))

    def test_a_notebook_of_another_healthie_is_not_gone_on_with(
        self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        monkeypatch.setenv("FRONTDOOR_HEALTHIE_URL", "http://127.0.0.1:9/graphql")
        path = tmp_path / "healthie-rehearsal.json"
        Notebook.opened(path, upstream="http://127.0.0.1:8/graphql", now=datetime.fromisoformat(STILL)).save()
        result = frontdoor("rehearse", "--yes")
        assert result.exit_code == 1
        assert "belongs to http://127.0.0.1:8/graphql" in result.output

    @pytest.mark.parametrize("option", ["--profile", "--notebook"])
    def test_a_folder_that_is_not_there_is_told_before_anything_is_made(
        self, monkeypatch: pytest.MonkeyPatch, option: str, tmp_path: Path
    ) -> None:
        monkeypatch.setenv("FRONTDOOR_HEALTHIE_URL", "http://127.0.0.1:9/graphql")
        result = frontdoor("rehearse", "--yes", option, str(tmp_path / "not-there" / "file.json"))
        assert result.exit_code == 2
        assert f"No file can be written in {tmp_path / 'not-there'}" in result.output

    def test_what_is_no_url_is_no_address_for_webhooks(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("FRONTDOOR_HEALTHIE_URL", "http://127.0.0.1:9/graphql")
        result = frontdoor("rehearse", "--yes", "--webhook-url", "rehearsal.example.com/hear")
        assert result.exit_code == 2
        assert "must be a whole URL" in result.output

    def test_a_database_without_tables_is_told_in_one_sentence(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("FRONTDOOR_HEALTHIE_URL", "http://127.0.0.1:9/graphql")
        result = frontdoor("rehearse", "--yes")
        assert result.exit_code == 1
        assert result.output.splitlines()[-1].startswith("Error: The database has not the tables")
        assert "not_anchored" not in result.output

    @pytest.mark.usefixtures("tables")
    def test_a_port_that_is_in_use_is_told_before_anything_is_sent(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("FRONTDOOR_HEALTHIE_URL", "http://127.0.0.1:9/graphql")
        with socket.create_server(("0.0.0.0", 0)) as taken:
            port = taken.getsockname()[1]
            result = frontdoor(
                "rehearse", "--yes", "--webhook-url", "https://x.example.com/", "--webhook-port", str(port)
            )
        assert result.exit_code == 1
        assert f"Nothing can listen at port {port} (Address already in use)" in result.output

    @pytest.mark.usefixtures("tables")
    def test_an_address_where_nobody_answers_is_told_with_the_setting(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("FRONTDOOR_HEALTHIE_URL", "http://127.0.0.1:9/graphql")
        result = frontdoor("rehearse", "--yes")
        assert result.exit_code == 1
        assert "not_sent (nobody can be reached there: is FRONTDOOR_HEALTHIE_URL right?)" in result.output
