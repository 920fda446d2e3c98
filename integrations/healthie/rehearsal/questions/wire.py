"""Questions about the wire: how times are written, and how the digest of a webhook is."""

import re
from typing import Any

from integrations.healthie.rehearsal.asking import Unknown
from integrations.healthie.rehearsal.questions import Question
from integrations.healthie.rehearsal.scene import CONTACT, Scene
from integrations.upstream.errors import CallError

DELIVERED_WITHIN = 120.0  # seconds

_FORMS = {
    "iso8601": re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)"),
    "offset": re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d [+-]\d{4}"),
    "zone_name": re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d [A-Z]{2,5} [+-]\d\d:\d\d"),
}


async def _versions(scene: Scene) -> dict[str, str]:
    try:
        standings = await scene.versions.standings()
    except CallError as error:
        raise Unknown(f"Healthie does not say: {error.code}") from None
    return {version: standing.value for version, standing in standings.items()}


async def _formats(scene: Scene) -> dict[str, str]:
    """The form of one date of each type that can be read."""
    patient, visit_type = await scene.patient(), await scene.visit_type()
    person = (await scene.organization.ask("Person", id=patient)).require() or {}
    visit = await scene.booked(await _in_hours(scene))
    slots = await scene.clinician.ask(
        "Slots",
        provider_id=scene.clinician.id,
        appt_type_id=visit_type,
        contact_type=CONTACT,
        day=scene.day.date().isoformat(),
        timezone="UTC",
    )
    seen: dict[str, Any] = {"User": person.get("created_at"), "Appointment": visit.get("date")}
    if offered := slots.nodes():
        seen["PotentialAppointmentSlot"] = offered[0].get("date")
    if payments := await scene.payments():
        seen["BillingItem"] = payments[0].get("created_at")
    return {kind: form(str(text)) for kind, text in seen.items() if text}


async def _padding(scene: Scene) -> bool:
    ear = scene.ear
    if ear is None:
        raise Unknown("no address for webhooks was given (--webhook-url)")
    await scene.once(
        "webhook",
        find=lambda: _webhook(scene, ear.url),
        make=lambda: scene.organization.ask("MakeWebhook", url=ear.url),
    )
    await scene.booked(scene.next_time())
    try:
        headers = await ear.headers(within=DELIVERED_WITHIN)
    except TimeoutError:
        raise Unknown(f"no webhook was delivered within {DELIVERED_WITHIN:.0f} seconds") from None
    # The SHA-256 of anything ends in one `=` of padding, if it is padded at all.
    return headers.get("content-digest", "").endswith("=")


async def _webhook(scene: Scene, url: str) -> str | None:
    listed = (await scene.organization.ask("WebhooksTo", keywords=url)).nodes()
    return next((each["id"] for each in listed if each["url"] == url), None)


async def _in_hours(scene: Scene) -> Any:
    await scene.hours()
    return scene.next_time()


def form(text: str) -> str:
    """The name of the form in which a time is written; `other` for one that was not seen before."""
    return next((name for name, shape in _FORMS.items() if shape.fullmatch(text)), "other")


QUESTIONS = (
    Question(name="api_versions", asks="How is each version of the API answered?", ask=_versions),
    Question(name="date_formats", asks="How are times written?", ask=_formats),
    Question(name="digest_header_padded", asks="Is the digest of a webhook padded?", ask=_padding),
)
