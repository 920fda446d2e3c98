"""Questions about forms and preferences."""

from typing import Any

from integrations.healthie.rehearsal.asking import Unknown
from integrations.healthie.rehearsal.questions import Question
from integrations.healthie.rehearsal.scene import Scene


async def _required(scene: Scene) -> bool:
    form = await scene.once(
        "form",
        find=lambda: scene.named("Forms", scene.name),
        make=lambda: scene.organization.ask("MakeForm", name=scene.name),
    )
    asked = await scene.organization.ask("MakeFormQuestion", form_id=form)
    scene.created(asked)
    filled = await scene.organization.ask("FillForm", form_id=form, user_id=await scene.patient())
    return not (filled.require_certain() and scene.created(filled))


async def _reset(scene: Scene) -> bool:
    """Asked of a setting whose input has no default in the schema."""
    before = await _setting(scene)
    changed = not before["send_email_on_appointment_book"]
    first = await scene.organization.ask("ChangeNotifications", id=before["id"], on_book=changed)
    first.require()
    if (await _setting(scene))["send_email_on_appointment_book"] is not changed:
        raise scene.nothing_done(first)
    other = await scene.organization.ask("ChangeOtherNotifications", id=before["id"], before=True)
    other.require()
    return (await _setting(scene))["send_email_on_appointment_book"] is not changed


async def _setting(scene: Scene) -> dict[str, Any]:
    person = (await scene.organization.ask("Notifications", id=await scene.patient())).require() or {}
    setting: dict[str, Any] | None = person.get("notification_setting")
    if setting is None:
        raise Unknown("Healthie shows no notification setting of the patient's")
    return setting


QUESTIONS = (
    Question(
        name="required_answers_checked",
        asks="Is a form refused whose required question has no answer?",
        ask=_required,
    ),
    Question(
        name="notification_defaults_reset",
        asks="Does an update of notification settings reset what it leaves out?",
        ask=_reset,
    ),
)
