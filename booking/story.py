"""The story of a checkout and what it raises: written in the transaction of the write that they tell of."""

from booking.models import Checkout, EndReason
from booking.oversight import Alert, Attention, ClinicianBlock, Event, EventKind
from booking.ports import UnitOfWork


async def tell(unit: UnitOfWork, before: Checkout, after: Checkout, *, by: str) -> None:
    """Write down a move, raise an alert for each new reason to look, block a clinician whose visit came back as another's."""
    if after.state != before.state:
        await unit.story.add(event(after, EventKind.MOVED, before=before, by=by))
    for reason in _new_reasons(before, after):
        await unit.story.add(event(after, EventKind.FLAGGED, by=by, note=reason))
        await unit.alerts.raise_once(Alert(reason=reason, subject=after.id, raised_at=after.updated_at))
    if after.end_reason is EndReason.PROVIDER_MISMATCH and before.end_reason is not after.end_reason:
        await _block(unit, after)


def event(
    after: Checkout, kind: EventKind, *, by: str, before: Checkout | None = None, note: str | None = None
) -> Event:
    """One entry of the story."""
    return Event(
        checkout_id=after.id,
        at=after.updated_at,
        kind=kind,
        before=(before or after).state,
        after=after.state,
        attempt=after.attempt,
        by=by,
        note=note,
    )


def _new_reasons(before: Checkout, after: Checkout) -> list[str]:
    if after.attention is None:
        return []
    old = before.attention.split(",") if before.attention else []
    return [reason for reason in after.attention.split(",") if reason not in old]


async def _block(unit: UnitOfWork, checkout: Checkout) -> None:
    clinician, now = checkout.slot.clinician_id, checkout.updated_at
    await unit.blocks.block(
        ClinicianBlock(
            clinician_id=clinician,
            reason=Attention.PROVIDER_MISMATCH,
            checkout_id=checkout.id,
            blocked_at=now,
        )
    )
    await unit.alerts.raise_once(
        Alert(reason=Attention.PROVIDER_MISMATCH, subject=checkout.id, raised_at=now)
    )
