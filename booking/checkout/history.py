"""The history, alerts, clinician blocks and domain events of transitions; the writer writes them with the row."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

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


def history_of(
    *rows: Checkout, by: str, entry: HistoryKind | None = None, note: str | None = None
) -> list[HistoryEntry]:
    """Return the history entries of transitions, each from one of these rows to the next.

    `entry` is a patient's or operator's action; None: a driver's transition.
    """
    entries: list[HistoryEntry] = []
    for before, after in pairwise(rows):
        kinds = _transition_kinds(before, after) if entry is None else (entry,)
        entries += [history_entry(after, kind, before=before, by=by, note=note) for kind in kinds]
        reasons = _new_reasons(before, after)
        entries += [history_entry(after, HistoryKind.FLAGGED, by=by, note=reason) for reason in reasons]
    return entries


@dataclass(frozen=True, kw_only=True)
class Effects:
    """What transitions do besides their rows and history."""

    alerts: Sequence[Alert]
    blocks: Sequence[ClinicianBlock]
    events: Sequence[DomainEvent]

    @property
    def are_events(self) -> bool:
        """Whether there are no others: events can be written with the row."""
        return not self.alerts and not self.blocks

    async def write(self, unit: UnitOfWork) -> None:
        """Write them. The events are the last write of their transaction: see EventOutbox."""
        for alert in self.alerts:
            await unit.alerts.raise_once(alert)
        for block in self.blocks:
            await unit.blocks.block(block)
        if self.events:
            await unit.outbox.add(self.events)


def effects_of(*rows: Checkout) -> Effects:
    """Return the effects of transitions, each from one of these rows to the next.

    An alert for each new attention reason and for a late finding, the block of a clinician whose visit was read back under
    another name, and the domain events of ends and of new attention reasons.
    """
    steps = list(pairwise(rows))
    return Effects(
        alerts=[
            Alert(reason=reason, subject=after.id, raised_at=after.updated_at)
            for before, after in steps
            for reason in _alarming(before, after)
        ],
        blocks=[_block(after) for before, after in steps if _is_mismatch(before, after)],
        events=[
            _domain_event(after, name) for before, after in steps for name in _event_names(before, after)
        ],
    )


def _alarming(before: Checkout, after: Checkout) -> list[AttentionReason | Unknown]:
    reasons = _new_reasons(before, after)
    if after.state in LATE and before.state not in LATE:
        reasons.append(AttentionReason.LATE_FOUND)
    if _is_mismatch(before, after):
        reasons.append(AttentionReason.PROVIDER_MISMATCH)
    return reasons


def _is_mismatch(before: Checkout, after: Checkout) -> bool:
    return after.end_reason is EndReason.PROVIDER_MISMATCH and before.end_reason is not after.end_reason


def _event_names(before: Checkout, after: Checkout) -> list[EventName]:
    names = [_ENDS[after.stands]] if after.stands != before.stands and after.stands in _ENDS else []
    return [*names, EventName.CHECKOUT_NEEDS_ATTENTION] if _new_reasons(before, after) else names


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


def _block(checkout: Checkout) -> ClinicianBlock:
    return ClinicianBlock(
        clinician_id=checkout.clinician_id,
        reason=AttentionReason.PROVIDER_MISMATCH,
        checkout_id=checkout.id,
        blocked_at=checkout.updated_at,
    )


def _domain_event(checkout: Checkout, name: EventName) -> DomainEvent:
    resource = Resource(kind=Kind.CHECKOUT, id=checkout.id)
    ids = {
        "checkout": checkout.id,
        "clinician": checkout.clinician_id,
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
