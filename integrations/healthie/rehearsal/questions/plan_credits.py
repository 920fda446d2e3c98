"""Questions about the credits of a plan: when one is used, and what gives it back."""

from decimal import Decimal
from typing import Any

from integrations.healthie.rehearsal.asking import Unknown
from integrations.healthie.rehearsal.questions import Question
from integrations.healthie.rehearsal.scene import Scene


async def _taken(scene: Scene) -> bool:
    await _bought(scene)
    before = await _left(scene)
    await scene.booked(scene.next_time())
    return await _left(scene) < before


async def _back(scene: Scene, document: str) -> bool:
    await _bought(scene)
    before = await _left(scene)
    made = scene.created(await scene.book(scene.next_time()))
    used = await _left(scene)
    if used >= before:
        raise Unknown("booking used no credit")
    (await scene.clinician.ask(document, id=made)).require()
    return await _left(scene) > used


async def _cancelled(scene: Scene) -> bool:
    return await _back(scene, "CancelVisit")


async def _late(scene: Scene) -> bool:
    if not (await _rules(scene))["enable_late_cancellation_status"]:
        raise Unknown("the practice has no Late Cancellation")
    await _require_restoring(scene)
    return await _back(scene, "CancelVisitLate")


async def _deleted(scene: Scene) -> bool:
    await _require_restoring(scene)
    return await _back(scene, "RemoveVisit")


async def _below_zero(scene: Scene) -> bool:
    """Asked of a visit type that no plan includes."""
    visit_type = await scene.visit_type(price="1.00")
    return bool((await scene.booked(scene.next_time(), visit_type=visit_type))["credit_was_used"])


async def _require_restoring(scene: Scene) -> None:
    if not (await _rules(scene))["restore_credit_on_cancel"]:
        raise Unknown("the practice does not give credits back when a visit is cancelled")


async def _rules(scene: Scene) -> dict[str, Any]:
    """The practice's policy, of the key's owner."""
    me = (await scene.organization.ask("Rules")).require() or {}
    rules: dict[str, Any] | None = me.get("appointment_setting")
    if rules is None:
        raise Unknown("Healthie does not show the practice's policy")
    return rules


async def _bought(scene: Scene) -> None:
    """Buy the plan, so that there are at least two credits."""
    pages = scene.notebook.pages
    if "bought" not in pages.made or await _left(scene) < 1:
        count = pages.made.get("bought", "")
        reply = await scene.pay(f"plan{len(count)}", offering_id=await scene.plan())
        scene.notebook.note_made("bought", f"{count}x" if scene.created(reply) else count)


async def _left(scene: Scene) -> Decimal:
    found = await scene.organization.ask(
        "Credits", id=await scene.patient(), appointment_type_id=await scene.visit_type()
    )
    listed = (found.require() or {}).get("appointment_type_credits") or ()
    if not listed:
        raise Unknown("Healthie shows no credits of the patient's")
    return sum((Decimal(str(each["quantity"] or 0)) for each in listed), Decimal(0))


QUESTIONS = (
    Question(name="credit_taken_at_booking", asks="Does booking use a credit at once?", ask=_taken),
    Question(
        name="credit_back_after_cancel",
        asks="Does cancelling give the credit back?",
        ask=_cancelled,
    ),
    Question(
        name="deletion_restores_credit",
        asks="Does deleting a visit give its credit back?",
        ask=_deleted,
    ),
    Question(
        name="late_cancel_restores_credit",
        asks="Does Late Cancellation give the credit back?",
        ask=_late,
    ),
    Question(
        name="staff_book_below_zero",
        asks="Does a visit that staff book use a credit that the patient does not have?",
        ask=_below_zero,
    ),
)
