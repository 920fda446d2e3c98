"""Questions about visits: who becomes the provider, what is checked, what can be read afterwards."""

import asyncio
from typing import Any

from integrations.healthie.rehearsal.asking import Reply, Unknown
from integrations.healthie.rehearsal.questions import Question
from integrations.healthie.rehearsal.scene import Scene

ORDER = {"origin": "frontdoor", "checkout": "rehearsal"}


async def _own_key(scene: Scene) -> bool:
    visit = await scene.booked(scene.next_time(), other_party_id=scene.clinician.id)
    return _provider(visit) == scene.clinician.id


async def _other_party(scene: Scene) -> bool:
    return _provider(await _booked_for_another(scene)) == scene.clinician.id


async def _second(scene: Scene) -> bool:
    visit = await _booked_for_another(scene)
    if _provider(visit) != scene.clinician.id:
        raise Unknown("`other_party_id` does not name the clinician")
    return any(each["id"] == scene.organization.id for each in visit.get("providers") or ())


async def _booked_for_another(scene: Scene) -> dict[str, Any]:
    """A visit that the organization's key books with the clinician. Raises Unknown."""
    if scene.organization.id == scene.clinician.id:
        raise Unknown("the organization's key is the clinician's own")
    return await scene.booked(scene.next_time(), by=scene.organization, other_party_id=scene.clinician.id)


async def _metadata(scene: Scene) -> bool:
    return (await scene.booked(scene.next_time(), metadata=ORDER)).get("metadata") == ORDER


async def _taken_unenforced(scene: Scene) -> bool:
    at = scene.next_time()
    await scene.booked(at)
    return _was_booked(scene, await scene.book(at))


async def _taken_enforced(scene: Scene) -> bool:
    at = await scene.open_time()
    await scene.booked(at, enforce=True)
    return not _was_booked(scene, await scene.book(at, enforce=True))


async def _at_once(scene: Scene) -> bool:
    at = await scene.open_time()
    both = await asyncio.gather(scene.book(at, enforce=True), scene.book(at, enforce=True))
    booked = [_was_booked(scene, each) for each in both]
    if not any(booked):
        raise Unknown("neither of two bookings at once was made")
    return all(booked)


async def _deleted(scene: Scene) -> bool:
    made = scene.created(await scene.book(scene.next_time()))
    removed = await scene.clinician.ask("RemoveVisit", id=made)
    removed.require()
    after = await scene.visit(made)
    if after is not None and not after["deleted_at"] and after["pm_status"] != "Cancelled":
        raise scene.nothing_done(removed)
    return after is not None


async def _cancelled(scene: Scene) -> bool:
    made = scene.created(await scene.book(scene.next_time()))
    cancelled = await scene.clinician.ask("CancelVisit", id=made)
    cancelled.require()
    after = await scene.visit(made)
    if after is not None and after["pm_status"] != "Cancelled":
        raise scene.nothing_done(cancelled)
    return after is not None


async def _invoice(scene: Scene) -> bool:
    visit_type = await scene.visit_type(price="1.00")
    return (await scene.booked(scene.next_time(), visit_type=visit_type))["requested_payment"] is not None


def _provider(visit: dict[str, Any]) -> str | None:
    return (visit.get("provider") or {}).get("id")


def _was_booked(scene: Scene, reply: Reply) -> bool:
    """Whether a booking was made. Raises Unknown when that is not certain."""
    return reply.require_certain() and bool(scene.created(reply))


QUESTIONS = (
    Question(
        name="own_key_makes_provider",
        asks="Is a visit that is booked by a clinician's key that clinician's?",
        ask=_own_key,
    ),
    Question(
        name="other_party_id_overrides",
        asks="Does `other_party_id` name the clinician, whoever's key it is?",
        ask=_other_party,
    ),
    Question(
        name="key_owner_becomes_second_provider",
        asks="Is the key's owner added as a second provider then?",
        ask=_second,
    ),
    Question(name="visit_metadata_kept", asks="Does a visit keep its metadata?", ask=_metadata),
    Question(
        name="taken_time_booked_without_check",
        asks="Is a taken time booked when no check of availability is asked for?",
        ask=_taken_unenforced,
    ),
    Question(
        name="taken_time_refused_with_check",
        asks="Is a taken time refused when a check of availability is asked for?",
        ask=_taken_enforced,
    ),
    Question(
        name="check_availability_without_holding",
        asks="Do two bookings at the same moment both pass the check?",
        ask=_at_once,
    ),
    Question(name="deleted_visit_readable", asks="Can a deleted visit still be read?", ask=_deleted),
    Question(name="cancelled_visit_readable", asks="Can a cancelled visit still be read?", ask=_cancelled),
    Question(
        name="booking_raises_invoice",
        asks="Does booking a visit type with a price raise an invoice?",
        ask=_invoice,
    ),
)
