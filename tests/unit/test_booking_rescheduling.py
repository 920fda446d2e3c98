"""What moving a visit does: when it is refused, how often and until when it may be, to whom, and what is done."""

from dataclasses import replace
from datetime import timedelta

import pytest

from booking.catalog.model import ContactType
from booking.change_quotes import RescheduleQuote
from booking.changes.model import ActionKind
from booking.changes.policy import ChangePolicy, RefundTier
from booking.changes.rescheduling import reschedule_actions, reschedule_quote
from booking.changes.visit import BookedVisit, ChangeVerdict
from booking.models import AppointmentStatus
from booking.refusals.changes import NotAllowedReason, RescheduleNotAllowed, SlotDoesNotFit
from booking.slots import Slot
from tests.doubles.booked_visits import APPOINTMENT, START, a_visit

DAY = timedelta(days=1)
SECOND = timedelta(seconds=1)
NO = ChangeVerdict(can_cancel=True, can_reschedule=False)
SLOT = Slot(
    clinician_id="c1",
    visit_type_id="v-priced",
    contact_type=ContactType.VIDEO,
    location_id=None,
    start=START,
    minutes=30,
)
LATER = replace(SLOT, start=START + DAY)


def quoted(
    visit: BookedVisit,
    policy: ChangePolicy | None = None,
    *,
    notice: timedelta = DAY,
    by_staff: bool = False,
) -> RescheduleQuote:
    return reschedule_quote(visit, policy or ChangePolicy(), now=START - notice, by_staff=by_staff)


def refused(
    visit: BookedVisit,
    policy: ChangePolicy | None = None,
    *,
    notice: timedelta = DAY,
    by_staff: bool = False,
) -> RescheduleNotAllowed:
    with pytest.raises(RescheduleNotAllowed) as refusal:
        quoted(visit, policy, notice=notice, by_staff=by_staff)
    return refusal.value


class TestWhetherItMayBeMoved:
    @pytest.mark.parametrize(
        "visit", [a_visit(verdict=NO), a_visit(may_reschedule=False)], ids=["verdict", "rule"]
    )
    def test_rules_and_verdict_both_have_to_say_yes(self, visit: BookedVisit) -> None:
        assert refused(visit).reason is NotAllowedReason.NOT_ONLINE

    def test_inside_the_practices_notice_it_is_too_late_and_said_since_when(self) -> None:
        visit = a_visit(reschedule_notice=DAY, cannot_reschedule_message="Call us.")
        assert quoted(visit, notice=DAY).until == START - DAY
        refusal = refused(visit, notice=DAY - SECOND)
        assert (refusal.reason, refusal.until) == (NotAllowedReason.TOO_LATE, START - DAY)
        assert refusal.message == "Call us."

    def test_the_notice_for_cancelling_is_another_one(self) -> None:
        assert quoted(a_visit(cancel_notice=2 * DAY), notice=DAY).until == START

    @pytest.mark.parametrize("by_staff", [False, True])
    def test_what_is_over_or_has_begun_or_is_a_groups_is_moved_by_nobody(self, *, by_staff: bool) -> None:
        missed = a_visit(appointment=replace(APPOINTMENT, status=AppointmentStatus.NO_SHOW))
        assert refused(missed, by_staff=by_staff).reason is NotAllowedReason.OVER
        assert refused(a_visit(), notice=timedelta(), by_staff=by_staff).reason is NotAllowedReason.OVER
        group = a_visit(has_series=True)
        assert refused(group, by_staff=by_staff).reason is NotAllowedReason.NOT_SINGLE

    @pytest.mark.parametrize(
        ("practices", "ours", "moved", "left"),
        [
            (None, None, 9, None),
            (3, None, 1, 2),
            (None, 3, 1, 2),
            (3, 2, 1, 1),
            (2, 3, 1, 1),
        ],
    )
    def test_the_lower_limit_counts(
        self, practices: int | None, ours: int | None, moved: int, left: int | None
    ) -> None:
        visit = a_visit(most_reschedules=practices, reschedules=moved)
        assert quoted(visit, ChangePolicy(most_reschedules=ours)).moves_left == left

    @pytest.mark.parametrize(
        ("practices", "ours"), [(1, None), (None, 1), (1, 5), (5, 1), (0, None), (None, 0)]
    )
    def test_a_visit_that_was_moved_as_often_as_it_may_is_not_moved_again(
        self, practices: int | None, ours: int | None
    ) -> None:
        visit = a_visit(most_reschedules=practices, reschedules=1, cannot_reschedule_message="Call us.")
        refusal = refused(visit, ChangePolicy(most_reschedules=ours))
        assert (refusal.reason, refusal.message) == (NotAllowedReason.MOVED_TOO_OFTEN, "Call us.")

    def test_staff_are_bound_by_neither_rule_notice_number_nor_verdict(self) -> None:
        visit = a_visit(
            may_reschedule=False, reschedule_notice=2 * DAY, most_reschedules=0, reschedules=1, verdict=NO
        )
        quote = quoted(visit, ChangePolicy(most_reschedules=0), by_staff=True)
        assert (quote.until, quote.moves_left) == (START, None)


