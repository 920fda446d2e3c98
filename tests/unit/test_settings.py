"""Settings: what is refused at start, and that secrets stay secret."""

import base64
import json
from datetime import timedelta
from pathlib import Path

import click
import pytest
from pydantic import ValidationError
from structlog.testing import capture_logs

from booking.changes.policy import ChangePolicy, MembershipPolicy, PlanVisitTreatment, RefundTier
from booking.checkout.guests import GuestRecords
from booking.events.model import EventName
from booking.pacing import Pace, PaceRange
from gateway.commands import starting
from gateway.commands.starting import explain, settings_of_process
from gateway.runtime.sealing import sealer
from gateway.settings import Settings
from gateway.settings.storage import DEVELOPMENT_SECRET
from tools.document_settings import PART

REQUIRED = {
    "FRONTDOOR_SECRET_KEY": "synthetic-secret-of-sufficient-length-0123456789",
    "FRONTDOOR_HEALTHIE_URL": "https://healthie.example.invalid/graphql",
    "FRONTDOOR_HEALTHIE_ORGANIZATION_KEY": "synthetic-organization-key",
    "FRONTDOOR_HEALTHIE_KEYS": '{"101": "synthetic-clinician-key"}',
}


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in REQUIRED.items():
        monkeypatch.setenv(name, value)


def test_it_is_production_unless_development_is_asked_for() -> None:
    assert not Settings().in_development


@pytest.mark.parametrize(("given", "pinned"), [(None, None), ("", None), ("2026-07-01", "2026-07-01")])
def test_the_version_of_healthies_api_is_chosen_unless_one_is_pinned(
    monkeypatch: pytest.MonkeyPatch, given: str | None, pinned: str | None
) -> None:
    if given is not None:
        monkeypatch.setenv("FRONTDOOR_HEALTHIE_API_VERSION", given)
    assert Settings().healthie_api_version == pinned


@pytest.mark.parametrize("given", ["latest", "2026-7-1", "2026-07-01 "])
def test_a_version_that_is_no_date_is_refused(monkeypatch: pytest.MonkeyPatch, given: str) -> None:
    monkeypatch.setenv("FRONTDOOR_HEALTHIE_API_VERSION", given)
    with pytest.raises(ValidationError):
        Settings()


def test_no_secret_shows_when_settings_are_printed() -> None:
    shown = f"{Settings()!r} {Settings()}"
    for name in ("SECRET_KEY", "HEALTHIE_ORGANIZATION_KEY"):
        assert REQUIRED[f"FRONTDOOR_{name}"] not in shown
    assert "synthetic-clinician-key" not in shown


