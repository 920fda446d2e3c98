"""A process that is killed at any moment of a change: others finish it from its row, and nothing is done twice."""

import contextlib

import pytest

from booking.changes.model import ActionKind as A
from booking.changes.model import ChangeState
from booking.checkout.timing import LEASE, RELEASE_AGAIN
from booking.errors import UpstreamRefused, UpstreamUnavailable
from booking.models import AppointmentStatus
from tests.doubles.booking_ports import Killed
from tests.doubles.booking_upstream import AnswerLost
from tests.doubles.change_scenes import OF_VISITS, Scene

# More than any change here passes; each test says how many there were.
MOST_POINTS = 80


async def killed_at(scene: Scene, point: int) -> bool:
    """Accept a change in a process that dies at this point, before or after a commit or a call; whether it got there."""
    checkout = await scene.booked()
    scene.world.tape.kill_at = point
    with contextlib.suppress(Killed):
        await scene.accept(checkout)
    was_killed = "killed" in scene.world.tape.events
    scene.world.tape.kill_at = None
    scene.world.clock.advance(seconds=LEASE.total_seconds() + 1)
    if was_killed and not scene.world.database.changes:
        await scene.accept(checkout)  # nothing was written: its patient asks again
    row = await scene.world.settle()
    scene.assert_done_once(checkout, row)
    return was_killed


@pytest.mark.parametrize("kind", OF_VISITS)
async def test_whoever_dies_where_it_is_done_once(kind: A) -> None:
    point = 1
    while await killed_at(Scene(kind), point):
        point += 1
        assert point < MOST_POINTS
    # At least: the row, each intent and each outcome, before and after; and each call, before and after.
    assert point > 10


@pytest.mark.parametrize("kind", OF_VISITS)
async def test_a_successor_that_dies_too_changes_nothing_of_that(kind: A) -> None:
    for first in range(3, 24, 4):
        for second in range(1, 12, 2):
            scene = Scene(kind)
            checkout = await scene.booked()
            scene.world.tape.kill_at = first
            with contextlib.suppress(Killed):
                await scene.accept(checkout)
            scene.world.tape.points, scene.world.tape.kill_at = 0, second
            scene.world.clock.advance(seconds=LEASE.total_seconds() + 1)
            for row in list(scene.world.database.changes.values()):
                with contextlib.suppress(Killed):
                    await scene.world.a_driver().resume(row.id)
            scene.world.tape.kill_at = None
            if not scene.world.database.changes:
                scene.world.clock.advance(minutes=6)
                await scene.accept(checkout)
            scene.assert_done_once(checkout, await scene.world.settle())


@pytest.mark.parametrize("fault", [None, AnswerLost])
async def test_a_new_visit_is_taken_back_wherever_its_process_dies(fault: type[Exception] | None) -> None:
    for point in range(3, 40):
        scene = Scene(A.BOOK_VISIT)
        checkout = await scene.booked()
        scene.world.books.fail("cancel_visit", *[UpstreamRefused("cancel", "refused")] * 9)
        scene.world.books.fail("delete_booked", *([fault()] if fault else []))
        scene.world.tape.kill_at = point
        with contextlib.suppress(Killed, Exception):
            await scene.accept(checkout)
        scene.world.tape.kill_at = None
        scene.world.clock.advance(seconds=LEASE.total_seconds() + 1)
        if not scene.world.database.changes:
            continue
        row = await scene.world.settle()
        assert row.state is ChangeState.REFUSED
        assert [visit.id for visit in scene.world.books.live_appointments] == [checkout.appointment_id]
        assert scene.world.visit(checkout).status is AppointmentStatus.BOOKED
        assert scene.world.database.claims == {}


async def test_a_hold_that_was_not_released_at_the_end_is_released_by_a_worker() -> None:
    scene = Scene(A.MOVE_VISIT)
    checkout = await scene.booked()

    async def unavailable(*_: object, **__: object) -> None:
        raise UpstreamUnavailable("holds")

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(scene.world.holds, "release", unavailable)
        await scene.accept(checkout)
    assert scene.world.row().state is ChangeState.DONE
    assert len(scene.world.holds_left()) == 1
    scene.world.clock.advance(seconds=RELEASE_AGAIN.total_seconds())
    await scene.world.a_driver().resume(scene.world.row().id)
    assert scene.world.holds_left() == []
    assert scene.world.row().due_at is None
