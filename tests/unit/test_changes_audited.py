"""Who asked for a change and what was done: on every upstream call, and in the history of its row."""

from booking.changes.model import ActionKind as A
from booking.changes.model import ActionState
from booking.operations.model import HistoryKind
from booking.work_context import WorkContext, asked_by, current_work
from tests.doubles.booking_upstream import Lost
from tests.doubles.booking_world import a_slot, as_guest
from tests.doubles.change_scenes import Scene
from tests.doubles.change_world import FOREIGN, STAFF, ChangeWorld


async def test_every_call_of_a_change_names_who_asked_its_checkout_and_its_patient() -> None:
    world = ChangeWorld()
    checkout = await world.booked()
    seen: dict[str, WorkContext] = {}

    def note(call: str) -> None:
        async def noted() -> None:
            seen[call] = current_work.get()

        world.books.during[call] = noted

    for call in ("stands", "cancel_visit", "refund_part"):
        note(call)
    with asked_by(as_guest(checkout).principal.key):
        await world.cancel(checkout)
    assert set(seen) == {"stands", "cancel_visit", "refund_part"}
    for work in seen.values():
        assert work.audited_as == f"guest:{checkout.id}"
        assert (work.checkout_id, work.patient_id) == (checkout.id, checkout.patient_id)
        assert work.urgent
        assert work.deadline is None


async def test_a_worker_carries_it_out_for_whom_it_was_asked() -> None:
    scene = Scene(A.CANCEL_VISIT)
    checkout = await scene.booked()
    scene.world.books.fail("cancel_visit", Lost())
    await scene.accept(checkout)
    seen = []

    async def noted() -> None:
        seen.append(current_work.get().audited_as)

    scene.world.books.during["cancel_visit"] = noted
    with asked_by("worker"):
        await scene.world.settle()
    assert seen == ["worker for guest"]


async def test_calls_for_a_visit_that_the_practice_booked_are_found_under_the_change() -> None:
    world = ChangeWorld()
    visit = world.visit_of_practice(a_slot(), patient_id="p-other")
    quote = await world.service.cancellation_quote(FOREIGN, visit.id)
    seen = []

    async def noted() -> None:
        seen.append(current_work.get().checkout_id)

    world.books.during["cancel_visit"] = noted
    change = await world.service.cancel(FOREIGN, quote_id=quote.id, reason=None, reason_id=None)
    assert seen == [change.id]


async def test_the_history_tells_what_was_done_by_whom() -> None:
    world = ChangeWorld()
    change = await world.cancel(await world.booked())
    told = [(entry.kind, entry.after, entry.by.split("/")[0]) for entry in world.database.change_events]
    assert told == [
        (HistoryKind.REQUESTED, "cancel_visit pending", "guest"),
        (HistoryKind.MOVED, "cancel_visit intended", "changer-1"),
        (HistoryKind.MOVED, "refund intended", "changer-1"),
        (HistoryKind.MOVED, "done", "changer-1"),
    ]
    for action in change.actions:
        assert action.state is ActionState.DONE
        assert action.intended_at is not None
        assert action.ended_at is not None


async def test_staff_are_named_by_their_account() -> None:
    world = ChangeWorld()
    checkout = await world.booked()
    quote = await world.service.cancellation_quote(STAFF, checkout.appointment_id or "")
    change = await world.service.cancel(
        STAFF, quote_id=quote.id, reason=None, reason_id=None, note="sample note"
    )
    assert (change.owner, change.by_staff, change.note) == ("staff:s-sample", True, "sample note")
