"""HealthieResourceReader: reads resources, with the organisation's key, into states that hold no patient data."""

import json
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any

from booking.models import AppointmentStatus
from booking.resources import (
    AvailabilityState,
    CardState,
    ChangeHint,
    DisputeState,
    FormState,
    Kind,
    Party,
    PatientState,
    PaymentState,
    PaymentStatus,
    Resource,
    ResourceState,
    VisitState,
)
from integrations.healthie.answers import every
from integrations.healthie.asked_charge import reference_in
from integrations.healthie.changes import changed_visits
from integrations.healthie.generated.client import Client
from integrations.healthie.generated.watched_visit import WatchedVisitAppointment
from integrations.healthie.payments import nothing_in
from integrations.healthie.visits import STATUSES, reference_of
from integrations.upstream.errors import reading

# A keyed digest (HMAC) that shows only whether a text changed; the key prevents guessing names by trial.
Digest = Callable[[str], str]

_PAYMENT_STATUSES = {
    "SUCCEEDED": PaymentStatus.SUCCEEDED,
    "FAILED": PaymentStatus.FAILED,
    "SCHEDULED": PaymentStatus.SCHEDULED,
}


class HealthieResourceReader:
    """The ports ResourceReader and ChangedVisits."""

    def __init__(self, *, client: Client, digest: Digest) -> None:
        self._client = client
        self._digest = digest
        self._readers: dict[
            str, Callable[[ChangeHint, ResourceState | None], Awaitable[ResourceState | None]]
        ] = {
            Kind.VISIT: self._visit,
            Kind.PAYMENT: self._payment,
            Kind.DISPUTE: self._dispute,
            Kind.PATIENT: self._patient,
            Kind.FORM: self._form,
            Kind.CARD: self._card,
            Kind.AVAILABILITY: self._availability,
        }

    async def read(self, hint: ChangeHint, *, known: ResourceState | None) -> ResourceState | None:
        """The current state; None when Healthie has no such record (any more). Raises UpstreamUnavailable."""
        with reading():
            return await self._readers[hint.resource.kind](hint, known)

    async def changed(self, since: datetime) -> list[tuple[Resource, datetime]]:
        """Existing visits that changed at or after `since`, with the time of the change. Raises UpstreamUnavailable."""
        with reading():
            found = await changed_visits(self._client, since)
        return [(Resource(kind=Kind.VISIT, id=each.id), at) for each, at in found]

    async def standing(self, first: datetime, last: datetime) -> frozenset[str]:
        """Ids of the existing visits that start between the two times. Raises UpstreamUnavailable."""
        with reading():
            visits = await every(
                lambda after: self._client.visits_standing(start_date=first, end_date=last, after=after),
                lambda answer: answer.appointments,
            )
        return frozenset(each.id for each in visits)

    async def _visit(self, hint: ChangeHint, _known: ResourceState | None) -> ResourceState | None:
        visit = (await self._client.watched_visit(id=hint.resource.id)).appointment
        if visit is None:
            return None
        return VisitState(
            created_at=visit.created_at,
            updated_at=visit.updated_at,
            status=STATUSES.get((visit.pm_status or "").casefold(), AppointmentStatus.BOOKED),
            status_changed_at=visit.pm_status_changed_at,
            start=visit.date,
            minutes=visit.length or 0,
            clinician_id=visit.provider.id if visit.provider else None,
            patient_id=visit.user.id if visit.user else None,
            visit_type_id=visit.appointment_type.id if visit.appointment_type else None,
            checkout_id=reference_of(visit.metadata),
            deleted_at=visit.deleted_at,
            changed_by=_who(visit),
        )

    async def _payment(self, hint: ChangeHint, _known: ResourceState | None) -> ResourceState | None:
        item = (await self._client.watched_payment(id=hint.resource.id)).billing_item
        if item is None or item.deleted_at is not None:
            return None
        given = None if nothing_in(item.refund_amount) else item.refund_amount
        return PaymentState(
            created_at=item.created_at,
            updated_at=item.updated_at,
            status=_PAYMENT_STATUSES.get(item.state or "", PaymentStatus.UNKNOWN),
            patient_id=item.sender_id,
            checkout_id=reference_in(item.note),
            refund=self._digest(f"refund {item.id} {given}") if given else None,
            disputed=bool(item.charge_backs),
        )

    async def _dispute(self, hint: ChangeHint, _known: ResourceState | None) -> ResourceState | None:
        found = (await self._client.watched_dispute(id=hint.resource.id)).charge_back
        if found is None:
            return None
        return DisputeState(
            created_at=found.created_at,
            updated_at=found.updated_at,
            payment_id=found.billing_item.id if found.billing_item else None,
            patient_id=found.billing_item.sender_id if found.billing_item else None,
            status=found.status,
        )

    async def _patient(self, hint: ChangeHint, _known: ResourceState | None) -> ResourceState | None:
        person = (await self._client.watched_patient(id=hint.resource.id)).user
        if person is None:
            return None
        who: list[Any] = [
            person.first_name,
            person.last_name,
            person.email,
            person.phone_number,
            str(person.dob),
            person.timezone,
            person.dietitian_id,
        ]
        return PatientState(
            created_at=person.created_at,
            updated_at=person.updated_at,
            details=self._digest(f"patient {person.id} {json.dumps(who)}"),
            active=person.active,
        )

    async def _form(self, hint: ChangeHint, _known: ResourceState | None) -> ResourceState | None:
        form = (await self._client.watched_form(id=hint.resource.id)).form_answer_group
        if form is None or form.deleted_at is not None:
            return None
        return FormState(
            created_at=form.created_at,
            updated_at=form.updated_at,
            patient_id=form.user_id,
            completed=form.finished,
        )

    async def _card(self, hint: ChangeHint, known: ResourceState | None) -> ResourceState | None:
        """Healthie lists cards only by patient; when the patient is unknown, the latest card holders are searched."""
        patient_id = hint.about or (known.patient_id if isinstance(known, CardState) else None)
        if patient_id is None:
            return await self._latest_card(hint.resource.id)
        cards = await every(
            lambda after: self._client.watched_cards(user_id=patient_id, after=after),
            lambda answer: answer.stripe_customer_details,
        )
        mine = [card for card in cards if card.id == hint.resource.id]
        if not mine:
            return None
        return CardState(created_at=mine[0].created_at, updated_at=None, patient_id=patient_id)

    async def _latest_card(self, card_id: str) -> ResourceState | None:
        holders = await self._client.latest_card_holders()
        for holder in (*(holders.active.nodes or ()), *(holders.archived.nodes or ())):
            for card in (holder.stripe_customer_details if holder else None) or ():
                if holder is not None and card.id == card_id:
                    return CardState(created_at=card.created_at, updated_at=None, patient_id=holder.id)
        return None

    async def _availability(self, hint: ChangeHint, _known: ResourceState | None) -> ResourceState | None:
        found = (await self._client.watched_availability(id=hint.resource.id)).availability
        if found is None:
            return None
        hours = found.model_dump_json(exclude={"id", "created_at", "updated_at", "user_id"})
        return AvailabilityState(
            created_at=found.created_at,
            updated_at=found.updated_at,
            clinician_id=str(found.user_id) if found.user_id is not None else None,
            hours=self._digest(f"hours {hours}"),
        )


def _who(visit: WatchedVisitAppointment) -> Party | None:
    """Who set the visit's status, else who changed it last."""
    who = visit.pm_status_last_changed_by_id if visit.pm_status else None
    who = who or visit.last_updated_by_id
    if who is None:
        return None
    if visit.user is not None and who == visit.user.id:
        return Party.PATIENT
    if visit.provider is not None and who == visit.provider.id:
        return Party.CLINICIAN
    return Party.STAFF