@pytest.mark.parametrize("name", [name for name in REQUIRED if name != "FRONTDOOR_HEALTHIE_KEYS"])
def test_a_missing_setting_is_named(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.delenv(name)
    with pytest.raises(ValidationError) as caught:
        Settings()
    assert f"{name}: is required" in explain(caught.value)


def test_a_wrong_setting_is_named_without_its_value(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FRONTDOOR_SECRET_KEY", "too-short")
    with pytest.raises(ValidationError) as caught:
        Settings()
    text = explain(caught.value)
    assert "FRONTDOOR_SECRET_KEY" in text
    assert "32 characters" in text
    assert "too-short" not in text


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("DATABASE_URL", "nonsense"),
        ("DATABASE_URL", "mysql://someone:synthetic-password@127.0.0.1/frontdoor"),
        ("DATABASE_URL", "postgresql://someone:synthetic-password@127.0.0.1:port/frontdoor"),
        ("REDIS_URL", "nonsense"),
        ("REDIS_URL", "http://:synthetic-password@127.0.0.1/0"),
        ("REDIS_URL", "redis://:synthetic-password@127.0.0.1:port/0"),
    ],
)
def test_an_address_that_is_none_is_told_with_the_form_that_it_needs_and_without_its_password(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(f"FRONTDOOR_{name}", value)
    with pytest.raises(click.ClickException) as caught:
        settings_of_process()
    assert f"FRONTDOOR_{name}" in caught.value.message
    assert "://" in caught.value.message
    assert "synthetic-password" not in caught.value.message


def test_production_refuses_the_development_stacks_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FRONTDOOR_SECRET_KEY", DEVELOPMENT_SECRET)
    with pytest.raises(ValidationError):
        Settings()
    monkeypatch.setenv("FRONTDOOR_ENVIRONMENT", "development")
    assert Settings().in_development


def test_no_password_in_an_address_shows_when_settings_are_printed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FRONTDOOR_DATABASE_URL", "postgresql://sample:canary-1@db.example.invalid/sample")
    monkeypatch.setenv("FRONTDOOR_REDIS_URL", "redis://:canary-2@redis.example.invalid")
    assert "canary" not in f"{Settings()!r} {Settings()}"


def test_an_origin_is_compared_as_browsers_send_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FRONTDOOR_CORS_ORIGINS", '["https://app.example.com/"]')
    assert Settings().cors_origins == ("https://app.example.com",)


def test_json_that_is_none_ends_with_a_clear_text(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FRONTDOOR_HEALTHIE_KEYS", "{canary")
    with pytest.raises(click.ClickException) as caught:
        settings_of_process()
    assert caught.value.message == "FRONTDOOR_HEALTHIE_KEYS is not valid JSON."
    assert "canary" not in caught.value.message


def test_webhooks_have_an_address_by_which_they_can_be_looked_after(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FRONTDOOR_HEALTHIE_WEBHOOK_SECRETS", '["whsec_canary"]')
    with pytest.raises(click.ClickException, match="FRONTDOOR_HEALTHIE_WEBHOOK_URL is needed") as caught:
        settings_of_process()
    assert "canary" not in caught.value.message
    monkeypatch.setenv("FRONTDOOR_HEALTHIE_WEBHOOK_URL", "https://gateway.example/webhooks/healthie")
    assert Settings().webhook_secrets == ("whsec_canary",)


def test_production_names_its_origins_one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FRONTDOOR_CORS_ORIGINS", '["*"]')
    with pytest.raises(ValidationError):
        Settings()


def test_the_page_lists_every_setting_as_it_is() -> None:
    text = PART.page.read_text()
    assert PART.documented(text) == text, "run python -m tools.document_settings"


@pytest.mark.parametrize("key", ["sk_live_synthetic", "pk_live_synthetic", "RK_LIVE_SYNTHETIC", ""])
def test_a_stripe_key_that_could_charge_is_refused_unseen(monkeypatch: pytest.MonkeyPatch, key: str) -> None:
    monkeypatch.setenv("FRONTDOOR_STRIPE_KEY", key)
    with pytest.raises(ValidationError) as caught:
        Settings()
    text = explain(caught.value)
    assert "FRONTDOOR_STRIPE_KEY" in text
    assert not key or key not in text


def test_a_restricted_stripe_key_is_taken_and_stays_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FRONTDOOR_STRIPE_KEY", "rk_live_synthetic")
    settings = Settings()
    assert settings.stripe_key is not None
    assert "rk_live_synthetic" not in repr(settings)


@pytest.mark.parametrize("key", ["c2hvcnQ=", "not base64 at all!", "A" * 32])
def test_a_data_key_that_is_none_is_refused_unseen(monkeypatch: pytest.MonkeyPatch, key: str) -> None:
    monkeypatch.setenv("FRONTDOOR_DATA_KEYS", json.dumps({"2026": key}))
    with pytest.raises(ValidationError) as caught:
        Settings()
    text = explain(caught.value)
    assert "'2026' is not 32 bytes in base64" in text
    assert key not in text


def test_rows_sealed_before_there_were_data_keys_still_open(monkeypatch: pytest.MonkeyPatch) -> None:
    before = sealer(Settings()).seal("sample", place="here")
    for names in (["2026"], ["2027", "2026"]):
        keys = {name: base64.b64encode(name.encode() * 8).decode() for name in names}
        monkeypatch.setenv("FRONTDOOR_DATA_KEYS", json.dumps(keys))
        now = sealer(Settings())
        assert now.open(before, place="here") == "sample"
        before = now.seal("sample", place="here")
        assert before["key"] == names[0]


ENDPOINT = {"url": "https://hooks.example.com/canary", "secrets": ["whsec_" + "A" * 43 + "="]}


def test_endpoints_are_read_and_nothing_of_them_shows(monkeypatch: pytest.MonkeyPatch) -> None:
    given = {"front_desk": ENDPOINT, "billing": {**ENDPOINT, "events": ["payment.failed"]}}
    monkeypatch.setenv("FRONTDOOR_ENDPOINTS", json.dumps(given))
    settings = Settings()
    assert {name: one.events for name, one in settings.endpoints.items()} == {
        "front_desk": None,
        "billing": {EventName.PAYMENT_FAILED},
    }
    assert settings.endpoints["billing"].url.get_secret_value() == ENDPOINT["url"]
    shown = repr(settings)
    assert "canary" not in shown
    assert "AAAA" not in shown


@pytest.mark.parametrize(
    ("name", "given", "said"),
    [
        ("desk", {"url": None}, "desk url"),
        ("desk", {"url": "http://canary.example.com/"}, "the URL of desk: It is not an https URL"),
        ("desk", {"url": "https://someone:canary@example.com/"}, "the URL of desk: It has a password"),
        ("desk", {"url": "canary"}, "the URL of desk: It is not an https URL"),
        ("desk", {"secrets": None}, "desk secrets"),
        ("desk", {"secrets": []}, "desk secrets: Tuple should have at least 1 item"),
        ("desk", {"secrets": ["canary"]}, "desk secrets: a secret is whsec_"),
        ("desk", {"secrets": ["whsec_canary"]}, "desk secrets: a secret is whsec_"),
        ("desk", {"secrets": ["whsec_canäry"]}, "desk secrets: a secret is whsec_"),
        ("desk", {"secrets": [f"canary{ENDPOINT['secrets'][0]}"]}, "desk secrets: a secret is"),
        ("desk", {"secrets": [ENDPOINT["secrets"][0] * 2]}, "desk secrets: a secret is"),
        ("desk", {"events": ["appointment.canary"]}, "desk events"),
        ("desk", {"events": []}, "desk events"),
        ("desk", {"secret": "canary"}, "desk secret: Extra inputs are not permitted"),
        ("Desk canary", {}, "FRONTDOOR_ENDPOINTS"),
        (f"whsec_{'canary' * 8}", {}, "FRONTDOOR_ENDPOINTS"),
    ],
)
def test_an_endpoint_that_cannot_be_told_ends_the_start_with_its_name_and_without_its_values(
    monkeypatch: pytest.MonkeyPatch, name: str, given: dict[str, object], said: str
) -> None:
    endpoint = {key: value for key, value in {**ENDPOINT, **given}.items() if value is not None}
    monkeypatch.setenv("FRONTDOOR_ENDPOINTS", json.dumps({name: endpoint}))
    with pytest.raises(click.ClickException) as caught:
        settings_of_process()
    assert said in caught.value.message
    assert "FRONTDOOR_ENDPOINTS" in caught.value.message
    assert "canary" not in caught.value.message
    assert "AAAA" not in caught.value.message


MAIL = {
    "FRONTDOOR_SMTP_URL": "smtps://sender:synthetic-password@mail.practice.example",
    "FRONTDOOR_MAIL_FROM": "Sample Practice <no-reply@practice.example>",
}


def test_guests_get_a_record_of_their_own_unless_the_practice_can_and_will_verify_emails(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert Settings().guest_records is GuestRecords.NEW
    monkeypatch.setenv("FRONTDOOR_GUEST_RECORDS", "verified_email")
    with pytest.raises(ValidationError) as caught:
        Settings()
    assert "needs FRONTDOOR_SMTP_URL" in explain(caught.value)
    for name, value in MAIL.items():
        monkeypatch.setenv(name, value)
    settings = Settings()
    assert settings.guest_records is GuestRecords.VERIFIED_EMAIL
    assert "synthetic-password" not in f"{settings!r} {settings}"


@pytest.mark.parametrize(
    "changed",
    [
        {"FRONTDOOR_MAIL_FROM": None},
        {"FRONTDOOR_SMTP_URL": None},
        {"FRONTDOOR_SMTP_URL": "https://synthetic-password@mail.practice.example"},
        {"FRONTDOOR_MAIL_FROM": "Sample Practice"},
        {"FRONTDOOR_MAIL_FROM": "a@practice.example\r\nBcc: b@practice.example"},
    ],
)
def test_mail_that_cannot_be_sent_ends_the_start_by_the_settings_names(
    monkeypatch: pytest.MonkeyPatch, changed: dict[str, str | None]
) -> None:
    for name, value in (MAIL | changed).items():
        if value is not None:
            monkeypatch.setenv(name, value)
    with pytest.raises(ValidationError) as caught:
        Settings()
    text = explain(caught.value)
    assert next(iter(changed)) in text
    assert "synthetic-password" not in text
    assert "Bcc" not in text


@pytest.mark.parametrize(("given", "region"), [("DE", "DE"), ("de", "DE"), ("XX", None), ("Germany", None)])
def test_a_phone_region_is_a_country(monkeypatch: pytest.MonkeyPatch, given: str, region: str | None) -> None:
    monkeypatch.setenv("FRONTDOOR_PHONE_REGION", given)
    if region is not None:
        assert Settings().phone_region == region
        return
    with pytest.raises(ValidationError) as caught:
        Settings()
    assert "FRONTDOOR_PHONE_REGION" in explain(caught.value)


def test_a_time_zone_that_is_none_is_told_by_the_settings_name_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FRONTDOOR_TIME_ZONE", "Sample/Nowhere")
    with pytest.raises(ValidationError) as caught:
        Settings()
    text = explain(caught.value)
    assert "FRONTDOOR_TIME_ZONE: must be a time zone's IANA name" in text
    assert "Nowhere" not in text


class TestPace:
    def test_it_adapts_from_two_requests_a_second(self) -> None:
        pace = Settings().healthie_pace
        assert pace == PaceRange(start=Pace(per_second=2, burst=20), least=0.5, most=160)

    def test_a_rate_that_is_set_is_fixed(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("FRONTDOOR_HEALTHIE_REQUESTS_PER_SECOND", "5")
        assert Settings().healthie_pace == PaceRange.fixed(Pace(per_second=5, burst=20))

    @pytest.mark.parametrize(("least", "most", "begins"), [("0.5", "1", 1), ("5", "160", 5), ("7", "7", 7)])
    def test_it_begins_within_its_bounds(
        self, monkeypatch: pytest.MonkeyPatch, least: str, most: str, begins: float
    ) -> None:
        monkeypatch.setenv("FRONTDOOR_HEALTHIE_LEAST_REQUESTS_PER_SECOND", least)
        monkeypatch.setenv("FRONTDOOR_HEALTHIE_MOST_REQUESTS_PER_SECOND", most)
        pace = Settings().healthie_pace
        assert pace.start.per_second == begins
        assert pace.is_fixed == (least == most)

    @pytest.mark.parametrize(
        ("rate", "begins", "most"),
        [
            ('{"held": 16, "refused": 32, "lockout": false}', 8, 32),
            ('{"held": 16, "refused": null, "lockout": false}', 8, 160),
            ('{"held": null, "refused": 2, "lockout": true}', 0.5, 2),
            ("null", 2, 160),
        ],
    )
    def test_it_begins_at_half_of_what_a_rehearsal_found_to_hold(
        self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, rate: str, begins: float, most: float
    ) -> None:
        path = tmp_path / "profile.json"
        path.write_text(f'{{"format": 1, "answers": {{"requests_per_second": {rate}, "drop_note": true}}}}')
        monkeypatch.setenv("FRONTDOOR_HEALTHIE_PROFILE", str(path))
        pace = Settings().healthie_pace
        assert (pace.start.per_second, pace.most) == (begins, most)

    @pytest.mark.parametrize(
        "rate",
        [
            '{"held": NaN, "refused": null}',
            '{"held": 4, "refused": NaN}',
            '{"held": 1e400, "refused": null}',
            '{"held": 1e9, "refused": null}',
            '{"held": 0, "refused": 2}',
            '{"held": null, "refused": -1}',
        ],
    )
    def test_a_rate_that_no_rehearsal_measures_is_refused(
        self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, rate: str
    ) -> None:
        path = tmp_path / "profile.json"
        path.write_text(f'{{"format": 1, "answers": {{"requests_per_second": {rate}}}}}')
        monkeypatch.setenv("FRONTDOOR_HEALTHIE_PROFILE", str(path))
        with pytest.raises(ValidationError) as caught:
            Settings()
        assert "FRONTDOOR_HEALTHIE_PROFILE is no profile" in explain(caught.value)

    def test_a_file_that_is_no_profile_is_named_at_start(
        self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        path = tmp_path / "profile.json"
        path.write_text("{}")
        monkeypatch.setenv("FRONTDOOR_HEALTHIE_PROFILE", str(path))
        with pytest.raises(ValidationError) as caught:
            Settings()
        assert "FRONTDOOR_HEALTHIE_PROFILE is no profile" in explain(caught.value)

    def test_a_profile_that_is_not_there_is_told_apart_from_a_file_that_is_none(
        self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        monkeypatch.setenv("FRONTDOOR_HEALTHIE_PROFILE", str(tmp_path / "not-there.json"))
        with pytest.raises(ValidationError) as caught:
            Settings()
        assert "the file cannot be read (No such file or directory)" in explain(caught.value)

    def test_bounds_the_wrong_way_round_are_named(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("FRONTDOOR_HEALTHIE_MOST_REQUESTS_PER_SECOND", "0.1")
        with pytest.raises(ValidationError) as caught:
            Settings()
        assert "FRONTDOOR_HEALTHIE_LEAST_REQUESTS_PER_SECOND" in explain(caught.value)


class TestChangePolicy:
    def test_without_settings_all_is_given_back_and_nothing_charged(self) -> None:
        assert Settings().change_policy == ChangePolicy()

    def test_the_settings_become_the_policy(self, monkeypatch: pytest.MonkeyPatch) -> None:
        for name, value in {
            "CANCELLATION_REFUNDS": '[{"hours": 48, "percent": 100}, {"hours": 24, "percent": 50}]',
            "LATE_CANCELLATION_HOURS": "24",
            "CHARGE_LATE_CANCELLATION_FEE": "true",
            "CANCELLED_PLAN_VISITS": "money",
            "MOST_RESCHEDULES": "2",
            "RESCHEDULE_TO_OTHER_CLINICIANS": "true",
        }.items():
            monkeypatch.setenv(f"FRONTDOOR_{name}", value)
        assert Settings().change_policy == ChangePolicy(
            refunds=(
                RefundTier(notice=timedelta(hours=48), percent=100),
                RefundTier(notice=timedelta(hours=24), percent=50),
            ),
            late_notice=timedelta(hours=24),
            charge_late_fee=True,
            plan_visits=PlanVisitTreatment.MONEY,
            most_reschedules=2,
            other_clinicians=True,
        )

    def test_memberships_are_paused_by_patients_as_often_as_the_settings_say(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        assert Settings().membership_policy == MembershipPolicy()
        monkeypatch.setenv("FRONTDOOR_PATIENTS_PAUSE_MEMBERSHIPS", "true")
        monkeypatch.setenv("FRONTDOOR_MOST_MEMBERSHIP_PAUSES", "2")
        assert Settings().membership_policy == MembershipPolicy(patients_may_pause=True, most_pauses=2)

    def test_a_number_of_pauses_without_pauses_ends_the_start(self, monkeypatch: pytest.MonkeyPatch) -> None:
        said = self.refused(monkeypatch, MOST_MEMBERSHIP_PAUSES="2")
        assert "FRONTDOOR_PATIENTS_PAUSE_MEMBERSHIPS" in said

    def test_a_list_without_entries_gives_nothing_back(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("FRONTDOOR_CANCELLATION_REFUNDS", "[]")
        assert Settings().change_policy.refunds == ()

    @pytest.mark.parametrize(
        ("given", "said"),
        [
            ([(24, 50), (48, 100)], "longest first"),
            ([(24, 50), (24, 40)], "the same notice"),
            ([(48, 50), (24, 60)], "less notice gives back less"),
            ([(24, 101)], "percent: should be less than or equal to 100"),
            ([(-1, 50)], "hours: should be greater than or equal to 0"),
            ([(9000, 50)], "hours: should be less than or equal to 8760"),
            ([(2.5, 50)], "hours: should be a valid integer"),
        ],
    )
    def test_refunds_that_overlap_are_unordered_or_out_of_bounds_end_the_start_with_what_is_wrong(
        self, monkeypatch: pytest.MonkeyPatch, given: list[tuple[float, int]], said: str
    ) -> None:
        tiers = [{"hours": hours, "percent": percent} for hours, percent in given]
        assert said in self.refused(monkeypatch, CANCELLATION_REFUNDS=json.dumps(tiers))

    @pytest.mark.parametrize(
        ("given", "said"),
        [
            ('{"24": 50}', "must be a JSON list"),
            ('[{"hours": 24}]', "percent: is required"),
            ('[{"hours": 24, "percent": 50, "days": 1}]', "days: Extra inputs are not permitted"),
            ("48h: all", "is not valid JSON"),
        ],
    )
    def test_refunds_that_cannot_be_read_end_the_start_with_their_name(
        self, monkeypatch: pytest.MonkeyPatch, given: str, said: str
    ) -> None:
        text = self.refused(monkeypatch, CANCELLATION_REFUNDS=given)
        assert "FRONTDOOR_CANCELLATION_REFUNDS" in text
        assert said in text

    def test_a_fee_that_could_never_be_due_is_a_mistake(self, monkeypatch: pytest.MonkeyPatch) -> None:
        text = self.refused(monkeypatch, CHARGE_LATE_CANCELLATION_FEE="true")
        assert "FRONTDOOR_LATE_CANCELLATION_HOURS" in text

    @pytest.mark.parametrize(
        ("name", "value"),
        [("LATE_CANCELLATION_HOURS", "0"), ("MOST_RESCHEDULES", "-1"), ("CANCELLED_PLAN_VISITS", "both")],
    )
    def test_a_value_out_of_bounds_ends_the_start(
        self, monkeypatch: pytest.MonkeyPatch, name: str, value: str
    ) -> None:
        assert f"FRONTDOOR_{name}" in self.refused(monkeypatch, **{name: value})

    @staticmethod
    def refused(monkeypatch: pytest.MonkeyPatch, **given: str) -> str:
        for name, value in given.items():
            monkeypatch.setenv(f"FRONTDOOR_{name}", value)
        with pytest.raises(click.ClickException) as caught:
            settings_of_process()
        return caught.value.message


class TestMisspelledSettings:
    """A policy that is not read must not be overlooked: what is set is not what is in force."""

    def test_a_name_that_is_no_setting_is_logged_at_the_start_with_the_one_that_it_is_like(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(starting, "configure_logs", lambda **_: None)
        monkeypatch.setenv("FRONTDOOR_CANCELATION_REFUNDS", "secret-value")
        monkeypatch.setenv("FRONTDOOR_OF_ANOTHER_RELEASE", "secret-value")
        with capture_logs() as logs:
            settings_of_process()
        assert [(line["event"], line["log_level"], line["setting"], line["like"]) for line in logs] == [
            (
                "settings.unknown",
                "warning",
                "FRONTDOOR_CANCELATION_REFUNDS",
                "FRONTDOOR_CANCELLATION_REFUNDS",
            ),
            ("settings.unknown", "warning", "FRONTDOOR_OF_ANOTHER_RELEASE", None),
        ]
        assert "secret-value" not in repr(logs)

    def test_every_setting_is_known_in_any_case_and_what_tests_set_is_no_mistake(self) -> None:
        fields = [f"FRONTDOOR_{field}" for field in Settings.model_fields]
        names = [*fields, *map(str.lower, fields), "FRONTDOOR_TEST_POSTGRES_URL", "PATH"]
        assert starting.unknown_settings(names) == []
