"""What an operator does with a change on the attention list: retry what failed, or resolve it."""

import pytest

from booking.changes.model import ActionKind as A
from booking.changes.model import ChangeState, RequestedChange
from booking.changes.operator_actions import ChangeOperatorActions, ChangeResolution
from booking.checkout.model import Checkout
from booking.checkout.timing import MAX_TRIES, SETTLE
from booking.errors import InvalidInput, NotFound, UpstreamRefused
from booking.operations.model import HistoryKind
from tests.doubles.booking_upstream import OTHER_INVOICE, AnswerLost, Lost
from tests.doubles.change_scenes import Scene

REFUSED = UpstreamRefused("sample", "refused")


def operator(scene: Scene) -> ChangeOperatorActions:
    return ChangeOperatorActions(
        units=scene.world.database, clock=scene.world.clock, operator="sample-operator"
    )


async def escalated(scene: Scene, call: str) -> tuple[Checkout, RequestedChange]:
    checkout = await scene.booked()
    scene.world.books.fail(call, REFUSED)
    change = await scene.accept(checkout)
    assert change.state is ChangeState.NEEDS_ATTENTION
    return checkout, change


@pytest.mark.parametrize(
    ("kind", "call"),
    [(A.REFUND, "refund_part"), (A.STOP_RECURRING, "stop_recurring"), (A.CHARGE_FEE, "charge_fee")],
)
async def test_what_was_refused_is_done_once_when_it_is_retried(kind: A, call: str) -> None:
    scene = Scene(kind)
    checkout, change = await escalated(scene, call)
    await operator(scene).retry(change.id)
    assert scene.world.row().attention == ()
    scene.world.clock.advance(seconds=SETTLE.total_seconds())
    scene.assert_done_once(checkout, await scene.world.settle())
    entry = next(one for one in scene.world.database.change_events if one.kind is HistoryKind.RETRIED)
    assert entry.by == "sample-operator"


async def test_what_landed_after_all_is_found_and_not_sent_again_when_it_is_retried() -> None:
    scene = Scene(A.CHARGE_FEE)
    checkout = await scene.booked()
    scene.world.books.fail("charge_fee", AnswerLost())
    scene.world.books.fail("find_fee", *[Lost()] * (MAX_TRIES - 1))
    await scene.accept(checkout)
    row = await scene.world.settle()
    assert row.state is ChangeState.NEEDS_ATTENTION
    await operator(scene).retry(row.id)
    scene.assert_done_once(checkout, await scene.world.settle())


async def test_a_call_that_may_be_out_settles_before_it_is_retried() -> None:
    scene = Scene(A.CANCEL_VISIT)
    checkout = await scene.booked()
    scene.world.books.fail("cancel_visit", Lost())
    change = await scene.accept(checkout)
    retried = await operator(scene).retry(change.id)
    assert retried.due_at == scene.world.clock.now() + SETTLE


async def test_a_new_visit_that_was_not_deleted_is_deleted_when_that_is_retried() -> None:
    scene = Scene(A.BOOK_VISIT)
    scene.world.books.fail("delete_booked", REFUSED)
    checkout, change = await escalated(scene, "cancel_visit")
    await operator(scene).retry(change.id)
    row = await scene.world.settle()
    assert row.state is ChangeState.REFUSED
    assert [visit.id for visit in scene.world.books.live_appointments] == [checkout.appointment_id]


@pytest.mark.parametrize("resolution", list(ChangeResolution))
async def test_resolving_ends_it_without_a_call(resolution: ChangeResolution) -> None:
    scene = Scene(A.REFUND)
    _, change = await escalated(scene, "refund_part")
    calls = scene.world.tape.calls()
    resolved = await operator(scene).resolve(change.id, resolution, note="sample note")
    assert (resolved.state, resolved.attention) == (ChangeState(resolution), ())
    await scene.world.settle()
    assert scene.world.tape.calls() == calls
    entry = scene.world.database.change_events[-1]
    assert (entry.kind, entry.by, entry.note) == (HistoryKind.RESOLVED, "sample-operator", "sample note")


async def test_a_change_that_is_done_only_leaves_the_list() -> None:
    scene = Scene(A.BOOK_VISIT)
    checkout = await scene.booked()
    scene.world.books.open_invoice = OTHER_INVOICE
    change = await scene.accept(checkout)
    with pytest.raises(InvalidInput):
        await operator(scene).resolve(change.id, ChangeResolution.REFUSED, note="sample")
    resolved = await operator(scene).resolve(change.id, ChangeResolution.DONE, note="sample")
    assert (resolved.state, resolved.attention) == (ChangeState.DONE, ())
    assert resolved.ended_at == change.ended_at


async def test_what_has_ended_or_is_missing_is_neither_retried_nor_resolved() -> None:
    scene = Scene(A.CANCEL_VISIT)
    change = await scene.accept(await scene.booked())
    with pytest.raises(InvalidInput):
        await operator(scene).retry(change.id)
    with pytest.raises(InvalidInput):
        await operator(scene).resolve(change.id, ChangeResolution.DONE, note="sample")
    with pytest.raises(NotFound):
        await operator(scene).retry("chg_missing")
