"""Pausing and resuming a membership: quoted, accepted by its id, done once, whatever fails or dies in between."""

import asyncio
import contextlib
from dataclasses import replace
from datetime import date, timedelta

import pytest

from booking.changes.membership import MembershipAsStands
from booking.changes.membership_pause import MembershipAsked, pauses_left
from booking.changes.model import ActionKind, ChangeKind, ChangeState, RequestedChange
from booking.changes.policy import PAUSES_WITHIN, MembershipPolicy
from booking.checkout.timing import LEASE, MAX_TRIES, SETTLE
from booking.errors import InvalidInput, NotFound, OutcomeUnknown, UpstreamRefused, UpstreamUnavailable
from booking.operations.model import AttentionReason
from booking.principals import Caller
from booking.refusals.memberships import (
    MembershipChangedByPractice,
    MembershipChangeFailed,
    MembershipChangeInProgress,
    MembershipChangeNotAllowed,
    MembershipOver,
    MembershipPauseQuoteChanged,
    MembershipResumeQuoteChanged,
)
from booking.refusals.memberships import MembershipNotAllowedReason as Reason
from tests.doubles.booking_ports import NOW, Killed
from tests.doubles.booking_upstream import AnswerLost, Lost
from tests.doubles.change_world import FOREIGN, STAFF, ChangeWorld
from tests.doubles.members import MEMBER, PATIENT

YEAR = MembershipPolicy(patients_may_pause=True, most_pauses=2)


class Scene:
    """A practice with one membership, which its patients may pause."""

    def __init__(self, policy: MembershipPolicy | None = None) -> None:
        self.world = ChangeWorld()
        self.world.membership_policy = policy or self.world.membership_policy
        self.world.changes.memberships[MEMBER.id] = MEMBER
        self.service = self.world.a_membership_service(self.world.driver)

    async def pause_quote(self, caller: Caller = PATIENT) -> str:
        return (await self.service.pause_quote(caller, MEMBER.id)).id

    async def resume_quote(self, caller: Caller = PATIENT) -> str:
        return (await self.service.resume_quote(caller, MEMBER.id)).id

    async def pause(
        self, quote_id: str | None = None, caller: Caller = PATIENT, note: str | None = None
    ) -> RequestedChange:
        quote_id = quote_id or await self.pause_quote(caller)
        return await self.service.pause(caller, quote_id=quote_id, note=note)

    async def resume(
        self, quote_id: str | None = None, caller: Caller = PATIENT, note: str | None = None
    ) -> RequestedChange:
        quote_id = quote_id or await self.resume_quote(caller)
        return await self.service.resume(caller, quote_id=quote_id, note=note)

    def by_practice(self, **changes: object) -> None:
        standing = self.world.changes.memberships[MEMBER.id]
        self.world.changes.memberships[MEMBER.id] = replace(standing, **changes)  # type: ignore[arg-type]

    def rows(self) -> list[RequestedChange]:
        return sorted(self.world.database.changes.values(), key=lambda row: row.created_at)

    @property
    def standing(self) -> MembershipAsStands:
        return self.world.changes.memberships[MEMBER.id]

    @property
    def done(self) -> list[bool]:
        """What was really done: True for each pause, False for each resumption."""
        return self.world.changes.paused


@pytest.fixture
def scene() -> Scene:
    return Scene()


async def why(quote: object) -> Reason:
    with pytest.raises(MembershipChangeNotAllowed) as refusal:
        await quote  # type: ignore[misc]
    return refusal.value.reason


