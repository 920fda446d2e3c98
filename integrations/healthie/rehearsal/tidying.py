"""Tidying: gives back everything that a rehearsal made, and proves it by reading. Works from lists, so nothing is missed that no note tells of."""

from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterable, Mapping
from decimal import Decimal
from typing import Any

from integrations.healthie.rehearsal.asking import Unknown, amount_of
from integrations.healthie.rehearsal.ground import Listed
from integrations.healthie.rehearsal.scene import HOURS, WEBHOOK, Scene

ENDED = frozenset({"Cancelled", "Re-Scheduled", "No-Show"})


async def tidy(scene: Scene) -> list[str]:
    """Give everything back. Returns what is left, in words; empty: nothing."""
    left: list[str] = []
    for step in (
        _visits,
        _payments,
        _invoices,
        _cards,
        _keys,
        _plans,
        _forms,
        _visit_types,
        _hours,
        _webhooks,
        _patients,
    ):
        try:
            left += await step(scene)
        except Unknown as why:
            left.append(str(why))
    return left


async def _visits(scene: Scene) -> list[str]:
    patients = await _everybody(scene)

    async def live() -> list[str]:
        found = [
            each
            for patient in patients
            for each in (await scene.organization.ask("Visits", user_id=patient)).nodes()
        ]
        if group := scene.notebook.pages.made.get("group visit"):
            found += [visit for visit in [await scene.visit(group)] if visit is not None]
        standing = (each for each in found if not each["deleted_at"] and each["pm_status"] not in ENDED)
        return sorted({each["id"] for each in standing})

    async def remove(visit: str) -> None:
        await scene.clinician.ask("RemoveVisit", id=visit)

    return await _emptied("a visit", live, remove)


async def _payments(scene: Scene) -> list[str]:
    if await _patient(scene) is None:
        return []

    async def owed() -> list[str]:
        return list(_owed(await scene.payments()))

    async def give_back(payment: str) -> None:
        amount = _owed(await scene.payments()).get(payment)
        if amount is not None:
            await scene.clinician.ask(
                "GiveBack", id=payment, amount=str(amount), key=scene.key(f"back-{payment}")
            )

    return await _emptied("a payment that is not refunded", owed, give_back)


async def _invoices(scene: Scene) -> list[str]:
    patient = await _patient(scene)
    if patient is None:
        return []

    async def standing() -> list[str]:
        listed = (await scene.organization.ask("Invoices", sender_id=patient)).nodes()
        return [each["id"] for each in listed if each["status"] not in {"Paid", "Voided"}]

    async def remove(invoice: str) -> None:
        await scene.organization.ask("RemoveInvoice", id=invoice)

    return await _emptied("an open invoice", standing, remove)


async def _cards(scene: Scene) -> list[str]:
    patient = await _patient(scene)
    if patient is None:
        return []

    async def remove(card: str) -> None:
        await scene.organization.ask("RemoveCard", user_id=patient, card_id=card)

    return await _emptied("a card", lambda: _ids(scene, "CardsOf", user_id=patient), remove)


async def _keys(scene: Scene) -> list[str]:
    pages = scene.notebook.pages
    if "key" not in pages.made and "key" not in pages.intended:
        return []
    return await _emptied_by_name(scene, "an API key", "Keys", "RemoveKey")


async def _plans(scene: Scene) -> list[str]:
    return await _emptied_by_name(scene, "a plan", "Plans", "RemovePlan")


async def _forms(scene: Scene) -> list[str]:
    return await _emptied_by_name(scene, "a form", "Forms", "RemoveForm")


async def _visit_types(scene: Scene) -> list[str]:
    return await _emptied_by_name(scene, "a visit type", "VisitTypes", "RemoveVisitType")


async def _hours(scene: Scene) -> list[str]:
    async def remove(hours: str) -> None:
        await scene.clinician.ask("RemoveHours", id=hours)

    return await _nameless(scene, HOURS, scene.hours_like_ours, remove)


