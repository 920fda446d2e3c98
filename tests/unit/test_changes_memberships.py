"""Ending a membership: quoted, accepted by its id, done once, whatever fails or dies in between."""

import asyncio
import contextlib
from dataclasses import replace
from datetime import timedelta

import pytest

from booking.changes.model import ActionKind, ChangeKind, ChangeState, RequestedChange
from booking.checkout.timing import LEASE, MAX_TRIES, SETTLE
from booking.errors import InvalidInput, NotFound, OutcomeUnknown, UpstreamRefused, UpstreamUnavailable
from booking.operations.model import AttentionReason
from booking.principals import Caller, Principal, PrincipalKind
from booking.refusals.memberships import (
    MembershipChangeFailed,
    MembershipChangeInProgress,
    MembershipOver,
    MembershipQuoteChanged,
)
from tests.doubles.booking_ports import NOW, Killed
from tests.doubles.booking_upstream import AnswerLost, Lost
from tests.doubles.booking_world import as_guest
from tests.doubles.change_world import FOREIGN, STAFF, ChangeWorld
from tests.doubles.members import MEMBER, PATIENT


class Scene:
    """A practice with one membership."""

    def __init__(self) -> None:
        self.world = ChangeWorld()
        self.world.changes.memberships[MEMBER.id] = MEMBER
        self.service = self.world.a_membership_service(self.world.driver)

    async def quoted(self, caller: Caller = PATIENT) -> str:
        return (await self.service.end_quote(caller, MEMBER.id)).id

    async def end(self, quote_id: str | None = None, caller: Caller = PATIENT) -> RequestedChange:
        return await self.service.end(caller, quote_id=quote_id or await self.quoted(caller))

    def by_practice(self, **changes: object) -> None:
        standing = self.world.changes.memberships[MEMBER.id]
        self.world.changes.memberships[MEMBER.id] = replace(standing, **changes)  # type: ignore[arg-type]

    @property
    def ended(self) -> list[str]:
        return self.world.changes.ended


@pytest.fixture
def scene() -> Scene:
    return Scene()


async def test_a_quote_says_what_ends_and_from_when(scene: Scene) -> None:
    quote = await scene.service.end_quote(PATIENT, MEMBER.id)
    assert (quote.amount, quote.next_payment_at, quote.payments_left) == (
        MEMBER.amount,
        MEMBER.next_payment_at,
        None,
    )
    assert scene.world.database.changes == {}


async def test_it_is_ended_once_and_the_row_says_so(scene: Scene) -> None:
    change = await scene.end()
    assert (change.kind, change.state) == (ChangeKind.MEMBERSHIP_END, ChangeState.DONE)
    assert (change.appointment_id, change.slot, change.membership_id) == (None, None, MEMBER.id)
    assert scene.ended == [MEMBER.id]


async def test_the_same_quote_accepted_again_joins_the_change(scene: Scene) -> None:
    quote = await scene.quoted()
    first, second = await scene.end(quote), await scene.end(quote)
    assert (first.id, scene.ended) == (second.id, [MEMBER.id])


async def test_two_windows_at_once_end_it_once(scene: Scene) -> None:
    quote = await scene.quoted()
    first, second = await asyncio.gather(scene.end(quote), scene.end(quote))
    assert (first.id, first.state, scene.ended) == (second.id, ChangeState.DONE, [MEMBER.id])


@pytest.mark.parametrize("payments_left", [None, 0])
async def test_one_that_is_over_is_not_quoted(scene: Scene, payments_left: int | None) -> None:
    scene.by_practice(is_ended=payments_left is None, payments_left=payments_left)
    with pytest.raises(MembershipOver):
        await scene.quoted()


async def test_one_that_the_practice_ended_meanwhile_is_told_and_nothing_is_sent(scene: Scene) -> None:
    quote = await scene.quoted()
    scene.by_practice(is_ended=True)
    with pytest.raises(MembershipOver):
        await scene.end(quote)
    assert (scene.ended, scene.world.database.changes) == ([], {})


async def test_a_payment_since_the_quote_changes_it_and_nothing_is_done(scene: Scene) -> None:
    quote = await scene.quoted()
    scene.by_practice(next_payment_at=NOW + timedelta(days=51), payment_id="8")
    with pytest.raises(MembershipQuoteChanged) as refusal:
        await scene.end(quote)
    assert refusal.value.quote.next_payment_at == NOW + timedelta(days=51)
    assert (scene.ended, scene.world.database.changes) == ([], {})


