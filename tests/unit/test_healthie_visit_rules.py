"""Booked visits as Healthie answers them: rules, verdict, reasons, links. What says nothing allows nothing."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from structlog.testing import capture_logs

from booking.changes.visit import BookedVisit, JoinLinks, VisitRules
from booking.errors import UpstreamUnavailable
from booking.models import AppointmentStatus
from integrations.healthie.booked_visits import is_for_patients
from integrations.healthie.visit_rules import cap_of
from tests.doubles.healthie_changes import a_booked_visit, a_policy_of_changes, the_rules
from tests.doubles.healthie_documents import HEALTHIE
from tests.doubles.healthie_script import NOON, ORGANIZATION_KEY, RecordedCalls, Script, usd

POLICY = a_policy_of_changes()


async def read(visit: dict[str, Any], rules: dict[str, Any]) -> BookedVisit:
    script = Script(answers={"BookedVisit": visit, "VisitRules": rules})
    async with script.connected() as healthie:
        found = await healthie.visits.get("901")
    assert found is not None
    return found


async def rules_of(
    general: dict[str, Any] | None, own: dict[str, Any] | None = None, *, has_own: bool = True, **visit: Any
) -> VisitRules:
    policy = {"has_specific_appointment_settings": has_own, "appointment_setting": own}
    return (await read(a_booked_visit(type_policy=policy, **visit), the_rules(general))).rules


class TestRules:
    async def test_the_practices_policy_is_read_of_the_visits_clinician(self) -> None:
        script = Script(answers={"BookedVisit": a_booked_visit(), "VisitRules": the_rules(POLICY)})
        async with script.connected() as healthie:
            visit = await healthie.visits.get("901")

        assert visit is not None
        assert script.of("VisitRules")[0].variables == {"provider_id": "11"}
        assert {each.key for each in script.of("BookedVisit")} == {ORGANIZATION_KEY}
        assert visit.rules == VisitRules(
            may_cancel=True,
            may_reschedule=True,
            cancel_notice=timedelta(days=1),
            reschedule_notice=timedelta(hours=12),
            reason_required=False,
            most_reschedules=3,
            late_cancellation_fee=usd("25.00"),
            practice_charges_late_fee=False,
            restores_credit=True,
            cannot_cancel_message="Please call us.",
            cannot_reschedule_message=None,
        )

    async def test_the_types_own_settings_replace_it_as_far_as_they_say_something(self) -> None:
        nothing = dict.fromkeys(POLICY)
        own = nothing | {"allow_clients_to_reschedule_appt": False, "minimum_advance_cancel_time": 60}
        rules = await rules_of(POLICY, own)
        assert (rules.may_cancel, rules.may_reschedule) == (True, False)
        assert (rules.cancel_notice, rules.reschedule_notice) == (timedelta(hours=1), timedelta(hours=12))
        assert rules.late_cancellation_fee == usd("25.00")

    async def test_settings_that_the_type_does_not_use_count_for_nothing(self) -> None:
        own = a_policy_of_changes(allow_clients_to_cancel_appt=False)
        assert (await rules_of(POLICY, own, has_own=False)).may_cancel

    async def test_a_reason_is_required_if_either_says_so(self) -> None:
        asks = a_policy_of_changes(client_cancel_reason_required=True)
        assert (await rules_of(asks, POLICY)).reason_required
        assert (await rules_of(POLICY, asks)).reason_required

    async def test_without_any_policy_nothing_is_allowed(self) -> None:
        rules = await rules_of(None)
        assert (rules.may_cancel, rules.may_reschedule) == (False, False)
        assert not rules.practice_charges_late_fee

    async def test_what_says_nothing_allows_nothing(self) -> None:
        silent = a_policy_of_changes(allow_clients_to_cancel_appt=None)
        assert not (await rules_of(silent)).may_cancel

    @pytest.mark.parametrize(
        ("charges", "has_status", "expected"),
        [(True, True, True), (True, False, False), (False, True, False), (None, True, False)],
    )
    async def test_healthie_charges_only_with_the_setting_and_the_status(
        self, charges: Any, has_status: Any, expected: Any
    ) -> None:
        policy = a_policy_of_changes(
            auto_schedule_charges_for_late_cancellation_no_show=charges,
            enable_late_cancellation_status=has_status,
        )
        assert (await rules_of(policy)).practice_charges_late_fee is expected

    @pytest.mark.parametrize(
        ("cents", "currency", "fee"),
        [(2550, "usd", "25.50 USD"), (2550, "JPY", "2550 JPY"), (0, "USD", "None"), (-5, "USD", "None")],
    )
    async def test_a_fee_is_in_minor_units_of_the_practices_currency(
        self, cents: int, currency: str, fee: str
    ) -> None:
        policy = a_policy_of_changes(late_cancellation_fee=cents)
        visit = await read(a_booked_visit(), the_rules(policy, currency))
        assert str(visit.rules.late_cancellation_fee) == fee

    async def test_the_visits_own_fee_comes_first(self) -> None:
        rules = await rules_of(POLICY, late_cancellation_fee=1000)
        assert rules.late_cancellation_fee == usd("10.00")

    @pytest.mark.parametrize("minutes", [0, -60, None])
    async def test_no_notice_is_none(self, minutes: int | None) -> None:
        rules = await rules_of(a_policy_of_changes(minimum_advance_cancel_time=minutes))
        assert rules.cancel_notice is None

    @pytest.mark.parametrize(
        ("text", "cap"),
        [
            (None, None),
            ("", None),
            (" ", None),
            ("No limit", None),
            ("3", 3),
            (" 3 ", 3),
            ("0", 0),
            ("-1", 0),
            ("three", 0),
            ("3.5", 0),
            ("٣", 0),
            ("1e9", 0),
        ],
    )
    def test_a_cap_that_is_no_number_lets_nobody_move(self, text: str | None, cap: int | None) -> None:
        assert cap_of(text) == cap


class TestVerdict:
    @pytest.mark.parametrize("said", [False, None])
    async def test_no_verdict_is_a_no(self, said: Any) -> None:
        visit = await read(a_booked_visit(can_client_cancel=said), the_rules(POLICY))
        assert (visit.verdict.can_cancel, visit.verdict.can_reschedule) == (False, True)
        for name in ("can_client_reschedule", "can_be_rescheduled"):
            visit = await read(a_booked_visit(**{name: said}), the_rules(POLICY))
            assert (visit.verdict.can_cancel, visit.verdict.can_reschedule) == (True, False)

    @pytest.mark.parametrize(
        ("changes", "has_series"),
        [
            ({}, False),
            ({"is_group": True}, True),
            ({"user": None}, True),
            ({"recurring_appointment": {"id": "7"}}, True),
            ({"is_group": None}, False),
        ],
        ids=str,
    )
    async def test_a_groups_visit_and_one_of_a_series_are_not_single(
        self, changes: dict[str, Any], has_series: Any
    ) -> None:
        visit = await read(a_booked_visit(**changes), the_rules(POLICY))
        assert visit.has_series is has_series

    @pytest.mark.parametrize("used", [True, False, None])
    async def test_whether_a_credit_was_used_may_be_unknown(self, used: Any) -> None:
        visit = await read(a_booked_visit(credit_was_used=used), the_rules(POLICY))
        assert visit.credit_used is used

    async def test_a_count_that_is_missing_is_none_so_far(self) -> None:
        visit = await read(a_booked_visit(patient_reschedule_count=None), the_rules(POLICY))
        assert visit.reschedules == 0


class TestStands:
    async def test_it_is_read_with_the_clinicians_key(self) -> None:
        script = Script(answers={"BookedVisit": a_booked_visit()})
        async with script.connected() as healthie:
            found = await healthie.visits.stands("901", clinician_id="11")
        assert found is not None
        assert (found.appointment.start, found.deleted, found.cancelled_at) == (NOON, False, None)
        assert {each.key for each in script.of("BookedVisit")} == {"sample-key-of-11"}

    @pytest.mark.parametrize("status", ["Cancelled", "Late Cancellation"])
    async def test_a_cancelled_one_says_since_when(self, status: str) -> None:
        at = "2026-11-21 12:00:00 -0500"
        script = Script(answers={"BookedVisit": a_booked_visit(pm_status=status, pm_status_changed_at=at)})
        async with script.connected() as healthie:
            found = await healthie.visits.stands("901", clinician_id="11")
        assert found is not None
        assert found.appointment.status is AppointmentStatus.CANCELLED
        assert found.cancelled_at == datetime(2026, 11, 21, 17, tzinfo=UTC)

    async def test_an_entry_without_a_time_is_none(self) -> None:
        script = Script(answers={"BookedVisit": a_booked_visit(date=None)})
        async with script.connected() as healthie:
            assert await healthie.visits.stands("901", clinician_id="11") is None
            assert await healthie.visits.get("901") is None


class TestReasons:
    async def test_they_are_in_the_practices_order(self) -> None:
        reasons = [{"id": "52", "label": "Sample B"}, {"id": "51", "label": "Sample A"}]
        script = Script(answers={"CancellationReasons": {"organization": {"cancellation_reasons": reasons}}})
        async with script.connected() as healthie:
            found = await healthie.visits.cancellation_reasons()
        assert [(each.id, each.text) for each in found] == [("52", "Sample B"), ("51", "Sample A")]

    async def test_a_practice_that_is_not_shown_has_not_answered(self) -> None:
        script = Script(answers={"CancellationReasons": {"organization": None}})
        async with script.connected() as healthie:
            with pytest.raises(UpstreamUnavailable):
                await healthie.visits.cancellation_reasons()


SECRET = "https://zoom.example/j/12345?pwd=sample-secret"


async def links(script: Script, audit: RecordedCalls | None = None) -> JoinLinks:
    async with script.connected(audit=audit) as healthie:
        return await healthie.visits.join_links("901", clinician_id="11")


def linked(**changes: Any) -> Script:
    visit = {
        "id": "901",
        "contact_type": "Healthie Video Call",
        "external_videochat_url": None,
        "zoom_join_url": SECRET,
        "zoom_dial_in_info": "+1 555 010 0199 sample-secret",
    } | changes
    return Script(answers={"JoinLinks": {"appointment": visit}})


class TestJoinLinks:
    async def test_neither_link_nor_number_stands_in_a_log_or_in_the_audit(self) -> None:
        audit = RecordedCalls()
        with capture_logs() as logged:
            found = await links(linked(), audit)

        assert found.url == SECRET
        written = [repr(found), repr(logged), repr(audit.attempts), repr(audit.answers)]
        assert not any("sample-secret" in each for each in written)
        assert audit.attempts

    async def test_a_hosts_link_is_withheld_and_told_without_the_link(self) -> None:
        with capture_logs() as logged:
            found = await links(linked(zoom_join_url="https://zoom.example/s/1?zak=sample-secret"))
        assert found.url is None
        assert [each["event"] for each in logged if each["log_level"] == "error"] == [
            "healthie.join_link_withheld"
        ]
        assert "sample-secret" not in repr(logged)

    def test_no_links_of_hosts_and_no_notes_are_asked_for(self) -> None:
        document = (HEALTHIE / "operations" / "visit_changes.graphql").read_text(encoding="utf-8")
        for secret in (
            "zoom_start_url",
            "zoom_co_host_links",
            "zoom_cloud_recording_urls",
            "generated_token",
            "notes",
            "attendees",
        ):
            assert secret not in document

    @pytest.mark.parametrize("text", [None, "", "  "])
    async def test_a_number_that_is_not_there_yet_is_none(self, text: str | None) -> None:
        assert (await links(linked(zoom_dial_in_info=text))).dial_in is None

    @pytest.mark.parametrize(
        ("url", "good"),
        [
            ("https://video.example/room", True),
            ("https://zoom.example/j/1?pwd=a", True),
            ("https://zoom.example/s/1?zak=a", False),
            ("http://video.example/room", False),
            ("javascript:alert(1)", False),
            ("https://", False),
            ("https://[", False),
            ("room 5", False),
        ],
    )
    def test_a_link_is_one_that_a_patient_can_open(self, url: str, good: Any) -> None:
        assert is_for_patients(url) is good