class TestQuotes:
    async def test_a_pause_says_which_payment_is_not_made_and_that_credits_stay(self, scene: Scene) -> None:
        quote = await scene.service.pause_quote(PATIENT, MEMBER.id)
        assert (quote.amount, quote.next_payment_at) == (MEMBER.amount, MEMBER.next_payment_at)
        assert (quote.pauses_left, quote.credits_kept) == (None, True)
        assert scene.world.database.changes == {}

    async def test_a_resumption_says_the_day_of_the_next_payment_on_the_practices_clock(
        self, scene: Scene
    ) -> None:
        await scene.pause()
        midnight = NOW.replace(year=2027, month=1, day=10, hour=3)  # the day before, in New York
        scene.by_practice(resumes_at=midnight)
        quote = await scene.service.resume_quote(PATIENT, MEMBER.id)
        assert (quote.amount, quote.next_payment_on) == (MEMBER.amount, date(2027, 1, 9))

    async def test_a_resumption_whose_moment_moves_within_its_day_is_the_same(self, scene: Scene) -> None:
        await scene.pause()
        first = await scene.resume_quote()
        resumes = scene.standing.resumes_at
        assert resumes is not None
        scene.by_practice(resumes_at=resumes + timedelta(minutes=1))
        assert await scene.resume_quote() == first
        assert (await scene.resume(first)).state is ChangeState.DONE

    @pytest.mark.parametrize("payments_left", [None, 0])
    async def test_one_that_is_over_is_neither_paused_nor_resumed(
        self, scene: Scene, payments_left: int | None
    ) -> None:
        scene.by_practice(is_ended=payments_left is None, payments_left=payments_left)
        for quote in (scene.pause_quote, scene.resume_quote):
            with pytest.raises(MembershipOver):
                await quote()

    async def test_an_end_of_a_paused_one_plans_no_payment(self, scene: Scene) -> None:
        await scene.pause()
        assert (await scene.service.end_quote(PATIENT, MEMBER.id)).next_payment_at is None

    async def test_a_foreign_one_and_a_missing_one_answer_alike(self, scene: Scene) -> None:
        quote = await scene.pause_quote()
        for ask in (scene.service.pause_quote, scene.service.resume_quote):
            for name in (MEMBER.id, "series-missing"):
                with pytest.raises(NotFound):
                    await ask(FOREIGN, name)
        with pytest.raises(NotFound):
            await scene.pause(quote, FOREIGN)
        assert scene.done == []


class TestPolicy:
    async def test_patients_pause_only_where_the_practice_lets_them_and_staff_do_anyway(self) -> None:
        scene = Scene(MembershipPolicy())
        assert await why(scene.pause_quote()) is Reason.NOT_ONLINE
        with pytest.raises(InvalidInput):
            await scene.pause(caller=STAFF)
        assert (await scene.pause(caller=STAFF, note="Sample note")).by_staff
        assert scene.done == [True]

    async def test_a_quote_of_staff_does_not_let_a_patient_pause(self) -> None:
        scene = Scene(MembershipPolicy())
        quote = await scene.pause_quote(STAFF)
        assert await why(scene.pause(quote)) is Reason.NOT_ONLINE
        assert scene.done == []

    async def test_they_pause_as_often_as_they_may_within_a_year(self) -> None:
        scene = Scene(YEAR)
        for left in (2, 1):
            assert (await scene.service.pause_quote(PATIENT, MEMBER.id)).pauses_left == left
            await scene.pause()
            await scene.resume()
            scene.world.clock.advance(seconds=86_400)
        assert await why(scene.pause_quote()) is Reason.PAUSED_TOO_OFTEN
        scene.world.clock.advance(seconds=PAUSES_WITHIN.total_seconds() - 1.5 * 86_400)
        assert (await scene.service.pause_quote(PATIENT, MEMBER.id)).pauses_left == 1

    async def test_what_was_refused_or_staff_paused_is_not_counted(self) -> None:
        scene = Scene(YEAR)
        scene.world.books.fail("pause", UpstreamRefused("SetRecurringPaused", "refused"))
        with pytest.raises(MembershipChangeFailed):
            await scene.pause()
        await scene.pause(caller=STAFF, note="Sample note")
        assert pauses_left(scene.rows(), YEAR, now=scene.world.clock.now()) == 2

    async def test_what_the_patient_paused_they_resume_also_where_nobody_may_pause_any_more(
        self, scene: Scene
    ) -> None:
        await scene.pause()
        scene.world.membership_policy = MembershipPolicy()
        later = scene.world.a_membership_service(scene.world.driver)
        quote = await later.resume_quote(PATIENT, MEMBER.id)
        assert (await later.resume(PATIENT, quote_id=quote.id)).state is ChangeState.DONE

    async def test_a_pause_of_the_practice_is_the_practices_to_end(self, scene: Scene) -> None:
        scene.by_practice(is_paused=True, paused_at=NOW, resumes_at=NOW + timedelta(days=20))
        assert await why(scene.pause_quote()) is Reason.PAUSED_ALREADY
        assert await why(scene.resume_quote()) is Reason.PAUSED_BY_PRACTICE
        assert (await scene.resume(caller=STAFF, note="Sample note")).state is ChangeState.DONE

    async def test_a_pause_of_the_practice_after_the_patients_is_the_practices(self, scene: Scene) -> None:
        await scene.pause()
        scene.by_practice(paused_at=NOW + timedelta(days=1))
        assert await why(scene.resume_quote()) is Reason.PAUSED_BY_PRACTICE

    async def test_a_pause_by_staff_is_the_practices(self, scene: Scene) -> None:
        await scene.pause(caller=STAFF, note="Sample note")
        assert await why(scene.resume_quote()) is Reason.PAUSED_BY_PRACTICE

    async def test_without_a_next_payment_nobody_resumes(self, scene: Scene) -> None:
        await scene.pause()
        scene.by_practice(resumes_at=None)
        for caller in (PATIENT, STAFF):
            assert await why(scene.resume_quote(caller)) is Reason.NEXT_PAYMENT_UNKNOWN

    async def test_what_is_not_paused_is_not_resumed(self, scene: Scene) -> None:
        assert await why(scene.resume_quote()) is Reason.NOT_PAUSED

    @pytest.mark.parametrize("given", [{"most_pauses": 1}, {"patients_may_pause": True, "most_pauses": 0}])
    def test_a_policy_that_contradicts_itself_is_refused(self, given: dict[str, int]) -> None:
        with pytest.raises(ValueError, match="pause"):
            MembershipPolicy(**given)  # type: ignore[arg-type]


