"""Questions about the wire: how times are written, and how the digest of a webhook is."""

import re
from typing import Any
from urllib.parse import urlsplit

from integrations.healthie.rehearsal.asking import Unknown, ask
from integrations.healthie.rehearsal.ground import CONTACT, ZONE, wall_clock
from integrations.healthie.rehearsal.listening import Delivery
from integrations.healthie.rehearsal.questions import Question
from integrations.healthie.rehearsal.scene import Scene
from integrations.upstream.errors import CallError

NEWEST = "2026-10-01"
NO_EAR = "no address for webhooks was given (--webhook-url)"
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
    visit = await scene.booked(await scene.open_time())
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


async def _padded_header(scene: Scene) -> bool:
    return (await _delivery(scene)).digest.endswith("=")


async def _padded_signature(scene: Scene) -> bool:
    delivery = await _delivery(scene)
    ear = scene.ear
    if ear is None:
        raise Unknown(NO_EAR)
    listed = (await scene.organization.ask("WebhookSecret", keywords=ear.url)).nodes()
    secret = next((each["signature_secret"] for each in listed if each["url"] == ear.url), None)
    if not secret:
        raise Unknown("Healthie does not show the webhook's secret")
    address = urlsplit(ear.url)
    bare = delivery.digest.rstrip("=")
    for padded in (True, False):
        digest = bare + "=" * (-len(bare) % 4) if padded else bare
        if delivery.is_signed_with(secret, digest, path=address.path or "/", query=address.query):
            return padded
    raise Unknown("the webhook's signature is of neither form")


async def _repeated(scene: Scene) -> bool:
    """Whether an appointment that repeats is told of before the next one that does not."""
    await _subscribed(scene)
    ear = scene.ear
    if ear is None:
        raise Unknown(NO_EAR)
    ear.forget()
    repeated = scene.created(
        await scene.clinician.ask(
            "MakeRepeatedVisit",
            user_id=await scene.patient(),
            appointment_type_id=await scene.visit_type(),
            contact_type=CONTACT,
            datetime=wall_clock(scene.next_time()),
            timezone=ZONE,
        )
    )
    single = scene.created(await scene.book(scene.next_time()))
    told: set[str] = set()
    while single not in told:
        told.add((await _heard(scene)).resource_id)
    return repeated in told


async def _delivery(scene: Scene) -> Delivery:
    """One webhook delivery, of a visit that is booked for it."""
    await _subscribed(scene)
    if scene.ear is not None:
        scene.ear.forget()
    await scene.booked(scene.next_time())
    return await _heard(scene)


async def _heard(scene: Scene) -> Delivery:
    if scene.ear is None:
        raise Unknown(NO_EAR)
    try:
        return await scene.ear.delivery(within=DELIVERED_WITHIN)
    except TimeoutError:
        raise Unknown(f"no webhook was delivered within {DELIVERED_WITHIN:.0f} seconds") from None


async def _subscribed(scene: Scene) -> None:
    ear = scene.ear
    if ear is None:
        raise Unknown(NO_EAR)
    await scene.subscription(ear.url)


async def _gone_fields(scene: Scene) -> bool:
    """Whether 2026-10-01 still takes a field that its documentation leaves out."""
    reply = await ask(
        scene.organization.client, "PaymentsOfOldShape", version=NEWEST, client_id=await scene.patient()
    )
    return reply.require_certain("invalid_request", "graphql_errors")


async def _setting(scene: Scene) -> bool:
    reply = await scene.organization.ask("SettingOfNobody")
    reply.require_certain("graphql_errors")
    return reply.value is not None


def form(text: str) -> str:
    """The name of the form in which a time is written; `other` for one that was not seen before."""
    return next((name for name, shape in _FORMS.items() if shape.fullmatch(text)), "other")


QUESTIONS = (
    Question(name="api_versions", asks="How is each version of the API answered?", ask=_versions),
    Question(name="date_formats", asks="How are times written?", ask=_formats),
    Question(
        name="gone_fields_remain",
        asks=f"Does {NEWEST} still take the fields that its documentation leaves out?",
        ask=_gone_fields,
    ),
    Question(
        name="setting_without_id",
        asks="Does `appointmentSetting` answer when it is not told whose?",
        ask=_setting,
    ),
    Question(
        name="digest_header_padded",
        asks="Is the digest in a webhook's header padded?",
        ask=_padded_header,
    ),
    Question(
        name="signed_digest_padded",
        asks="Is the digest padded in what a webhook's signature is of?",
        ask=_padded_signature,
    ),
    Question(
        name="recurring_appointments_notify",
        asks="Are appointments that repeat told of by webhooks?",
        ask=_repeated,
    ),
)
