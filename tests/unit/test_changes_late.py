"""A call that lands long after it was sent, over what was done since, is found: deleted where it made a visit, else a person is told."""

from datetime import timedelta

import pytest

from booking.changes.model import ActionKind as A
from booking.changes.model import ChangeState, RequestedChange
from booking.checkout.model import Checkout
from booking.checkout.reconciliation_schedule import CHECKED_ENOUGH, CHECKS_AFTER
from booking.errors import UpstreamRefused, UpstreamUnavailable
from booking.models import AppointmentStatus
from booking.operations.model import AttentionReason
from tests.doubles.booking_upstream import Lost
from tests.doubles.booking_world import a_slot
from tests.doubles.change_scenes import LATER, Scene
from tests.doubles.change_upstream import FakeVisitChanges

THIRD = a_slot(hours=72)
LANDED_LATE = (AttentionReason.CHANGE_LANDED_LATE,)


async def sent_twice(scene: Scene, call: str) -> tuple[Checkout, RequestedChange]:
    """Answer a change whose first call is still on the way somewhere: the second one was answered."""
    checkout = await scene.booked()
    scene.world.books.fail(call, Lost())
    row = await scene.accept(checkout)
    assert row.state is ChangeState.OPEN
    for _ in range(5):
        if scene.world.row(row.id).ended:
            break
        scene.world.clock.advance(seconds=100)
        await scene.world.a_driver().resume(row.id)
    return checkout, scene.world.row(row.id)


async def looked_after(scene: Scene, row: RequestedChange) -> RequestedChange:
    """Let the days go by, in the worker's hands."""
    return await scene.world.settle(row.id)


async def test_a_move_that_lands_over_the_patients_next_one_is_for_a_person() -> None:
    scene = Scene(A.MOVE_VISIT)
    checkout, first = await sent_twice(scene, "move_visit")
    second = await scene.world.move(checkout, THIRD)
    assert (first.state, second.state) == (ChangeState.DONE, ChangeState.DONE)
    await FakeVisitChanges(scene.world.changes).move(first)

    row = await looked_after(scene, first)

    assert scene.world.visit(checkout).start == LATER.start
    assert (row.state, row.attention, row.due_at) == (ChangeState.DONE, LANDED_LATE, None)
    assert [alert.reason for alert in scene.world.database.alerts.values()] == [*LANDED_LATE]


async def test_a_move_that_lands_over_the_practices_own_is_for_a_person() -> None:
    scene = Scene(A.MOVE_VISIT)
    checkout = await scene.booked()
    scene.world.books.fail("move_visit", Lost())
    sent = await scene.accept(checkout)
    scene.world.changes.by_practice(scene.world.visit(checkout).id, start=THIRD.start)
    scene.world.clock.advance(seconds=100)
    await scene.world.a_driver().resume(sent.id)
    assert scene.world.row(sent.id).state is ChangeState.SUPERSEDED
    await FakeVisitChanges(scene.world.changes).move(sent)

    assert (await looked_after(scene, sent)).attention == LANDED_LATE


async def test_a_cancellation_that_lands_after_its_change_ended_is_for_a_person() -> None:
    """The practice has moved the visit meanwhile, so the patient was told that it was not cancelled: nothing was given back."""
    scene = Scene(A.CANCEL_VISIT)
    checkout = await scene.booked()
    scene.world.books.fail("cancel_visit", Lost())
    sent = await scene.accept(checkout)
    scene.world.changes.by_practice(scene.world.visit(checkout).id, start=THIRD.start)
    scene.world.clock.advance(seconds=100)
    await scene.world.a_driver().resume(sent.id)
    await FakeVisitChanges(scene.world.changes).cancel(sent)

    row = await looked_after(scene, sent)

    assert (row.state, row.attention) == (ChangeState.SUPERSEDED, LANDED_LATE)
    assert scene.world.visit(checkout).status is AppointmentStatus.CANCELLED


async def test_a_visit_that_is_booked_late_is_deleted() -> None:
    """The visit of the second call was taken back, since the old one could not be cancelled; then the first call lands."""
    scene = Scene(A.BOOK_VISIT)
    scene.world.books.fail("cancel_visit", UpstreamRefused("cancel", "refused"))
    checkout, row = await sent_twice(scene, "book_visit")
    assert row.state is ChangeState.REFUSED
    late = await FakeVisitChanges(scene.world.changes).book(row)

    row = await looked_after(scene, row)

    assert late.id in scene.world.books.deleted
    assert [visit.id for visit in scene.world.books.live_appointments] == [checkout.appointment_id]
    assert row.attention == ()


@pytest.mark.parametrize("kind", [A.MOVE_VISIT, A.CANCEL_VISIT, A.BOOK_VISIT])
async def test_what_stands_as_it_was_asked_is_left_alone(kind: A) -> None:
    scene = Scene(kind)
    checkout, row = await sent_twice(
        scene, {A.MOVE_VISIT: "move_visit", A.CANCEL_VISIT: "cancel_visit", A.BOOK_VISIT: "book_visit"}[kind]
    )
    scene.assert_done_once(checkout, await looked_after(scene, row))


async def test_a_change_whose_calls_were_all_answered_is_not_looked_after() -> None:
    scene = Scene(A.CANCEL_VISIT)
    row = await scene.accept(await scene.booked())
    assert (row.state, row.due_at) == (ChangeState.DONE, None)


async def test_a_look_that_fails_is_repeated_and_for_a_person_after_days() -> None:
    scene = Scene(A.CANCEL_VISIT)
    checkout, row = await sent_twice(scene, "cancel_visit")
    assert row.ended_at is not None
    assert row.due_at == row.ended_at + CHECKS_AFTER[0]
    scene.world.books.fail("stands", *[UpstreamUnavailable("system of record")] * 10_000)
    while (row := scene.world.row(row.id)).due_at is not None:
        assert row.ended_at is not None
        assert scene.world.clock.now() < row.ended_at + CHECKED_ENOUGH + timedelta(hours=1)
        scene.world.clock.advance(seconds=3600)
        await scene.world.a_driver().resume(row.id)
    assert row.attention == (AttentionReason.LATE_CHECK_FAILED,)
    assert scene.world.visit(checkout).status is AppointmentStatus.CANCELLED