class TestAnotherClinician:
    @pytest.mark.parametrize(
        ("allowed", "by_staff", "may"),
        [(False, False, False), (True, False, True), (False, True, True), (True, True, True)],
    )
    def test_is_chosen_only_where_the_practice_says_so(
        self, *, allowed: bool, by_staff: bool, may: bool
    ) -> None:
        quote = quoted(a_visit(), ChangePolicy(other_clinicians=allowed), by_staff=by_staff)
        assert quote.other_clinicians is may

    @pytest.mark.parametrize("used", [True, None])
    def test_is_not_chosen_where_that_would_take_a_second_credit(self, *, used: bool | None) -> None:
        visit = a_visit(credit_used=used, restores_credit=True)
        assert not quoted(visit, ChangePolicy(other_clinicians=True)).other_clinicians
        assert not quoted(visit, by_staff=True).other_clinicians


class TestActions:
    WITHIN = quoted(a_visit())
    TO_OTHERS = quoted(a_visit(), ChangePolicy(other_clinicians=True))

    def test_the_same_clinician_moves_the_visit(self) -> None:
        (only,) = reschedule_actions(self.WITHIN, LATER)
        assert only.kind is ActionKind.MOVE_VISIT

    def test_with_another_clinician_the_new_visit_is_booked_before_the_old_one_is_cancelled(self) -> None:
        kinds = [one.kind for one in reschedule_actions(self.TO_OTHERS, replace(LATER, clinician_id="c2"))]
        assert kinds == [ActionKind.BOOK_VISIT, ActionKind.CANCEL_VISIT]

    @pytest.mark.parametrize(
        "slot",
        [
            replace(LATER, clinician_id="c2"),
            replace(LATER, visit_type_id="v-other"),
            replace(LATER, contact_type=ContactType.PHONE),
            replace(LATER, minutes=45),
            replace(LATER, contact_type=ContactType.IN_PERSON, location_id="l1"),
            SLOT,
        ],
        ids=["clinician", "type", "contact type", "length", "place", "where it stands"],
    )
    def test_a_slot_that_is_not_of_the_visits_kind_does_not_fit(self, slot: Slot) -> None:
        with pytest.raises(SlotDoesNotFit):
            reschedule_actions(self.WITHIN, slot)

    def test_another_clinician_may_be_seen_at_the_same_time(self) -> None:
        assert len(reschedule_actions(self.TO_OTHERS, replace(SLOT, clinician_id="c2"))) == 2

    def test_the_place_may_be_another_one(self) -> None:
        at_l1 = replace(APPOINTMENT, contact_type=ContactType.IN_PERSON, location_id="l1")
        quote = quoted(a_visit(appointment=at_l1))
        there = replace(SLOT, contact_type=ContactType.IN_PERSON, location_id="l2", start=START + DAY)
        assert [one.kind for one in reschedule_actions(quote, there)] == [ActionKind.MOVE_VISIT]


class TestTheQuotesId:
    def test_it_does_not_change_by_time_alone(self) -> None:
        visit = a_visit(reschedule_notice=DAY, most_reschedules=3)
        ids = {quoted(visit, notice=notice).id for notice in (5 * DAY, 2 * DAY, DAY)}
        assert len(ids) == 1

    @pytest.mark.parametrize(
        "other",
        [
            a_visit(reschedules=1, most_reschedules=3),
            a_visit(reschedule_notice=SECOND, most_reschedules=3),
            a_visit(appointment=replace(APPOINTMENT, start=START + DAY), most_reschedules=3),
        ],
        ids=["moved meanwhile", "another notice", "another time"],
    )
    def test_it_changes_with_what_the_patient_accepts(self, other: BookedVisit) -> None:
        assert quoted(other).id != quoted(a_visit(most_reschedules=3)).id

    def test_it_does_not_change_with_what_cancelling_would_cost(self) -> None:
        dear = ChangePolicy(refunds=(RefundTier(notice=DAY, percent=50),))
        assert quoted(a_visit(), dear).id == quoted(a_visit()).id
