"""Writes the history, alerts, clinician blocks and domain events of a transition, in the transition's own transaction."""

from collections.abc import Mapping

from booking.checkout.model import Checkout, EndReason
from booking.checkout.model import CheckoutState as S
from booking.checkout.transitions import LATE
from booking.events.model import DomainEvent, EventName, event_id
from booking.operations.model import Alert, AttentionReason, ClinicianBlock, HistoryEntry, HistoryKind
from booking.resources import Kind, Resource
from booking.stored_names import Unknown
from booking.unit_of_work import UnitOfWork

# The domain event of each end. Undoing a late finding does not change how the checkout ended, and emits none.
_ENDS: Mapping[str, EventName] = {
    S.CONFIRMED: EventName.CHECKOUT_CONFIRMED,
    S.REFUNDED: EventName.CHECKOUT_REFUNDED,
    S.CANCELLED: EventName.CHECKOUT_CANCELLED,
    S.SLOT_LOST: EventName.CHECKOUT_SLOT_LOST,
    S.EXPIRED: EventName.CHECKOUT_EXPIRED,
}


async def record_transition(
    unit: UnitOfWork,
    before: Checkout,
    after: Checkout,
    *,
    by: str,
    entry: HistoryKind | None = None,
    note: str | None = None,
) -> None:
    """Write a transition's history entry and its effects.

    `entry` is a patient's or operator's action; None: a driver's transition. Raises an alert for each new attention
    reason and for a late finding; blocks a clinician whose visit was read back under another name; adds domain events to
    the outbox.
    """
    for kind in _transition_kinds(before, after) if entry is None else (entry,):
        await unit.history.add(history_entry(after, kind, before=before, by=by, note=note))
    for reason in _new_reasons(before, after):
        await unit.history.add(history_entry(after, HistoryKind.FLAGGED, by=by, note=reason))
        await unit.alerts.raise_once(Alert(reason=reason, subject=after.id, raised_at=after.updated_at))
    if after.state in LATE and before.state not in LATE:
        found = Alert(reason=AttentionReason.LATE_FOUND, subject=after.id, raised_at=after.updated_at)
        await unit.alerts.raise_once(found)
    if after.end_reason is EndReason.PROVIDER_MISMATCH and before.end_reason is not after.end_reason:
        await _block(unit, after)
    await publish(unit, before, after)


async def publish(unit: UnitOfWork, before: Checkout, after: Checkout) -> None:
    """Add the domain events of an end and of a new attention reason. The last write of its transaction: see EventOutbox."""
    names = [_ENDS[after.stands]] if after.stands != before.stands and after.stands in _ENDS else []
    if _new_reasons(before, after):
        names.append(EventName.CHECKOUT_NEEDS_ATTENTION)
    if names:
        await unit.outbox.add([_domain_event(after, name) for name in names])


def history_entry(
    after: Checkout, kind: HistoryKind, *, by: str, before: Checkout | None = None, note: str | None = None
) -> HistoryEntry:
    """Build a history entry; without `before` it is no transition."""
    return HistoryEntry(
        checkout_id=after.id,
        at=after.updated_at,
        kind=kind,
        before=(before or after).state,
        after=after.state,
        attempt=after.attempt,
        by=by,
        note=note,
    )


def _transition_kinds(before: Checkout, after: Checkout) -> list[HistoryKind]:
    requoted = [HistoryKind.REQUOTED] if after.quote != before.quote else []
    return [*requoted, HistoryKind.MOVED] if after.state != before.state else requoted


def _new_reasons(before: Checkout, after: Checkout) -> list[AttentionReason | Unknown]:
    return [reason for reason in after.attention if reason not in before.attention]


async def _block(unit: UnitOfWork, checkout: Checkout) -> None:
    clinician, now = checkout.slot.clinician_id, checkout.updated_at
    await unit.blocks.block(
        ClinicianBlock(
            clinician_id=clinician,
            reason=AttentionReason.PROVIDER_MISMATCH,
            checkout_id=checkout.id,
            blocked_at=now,
        )
    )
    await unit.alerts.raise_once(
        Alert(reason=AttentionReason.PROVIDER_MISMATCH, subject=checkout.id, raised_at=now)
    )


def _domain_event(checkout: Checkout, name: EventName) -> DomainEvent:
    resource = Resource(kind=Kind.CHECKOUT, id=checkout.id)
    ids = {
        "checkout": checkout.id,
        "clinician": checkout.slot.clinician_id,
        "patient": checkout.patient_id,
        "appointment": checkout.appointment_id,
        "payment": checkout.charge.billing_item_id if checkout.charge else None,
    }
    return DomainEvent(
        id=event_id(resource, checkout.version, name),
        name=name,
        at=checkout.updated_at,
        resource=resource,
        ids={what: value for what, value in ids.items() if value is not None},
    )
