"""What is wrong with subscriptions, which words never came in, and when the daily check is due."""

from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from booking.resources import ChangeHint, Kind, Resource
from booking.sync.daily import turned
from booking.sync.inbox import DeliveryStats, WebhookDelivery
from booking.sync.webhook_liveness import USUAL_OF_FEW, usual_gap
from booking.sync.webhook_subscriptions import (
    Defect,
    DeliveryAttempt,
    Finding,
    KnownSubscription,
    WebhookSubscription,
    diagnose,
    missed,
)

NOW = datetime(2027, 1, 4, 15, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
HERE = "https://gateway.example/webhooks/healthie"
THERE = "https://other.example/hook"
EXPECTED = frozenset({"appointment.updated", "patient.updated"})
NEW_YORK = ZoneInfo("America/New_York")


def one(**changes: Any) -> WebhookSubscription:
    values: dict[str, Any] = {
        "id": "1",
        "address": HERE,
        "events": EXPECTED,
        "enabled": True,
        "retries": True,
        "warned_at": None,
        "failing_since": None,
        "secret": "whsec_1",
    }
    return WebhookSubscription(**(values | changes))


def found(
    *subscriptions: WebhookSubscription,
    known: tuple[KnownSubscription, ...] = (),
    secrets: frozenset[str] = frozenset(),
) -> tuple[Finding, ...]:
    return diagnose(
        subscriptions,
        address=HERE,
        expected=EXPECTED,
        known={each.id: each for each in known},
        secrets=secrets,
    )


class TestDiagnose:
    def test_one_that_is_there_and_live_is_well_whatever_others_subscribe_to(self) -> None:
        others = one(
            id="9", address=THERE, enabled=False, secret="whsec_9", events=frozenset({"entry.created"})
        )
        assert found(one(), others) == ()

    def test_events_may_be_spread_over_several(self) -> None:
        assert found(one(events=frozenset({"appointment.updated"})), one(id="2", events=EXPECTED)) == ()

    def test_without_any_every_event_is_missing(self) -> None:
        (finding,) = found()
        assert (finding.defect, finding.events) == (Defect.MISSING, EXPECTED)
        assert finding.subject == "appointment.updated and 1 more, never seen well before"

    def test_one_that_is_gone_says_when_it_was_last_seen_well(self) -> None:
        (finding,) = found(known=(KnownSubscription(id="1", well_at=NOW),))
        assert finding.subject == "appointment.updated and 1 more, last seen well 2027-01-04 15:00 UTC"

    def test_only_what_nobody_sends_is_missing(self) -> None:
        (finding,) = found(one(events=frozenset({"patient.updated", "entry.created"})))
        assert finding.events == {"appointment.updated"}

    def test_a_disabled_one_says_since_when_it_failed(self) -> None:
        (finding,) = found(one(enabled=False, warned_at=NOW, failing_since=NOW - timedelta(days=3)))
        assert (finding.defect, finding.subject) == (
            Defect.DISABLED,
            "1, failing since 2027-01-01 15:00 UTC",
        )

    def test_a_disabled_one_whose_events_another_sends_is_left_alone(self) -> None:
        assert found(one(enabled=False), one(id="2")) == ()

    def test_of_several_disabled_ones_as_few_are_enabled_as_do(self) -> None:
        half = one(id="2", events=frozenset({"patient.updated"}), enabled=False)
        assert [finding.subscription_id for finding in found(half, one(enabled=False))] == ["1"]

    def test_one_that_was_warned_is_told_and_the_same_day_after_day(self) -> None:
        warned = one(warned_at=NOW, failing_since=NOW - timedelta(days=1))
        assert [each.defect for each in found(warned)] == [Defect.FAILING]
        assert found(warned) == found(warned, known=())

    @pytest.mark.parametrize(
        ("known", "secrets"),
        [((KnownSubscription(id="1", well_at=NOW),), frozenset[str]()), ((), frozenset({"whsec_1"}))],
    )
    def test_one_of_ours_that_sends_elsewhere_is_told_and_its_events_are_missing(
        self, known: tuple[KnownSubscription, ...], secrets: frozenset[str]
    ) -> None:
        findings = found(one(address=THERE), known=known, secrets=secrets)
        assert [each.defect for each in findings] == [Defect.ELSEWHERE, Defect.MISSING]
        assert {each.well_at for each in findings} == {NOW if known else None}

    def test_no_secret_is_printed(self) -> None:
        assert "whsec" not in repr(one())


def attempt(**changes: Any) -> DeliveryAttempt:
    values: dict[str, Any] = {
        "subscription_id": "1",
        "address": HERE,
        "event": "appointment.updated",
        "resource_type": "Appointment",
        "resource_id": "7",
        "at": NOW,
        "taken": True,
        "hint": ChangeHint(resource=Resource(kind=Kind.VISIT, id="7")),
    }
    return DeliveryAttempt(**(values | changes))


def delivery(at: datetime = NOW, **changes: Any) -> WebhookDelivery:
    kept = WebhookDelivery(
        event="appointment.updated", resource_type="Appointment", resource_id="7", received_at=at, hint=None
    )
    return replace(kept, **changes)


def lost(*attempts: DeliveryAttempt, received: tuple[WebhookDelivery, ...] = ()) -> list[DeliveryAttempt]:
    return missed(attempts, received, address=HERE, known={"1"})


class TestMissed:
    def test_what_came_in_is_not_missed_although_clocks_differ(self) -> None:
        assert lost(attempt(), received=(delivery(NOW - MINUTE),)) == []

    def test_what_never_came_in_is_missed_whatever_was_answered(self) -> None:
        for one_attempt in (attempt(), attempt(taken=False)):
            assert lost(one_attempt) == [one_attempt]

    @pytest.mark.parametrize("other", [{"resource_id": "8"}, {"event": "appointment.created"}])
    def test_words_about_something_else_do_not_count(self, other: dict[str, Any]) -> None:
        assert lost(attempt(), received=(delivery(**other),)) == [attempt()]

    def test_an_earlier_word_about_the_same_does_not_count(self) -> None:
        assert lost(attempt(), received=(delivery(NOW - 10 * MINUTE),)) == [attempt()]

    def test_one_that_failed_just_after_another_came_in_is_missed(self) -> None:
        failed = attempt(at=NOW + MINUTE, taken=False)
        assert lost(attempt(), failed, received=(delivery(),)) == [failed]

    def test_one_that_failed_and_was_tried_again_until_it_came_in_is_not_missed(self) -> None:
        tries = [attempt(at=NOW + n * MINUTE, taken=n == 3) for n in (3, 0, 1)]
        assert lost(*tries, received=(delivery(NOW + 3 * MINUTE),)) == []

    def test_many_failures_of_one_word_are_one(self) -> None:
        tries = [attempt(at=NOW + n * MINUTE, taken=False) for n in range(5)]
        assert lost(*tries) == tries[-1:]

    def test_what_one_of_ours_sent_elsewhere_is_missed_and_what_others_send_is_not_looked_at(self) -> None:
        astray = attempt(address=THERE)
        others = attempt(address=THERE, subscription_id="9", resource_id="8")
        assert lost(astray, others) == [astray]

    def test_what_is_about_nothing_that_is_synchronized_is_not_missed(self) -> None:
        assert lost(attempt(hint=None)) == []


class TestDaily:
    @pytest.mark.parametrize(
        ("now", "last"),
        [
            ("2027-01-04T15:00+00:00", "2027-01-04T11:00+00:00"),
            ("2027-01-04T10:59+00:00", "2027-01-03T11:00+00:00"),
            ("2027-01-04T11:00+00:00", "2027-01-04T11:00+00:00"),
            ("2027-03-14T10:30+00:00", "2027-03-14T10:00+00:00"),  # the clocks have changed in the night
        ],
    )
    def test_six_in_the_morning_is_the_practice_s(self, now: str, last: str) -> None:
        turn = turned(datetime.fromisoformat(now), at=time(6), zone=NEW_YORK)
        assert turn == datetime.fromisoformat(last)

    def test_a_day_without_that_time_has_its_turn_all_the_same(self) -> None:
        now = datetime(2027, 3, 14, 12, tzinfo=UTC)
        assert turned(now, at=time(2, 30), zone=NEW_YORK) == datetime(2027, 3, 14, 7, 30, tzinfo=UTC)


class TestUsualGap:
    def test_it_is_measured_once_there_are_enough(self) -> None:
        delivery_stats = DeliveryStats(count=11, first=NOW - 50 * MINUTE, last=NOW)
        assert usual_gap(delivery_stats) == 5 * MINUTE

    @pytest.mark.parametrize("count", [0, 1, 9])
    def test_of_few_nobody_can_tell(self, count: int) -> None:
        delivery_stats = DeliveryStats(count=count, first=NOW if count else None, last=NOW if count else None)
        assert usual_gap(delivery_stats) == USUAL_OF_FEW
