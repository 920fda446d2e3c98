"""Derivation of events: the difference between two states of a resource, as a pure function.

Events follow from the two snapshots alone, so duplicate, reordered and lost webhooks change nothing. The price: a visit that
was cancelled and reinstated between two refreshes yields no event.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from booking.events.model import EventName
from booking.models import AppointmentStatus
from booking.resources import (
    AvailabilityState,
    CardState,
    DisputeState,
    FormState,
    Kind,
    Party,
    PatientState,
    PaymentState,
    PaymentStatus,
    ResourceState,
    Snapshot,
    VisitState,
)

# A resource that is fetched for the first time may be years old. It yields events only when upstream dates it within this
# period: upstream retries webhooks for three days; the fourth allows for clocks and our own delays.
NEWS = timedelta(days=4)


@dataclass(frozen=True, kw_only=True)
class ObservedChange:
    """One difference, which becomes an event."""

    name: EventName
    ids: Mapping[str, str | None]
    by: Party | None = None


@dataclass(frozen=True, kw_only=True)
class Change:
    """Two states of one resource. A state is None when the resource did not exist."""

    id: str
    before: Any
    after: Any
    first: bool  # it was never fetched before
    merged: bool  # a webhook reported that two patients were merged
    now: datetime  # UTC

    def is_news(self, at: datetime | None) -> bool:
        """Whether a change that upstream dates `at` (UTC) yields an event on the first fetch."""
        return at is not None and at >= self.now - NEWS


def diff(
    before: Snapshot, after: ResourceState | None, *, merged: bool, now: datetime
) -> list[ObservedChange]:
    """The changes of a resource since snapshot `before`, in logical order.

    `after` None: it is gone upstream; `now` is UTC.
    """
    known = None if before.gone else before.state
    change = Change(
        id=before.resource.id,
        before=known,
        after=after,
        first=before.seen_at is None,
        merged=merged,
        now=now,
    )
    changes = list(_RULES[before.resource.kind](change))
    if after is None and before.state is not None:  # its related ids are known from the last state only
        return [
            ObservedChange(name=one.name, ids=_ids(before.resource.kind, change.id, before.state), by=one.by)
            for one in changes
        ]
    return changes


_STATUS_NAMES = {
    AppointmentStatus.BOOKED: EventName.APPOINTMENT_REINSTATED,
    AppointmentStatus.CANCELLED: EventName.APPOINTMENT_CANCELLED,
    AppointmentStatus.RESCHEDULED: EventName.APPOINTMENT_RESCHEDULED,
    AppointmentStatus.CHECKED_IN: EventName.APPOINTMENT_CHECKED_IN,
    AppointmentStatus.COMPLETED: EventName.APPOINTMENT_COMPLETED,
    AppointmentStatus.NO_SHOW: EventName.APPOINTMENT_NO_SHOW,
}


def _visit(change: Change) -> Iterator[ObservedChange]:
    before: VisitState | None = change.before
    after: VisitState | None = change.after
    ids = _ids(Kind.VISIT, change.id, after)
    was_there = before is not None and before.deleted_at is None
    if after is None:
        if was_there or change.first:
            yield ObservedChange(name=EventName.APPOINTMENT_DELETED, ids=ids)
        return
    if before is None and change.is_news(after.created_at):
        yield ObservedChange(name=EventName.APPOINTMENT_CREATED, ids=ids)
    if after.deleted_at is not None:  # no other change matters then
        if was_there or (before is None and change.is_news(after.deleted_at)):
            yield ObservedChange(name=EventName.APPOINTMENT_DELETED, ids=ids, by=after.changed_by)
        return
    if before is not None and not was_there:
        yield ObservedChange(name=EventName.APPOINTMENT_REINSTATED, ids=ids, by=after.changed_by)
    elif before is not None and _moved(before, after):
        yield ObservedChange(name=EventName.APPOINTMENT_RESCHEDULED, ids=ids, by=after.changed_by)
    previous = before.status if before is not None and was_there else AppointmentStatus.BOOKED
    news = change.is_news(after.status_changed_at) or change.is_news(after.created_at)
    if after.status is not previous and (before is not None or news):
        yield ObservedChange(name=_STATUS_NAMES[after.status], ids=ids, by=after.changed_by)


def _moved(before: VisitState, after: VisitState) -> bool:
    return (before.start, before.minutes, before.clinician_id) != (
        after.start,
        after.minutes,
        after.clinician_id,
    )


_PAYMENT_NAMES = {
    PaymentStatus.SUCCEEDED: EventName.PAYMENT_SUCCEEDED,
    PaymentStatus.FAILED: EventName.PAYMENT_FAILED,
}


def _payment(change: Change) -> Iterator[ObservedChange]:
    before: PaymentState | None = change.before
    after: PaymentState | None = change.after
    if after is None:
        return
    ids = _ids(Kind.PAYMENT, change.id, after)
    seen = before is not None or change.is_news(after.created_at)
    if (before is None or after.status is not before.status) and seen and after.status in _PAYMENT_NAMES:
        yield ObservedChange(name=_PAYMENT_NAMES[after.status], ids=ids)
    given = before.refund if before is not None else None
    if after.refund not in {None, given} and (before is not None or change.is_news(after.updated_at)):
        yield ObservedChange(name=EventName.PAYMENT_REFUNDED, ids=ids)


def _dispute(change: Change) -> Iterator[ObservedChange]:
    after: DisputeState | None = change.after
    if after is not None and change.before is None and change.is_news(after.created_at):
        yield ObservedChange(name=EventName.PAYMENT_DISPUTED, ids=_ids(Kind.DISPUTE, change.id, after))


def _patient(change: Change) -> Iterator[ObservedChange]:
    before: PatientState | None = change.before
    after: PatientState | None = change.after
    ids = _ids(Kind.PATIENT, change.id, after)
    if change.merged and (after is not None or before is not None or change.first):
        yield ObservedChange(name=EventName.PATIENT_MERGED, ids=ids)
    elif after is not None and before is None and change.is_news(after.created_at):
        yield ObservedChange(name=EventName.PATIENT_CREATED, ids=ids)
    elif (after is not None and before is None and change.is_news(after.updated_at)) or (
        after is not None and before is not None and _identity(after) != _identity(before)
    ):
        yield ObservedChange(name=EventName.PATIENT_UPDATED, ids=ids)


def _identity(state: PatientState) -> tuple[str, bool]:
    return state.details, state.active


def _form(change: Change) -> Iterator[ObservedChange]:
    before: FormState | None = change.before
    after: FormState | None = change.after
    if after is None or not after.completed or (before is not None and before.completed):
        return
    if before is not None or change.is_news(after.updated_at):
        yield ObservedChange(name=EventName.FORM_COMPLETED, ids=_ids(Kind.FORM, change.id, after))


def _card(change: Change) -> Iterator[ObservedChange]:
    after: CardState | None = change.after
    if after is not None and change.before is None and change.is_news(after.created_at):
        yield ObservedChange(name=EventName.CARD_ADDED, ids=_ids(Kind.CARD, change.id, after))
    if after is None and (change.before is not None or change.first):
        yield ObservedChange(name=EventName.CARD_REMOVED, ids=_ids(Kind.CARD, change.id, None))


def _availability(change: Change) -> Iterator[ObservedChange]:
    before: AvailabilityState | None = change.before
    after: AvailabilityState | None = change.after
    same = before is not None and after is not None and _hours(before) == _hours(after)
    if not same and (after is not None or before is not None or change.first):
        yield ObservedChange(
            name=EventName.AVAILABILITY_CHANGED, ids=_ids(Kind.AVAILABILITY, change.id, after)
        )


def _hours(state: AvailabilityState) -> tuple[str | None, str]:
    return state.clinician_id, state.hours


_RULES: Mapping[str, Callable[[Change], Iterator[ObservedChange]]] = {
    Kind.VISIT: _visit,
    Kind.PAYMENT: _payment,
    Kind.DISPUTE: _dispute,
    Kind.PATIENT: _patient,
    Kind.FORM: _form,
    Kind.CARD: _card,
    Kind.AVAILABILITY: _availability,
}

# The name of the resource's own id in events, where it is not that of the kind.
_OWN_NAMES: Mapping[str, str] = {Kind.VISIT: "appointment"}


def _ids(kind: str, own_id: str, state: ResourceState | None) -> dict[str, str | None]:
    """The resource's own id and, as far as known, those of the related patient, clinician, payment and checkout."""
    own = {_OWN_NAMES.get(kind, str(kind)): own_id}
    others = {
        name: getattr(state, f"{name}_id", None) for name in ("patient", "clinician", "payment", "checkout")
    }
    return {**{name: value for name, value in others.items() if value is not None}, **own}
