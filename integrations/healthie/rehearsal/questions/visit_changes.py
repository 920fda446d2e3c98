"""Questions about changes of booked visits: whose move counts, and what a late cancellation leaves of the time."""

from integrations.healthie.rehearsal.asking import Unknown
from integrations.healthie.rehearsal.ground import ZONE, wall_clock
from integrations.healthie.rehearsal.questions import Question
from integrations.healthie.rehearsal.scene import Scene


async def _counts(scene: Scene) -> bool:
    before = await scene.booked(scene.next_time())
    moved = await scene.clinician.ask(
        "MoveVisit", id=before["id"], datetime=wall_clock(scene.next_time()), timezone=ZONE
    )
    moved.require()
    after = await scene.visit(before["id"]) or {}
    if after.get("date") == before["date"]:
        raise scene.nothing_done(moved)
    return (after.get("patient_reschedule_count") or 0) > (before["patient_reschedule_count"] or 0)


async def _frees(scene: Scene) -> bool:
    me = (await scene.organization.ask("Rules")).require() or {}
    if not (me.get("appointment_setting") or {}).get("enable_late_cancellation_status"):
        raise Unknown("the practice has no Late Cancellation")
    at = await scene.open_time()
    made = scene.created(await scene.book(at, enforce=True))
    (await scene.clinician.ask("CancelVisitLate", id=made)).require()
    again = await scene.book(at, enforce=True)
    return again.require_certain() and bool(scene.created(again))


QUESTIONS = (
    Question(
        name="client_updating_counts",
        asks="Does a visit that staff move with `client_updating` count as moved by its patient?",
        ask=_counts,
    ),
    Question(
        name="late_cancel_frees_time",
        asks="Is the time of a visit with the status Late Cancellation free again?",
        ask=_frees,
    ),
)