@pytest.mark.parametrize("membership_id", [MEMBER.id, "series-missing"])
@pytest.mark.parametrize(
    "caller", [FOREIGN, Caller(principal=Principal(kind=PrincipalKind.GUEST, id="co-1"))]
)
async def test_a_foreign_one_and_a_missing_one_answer_alike(
    scene: Scene, caller: Caller, membership_id: str
) -> None:
    quote = await scene.quoted()
    with pytest.raises(NotFound) as refusal:
        await scene.service.end_quote(caller, membership_id)
    assert str(refusal.value) == str(NotFound("membership"))
    with pytest.raises(NotFound):
        await scene.service.end(caller, quote_id=quote)
    assert scene.ended == []


async def test_staff_end_one_with_a_note_only(scene: Scene) -> None:
    quote = await scene.quoted(STAFF)
    with pytest.raises(InvalidInput):
        await scene.service.end(STAFF, quote_id=quote)
    with pytest.raises(InvalidInput):
        await scene.service.end(PATIENT, quote_id=quote, note="Sample note")
    change = await scene.service.end(STAFF, quote_id=quote, note="Sample note")
    assert (change.by_staff, change.note, scene.ended) == (True, "Sample note", [MEMBER.id])


async def test_a_change_is_seen_by_its_patient_and_staff_alone(scene: Scene) -> None:
    change = await scene.end()
    assert await scene.service.view(PATIENT, change.id) == scene.world.row()
    assert await scene.service.view(STAFF, change.id) == scene.world.row()
    assert await scene.service.view(FOREIGN, change.id) is None
    assert await scene.world.service.view(PATIENT, change.id) is None, "it is no change of a visit"


async def test_a_change_of_a_visit_is_none_of_a_membership(scene: Scene) -> None:
    checkout = await scene.world.booked()
    change = await scene.world.cancel(checkout)
    assert await scene.service.view(STAFF, change.id) is None
    assert await scene.service.view(as_guest(checkout), change.id) is None


async def test_a_certain_refusal_is_told_and_the_same_quote_may_be_tried_again(scene: Scene) -> None:
    scene.world.books.fail("stop_recurring", UpstreamRefused("CancelRecurring", "refused"))
    quote = await scene.quoted()
    with pytest.raises(MembershipChangeFailed):
        await scene.end(quote)
    assert (scene.world.row().state, scene.ended) == (ChangeState.REFUSED, [])
    assert (await scene.end(quote)).state is ChangeState.DONE
    assert scene.ended == [MEMBER.id]


@pytest.mark.parametrize("fault", [Lost, AnswerLost, OutcomeUnknown, UpstreamUnavailable])
async def test_in_doubt_it_is_under_way_and_ended_once(scene: Scene, fault: type[Exception]) -> None:
    scene.world.books.fail("stop_recurring", fault("sample"))
    quote = await scene.quoted()
    with contextlib.suppress(Lost, AnswerLost):
        assert (await scene.end(quote)).state is ChangeState.OPEN
    assert scene.world.row().state is ChangeState.OPEN
    with contextlib.suppress(MembershipQuoteChanged, MembershipOver):
        joined = await scene.end(quote)
        assert joined.id == scene.world.row().id
    assert (await scene.world.settle()).state is ChangeState.DONE
    assert scene.ended == [MEMBER.id]


async def test_another_quote_of_one_that_is_being_ended_waits(scene: Scene) -> None:
    scene.world.books.fail("stop_recurring", UpstreamUnavailable("sample"))
    await scene.end()
    scene.by_practice(next_payment_at=NOW + timedelta(days=51))
    with pytest.raises(MembershipChangeInProgress):
        await scene.end()


async def test_what_stays_unknown_is_for_a_person(scene: Scene) -> None:
    scene.world.books.fail("stop_recurring", *[OutcomeUnknown("sample")] * 99)
    await scene.end()
    for _ in range(MAX_TRIES):
        scene.world.clock.advance(seconds=SETTLE.total_seconds() + LEASE.total_seconds() + 3600)
        await scene.world.a_driver().resume(scene.world.row().id)
    row = scene.world.row()
    assert (row.state, row.attention) == (ChangeState.NEEDS_ATTENTION, (AttentionReason.OUT_OF_TRIES,))


async def test_whoever_dies_where_it_is_ended_once() -> None:
    point, died = 1, True
    while died:
        scene = Scene()
        quote = await scene.quoted()
        scene.world.tape.points, scene.world.tape.kill_at = 0, point
        with contextlib.suppress(Killed):
            await scene.end(quote)
        died = "killed" in scene.world.tape.events
        scene.world.tape.kill_at = None
        scene.world.clock.advance(seconds=LEASE.total_seconds() + 1)
        if not scene.world.database.changes:
            await scene.end(quote)
        row = await scene.world.settle()
        assert (row.state, scene.ended) == (ChangeState.DONE, [MEMBER.id])
        assert [action.kind for action in row.actions] == [ActionKind.STOP_RECURRING]
        point += 1
        assert point < 40
    assert point > 6