class TestMay:
    """What is shown beside a membership agrees with the quotes."""

    async def test_a_patient_may_pause_where_the_quote_says_so(self) -> None:
        for policy, may in ((MembershipPolicy(), False), (YEAR, True)):
            scene = Scene(policy)
            assert await scene.service.may_pause(MEMBER.id) is may

    async def test_not_while_another_change_is_under_way_nor_more_often_than_they_may(self) -> None:
        scene = Scene(MembershipPolicy(patients_may_pause=True, most_pauses=1))
        scene.world.books.fail("pause", UpstreamUnavailable("sample"))
        await scene.pause()
        assert not await scene.service.may_pause(MEMBER.id)
        assert not await scene.service.may_resume(MEMBER.id, paused_at=NOW)
        await scene.world.settle()
        assert not await scene.service.may_pause(MEMBER.id)

    async def test_they_may_resume_their_own_pause_alone(self, scene: Scene) -> None:
        await scene.pause()
        paused_at = scene.standing.paused_at
        assert paused_at is not None
        assert await scene.service.may_resume(MEMBER.id, paused_at=paused_at)
        for other in (paused_at + timedelta(seconds=1), None):
            assert not await scene.service.may_resume(MEMBER.id, paused_at=other)


class TestChanges:
    async def test_it_is_paused_and_resumed_once_each_and_the_rows_say_so(self, scene: Scene) -> None:
        paused = await scene.pause()
        assert (paused.kind, paused.state) == (ChangeKind.MEMBERSHIP_PAUSE, ChangeState.DONE)
        resumed = await scene.resume()
        assert (resumed.kind, resumed.state) == (ChangeKind.MEMBERSHIP_RESUME, ChangeState.DONE)
        assert (scene.done, resumed.attention) == ([True, False], ())
        assert resumed.actions[0].amount == MEMBER.amount

    async def test_the_same_quote_accepted_again_joins_the_change(self, scene: Scene) -> None:
        quote = await scene.pause_quote()
        first, second = await scene.pause(quote), await scene.pause(quote)
        scene.world.clock.advance(seconds=1)
        back = await scene.resume_quote()
        third, fourth = await scene.resume(back), await scene.resume(back)
        assert (first.id, third.id, scene.done) == (second.id, fourth.id, [True, False])

    async def test_two_windows_at_once_do_it_once(self, scene: Scene) -> None:
        quote = await scene.pause_quote()
        first, second = await asyncio.gather(scene.pause(quote), scene.pause(quote))
        assert (first.id, scene.done) == (second.id, [True])
        back = await scene.resume_quote()
        first, second = await asyncio.gather(scene.resume(back), scene.resume(back))
        assert (first.id, scene.done) == (second.id, [True, False])

    async def test_a_quote_of_one_kind_is_none_of_another(self, scene: Scene) -> None:
        quote = await scene.pause_quote()
        for accept in (scene.service.resume, scene.service.end):
            with pytest.raises(InvalidInput):
                await accept(PATIENT, quote_id=quote)

    async def test_a_payment_since_the_quote_changes_it_and_nothing_is_done(self, scene: Scene) -> None:
        quote = await scene.pause_quote()
        scene.by_practice(next_payment_at=NOW + timedelta(days=51))
        with pytest.raises(MembershipPauseQuoteChanged) as changed:
            await scene.pause(quote)
        assert changed.value.quote.next_payment_at == NOW + timedelta(days=51)
        await scene.pause()
        back = await scene.resume_quote()
        scene.by_practice(resumes_at=NOW + timedelta(days=82))
        with pytest.raises(MembershipResumeQuoteChanged):
            await scene.resume(back)
        assert scene.done == [True]

    @pytest.mark.parametrize("changes", [{"is_ended": True}, {"is_paused": True, "paused_at": NOW}])
    async def test_the_practices_change_right_before_a_pause_wins(
        self, scene: Scene, changes: dict[str, object]
    ) -> None:
        scene.world.books.fail("pause", Lost("sample"))
        with contextlib.suppress(Lost):
            await scene.pause()
        scene.by_practice(**changes)
        if "is_ended" in changes:
            assert (await scene.world.settle()).state is ChangeState.SUPERSEDED
            with pytest.raises(MembershipOver):
                await scene.pause()
        else:  # as far as anybody can tell it is ours
            assert (await scene.world.settle()).state is ChangeState.DONE
        assert scene.done == []

    @pytest.mark.parametrize(
        "changes",
        [
            {"is_ended": True},
            {"paused_at": NOW + timedelta(days=1)},
            {"resumes_at": NOW + timedelta(days=300)},
            {"amount": MEMBER.amount + MEMBER.amount},
        ],
    )
    async def test_the_practices_change_right_before_a_resumption_wins(
        self, scene: Scene, changes: dict[str, object]
    ) -> None:
        paused = await scene.pause()
        scene.world.books.fail("resume", Lost("sample"))
        with contextlib.suppress(Lost):
            await scene.resume()
        scene.by_practice(**changes)
        (resumption,) = (row for row in scene.rows() if row.id != paused.id)
        assert (await scene.world.settle(resumption.id)).state is ChangeState.SUPERSEDED
        assert scene.done == [True]

    async def test_a_change_of_the_practice_that_is_told_is_no_failure(self, scene: Scene) -> None:
        scene.world.books.fail("pause", UpstreamRefused("SetRecurringPaused", "changed_by_practice"))
        with pytest.raises(MembershipChangedByPractice):
            await scene.pause()

    async def test_one_that_bills_next_otherwise_is_for_a_person_and_done(self, scene: Scene) -> None:
        await scene.pause()
        scene.world.changes.resumed_at = NOW + timedelta(days=400)
        resumed = await scene.resume()
        assert (resumed.state, resumed.attention) == (ChangeState.DONE, (AttentionReason.RESUMED_OTHERWISE,))

    async def test_a_certain_refusal_is_told_and_the_same_quote_may_be_tried_again(
        self, scene: Scene
    ) -> None:
        scene.world.books.fail("pause", UpstreamRefused("SetRecurringPaused", "refused"))
        quote = await scene.pause_quote()
        with pytest.raises(MembershipChangeFailed):
            await scene.pause(quote)
        assert (await scene.pause(quote)).state is ChangeState.DONE
        assert scene.done == [True]

    @pytest.mark.parametrize("fault", [Lost, AnswerLost, OutcomeUnknown, UpstreamUnavailable])
    async def test_in_doubt_it_is_under_way_and_done_once(self, scene: Scene, fault: type[Exception]) -> None:
        scene.world.books.fail("pause", fault("sample"))
        with contextlib.suppress(Lost, AnswerLost):
            await scene.pause()
        (row,) = scene.rows()
        assert row.state is ChangeState.OPEN
        assert (await scene.world.settle(row.id)).state is ChangeState.DONE
        scene.world.books.fail("resume", fault("sample"))
        with contextlib.suppress(Lost, AnswerLost):
            await scene.resume()
        (back,) = (one for one in scene.rows() if one.id != row.id)
        assert back.state is ChangeState.OPEN
        assert (await scene.world.settle(back.id)).state is ChangeState.DONE
        assert scene.done == [True, False]

    @pytest.mark.parametrize("kind", ["pause", "resume"])
    async def test_of_two_drivers_that_take_a_row_up_at_once_one_carries_it_out(
        self, scene: Scene, kind: str
    ) -> None:
        before = [] if kind == "pause" else [(await scene.pause()).id]
        scene.world.books.fail(kind, Lost("sample"))
        with contextlib.suppress(Lost):
            await (scene.pause() if kind == "pause" else scene.resume())
        (row,) = (one for one in scene.rows() if one.id not in before)
        scene.world.clock.advance(seconds=LEASE.total_seconds() + 1)
        first, second = scene.world.a_driver(), scene.world.a_driver()
        await asyncio.gather(*(one.resume(row.id) for one in (first, second)))
        assert (await scene.world.settle(row.id)).state is ChangeState.DONE
        assert scene.done == [True, False][: 1 + len(before)]

    async def test_another_change_of_one_that_is_being_paused_waits(self, scene: Scene) -> None:
        end = (await scene.service.end_quote(PATIENT, MEMBER.id)).id
        scene.world.books.fail("pause", UpstreamUnavailable("sample"))
        await scene.pause()
        with pytest.raises(MembershipChangeInProgress):
            await scene.service.end(PATIENT, quote_id=end)
        assert scene.world.changes.ended == []

    async def test_what_stays_unknown_is_for_a_person(self, scene: Scene) -> None:
        scene.world.books.fail("pause", *[OutcomeUnknown("sample")] * 99)
        await scene.pause()
        for _ in range(MAX_TRIES):
            scene.world.clock.advance(seconds=SETTLE.total_seconds() + LEASE.total_seconds() + 3600)
            await scene.world.a_driver().resume(scene.world.row().id)
        row = scene.world.row()
        assert (row.state, row.attention) == (ChangeState.NEEDS_ATTENTION, (AttentionReason.OUT_OF_TRIES,))

    @pytest.mark.parametrize("kind", [ActionKind.PAUSE_RECURRING, ActionKind.RESUME_RECURRING])
    async def test_whoever_dies_where_it_is_done_once(self, kind: ActionKind) -> None:
        resumes = kind is ActionKind.RESUME_RECURRING
        point, died = 1, True
        while died:
            scene = Scene()
            if resumes:
                await scene.pause()
            before = {row.id for row in scene.rows()}
            quote = await (scene.resume_quote() if resumes else scene.pause_quote())
            accept = scene.resume if resumes else scene.pause
            scene.world.tape.events.clear()
            scene.world.tape.points, scene.world.tape.kill_at = 0, point
            with contextlib.suppress(Killed):
                await accept(quote)
            died = "killed" in scene.world.tape.events
            scene.world.tape.kill_at = None
            scene.world.clock.advance(seconds=LEASE.total_seconds() + 1)
            if not [row for row in scene.rows() if row.id not in before]:
                await accept(quote)
            (made,) = (row for row in scene.rows() if row.id not in before)
            row = await scene.world.settle(made.id)
            assert (row.state, scene.done) == (ChangeState.DONE, [True, False][: 1 + resumes])
            assert [action.kind for action in row.actions] == [kind]
            point += 1
            assert point < 40
        assert point > 6


def test_what_is_asked_knows_whether_the_policy_binds() -> None:
    asked = MembershipAsked(
        caller=STAFF,
        membership=MEMBER,
        changes=(),
        policy=MembershipPolicy(),
        now=NOW,
        time_zone="America/New_York",
    )
    assert asked.by_staff