async def _webhooks(scene: Scene) -> list[str]:
    async def remove(webhook: str) -> None:
        await scene.organization.ask("RemoveWebhook", id=webhook)

    return await _nameless(scene, WEBHOOK, scene.webhooks_like_ours, remove)


async def _nameless(
    scene: Scene, kind: str, listed: Listed, remove: Callable[[str], Awaitable[None]]
) -> list[str]:
    """Remove the rehearsal's own thing of this kind, if it was made, and list again. Raises Unknown."""
    pages = scene.notebook.pages
    own = await scene.own(kind, listed)
    if own is not None:
        await remove(own)
        if own in await listed():
            return [f"{kind}: {own}"]
    pages.made.pop(kind, None)
    if kind in pages.intended:
        pages.intended.remove(kind)
    scene.notebook.save()
    return []


async def _patients(scene: Scene) -> list[str]:
    """Archive the patients: Healthie deletes nobody."""

    async def active() -> list[str]:
        people = (await scene.organization.ask("PeopleByKeywords", keywords=scene.notebook.pages.run)).nodes()
        return [each["id"] for each in people if each["active"] and _is_ours(scene, each)]

    async def archive(patient: str) -> None:
        await scene.organization.ask("ArchivePatient", id=patient)

    return await _emptied("a patient who is not archived", active, archive)


async def _emptied_by_name(scene: Scene, what: str, listing: str, removal: str) -> list[str]:
    """Remove the records whose name begins with the run's."""

    async def named() -> list[str]:
        records = (await scene.organization.ask(listing, keywords=scene.name)).nodes()
        return [each["id"] for each in records if str(each["name"]).startswith(scene.name)]

    async def remove(record: str) -> None:
        await scene.organization.ask(removal, id=record)

    return await _emptied(what, named, remove)


async def _emptied(
    what: str, listed: Callable[[], Awaitable[list[str]]], remove: Callable[[str], Awaitable[None]]
) -> list[str]:
    """Remove everything that is listed, and list again: that is the proof."""
    for record in await listed():
        await remove(record)
    return [f"{what}: {record}" for record in await listed()]


async def _ids(scene: Scene, listing: str, **variables: object) -> list[str]:
    return [each["id"] for each in (await scene.organization.ask(listing, **variables)).nodes()]


async def _everybody(scene: Scene) -> list[str]:
    """The run's patients, archived or not."""
    run, found = scene.notebook.pages.run, set[str]()
    for status in ("active", "archived"):
        listed = await scene.organization.ask("PeopleByKeywords", keywords=run, active_status=status)
        found |= {each["id"] for each in listed.nodes() if _is_ours(scene, each)}
    return sorted(found)


def _is_ours(scene: Scene, person: Mapping[str, Any]) -> bool:
    """Whether a record is one of the run's people: by whole names and email, since keywords find parts of anything."""
    names = person["first_name"], person["last_name"]
    return names in scene.people_names and (person["email"] or None) in {None, scene.email}


async def _patient(scene: Scene) -> str | None:
    """The patient, without making one."""
    pages = scene.notebook.pages
    return await scene.patient() if "patient" in pages.made or "patient" in pages.intended else None


def _owed(payments: Iterable[dict[str, Any]]) -> dict[str, Decimal]:
    """What of each charge was not refunded, by the id of its first payment: a charge may have several payments in the list."""
    charges: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for each in payments:
        if each["state"] == "SUCCEEDED" and each["stripe_charge_id"]:
            charges[each["stripe_charge_id"]].append(each)
    kept = {
        listed[0]["id"]: max(amount_of(each["amount_paid"]) for each in listed)
        - sum((amount_of(each["refund_amount"]) for each in listed), Decimal(0))
        for listed in charges.values()
    }
    return {payment: amount for payment, amount in kept.items() if amount > 0}
