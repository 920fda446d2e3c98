"""The only writer of requested changes: one transaction a write, with the history and the alerts that belong to it.

A write is rejected when the row's version has moved on (optimistic locking). The repository releases the slot claim of a change
that ends, and marks what was changed upstream to be read again.
"""

from collections.abc import Sequence

from booking.changes.model import ChangeEndReason, ChangeState, RequestedChange, Subject
from booking.changes.repository import ChangeEntry, RescheduleClaim
from booking.operations.model import Alert, AttentionReason, ClinicianBlock, HistoryKind
from booking.principals import kind_of
from booking.refusals import HoldInCheckout
from booking.unit_of_work import Scope, UnitOfWork, UnitOfWorkFactory


class ChangeWriter:
    """Writes rows of requested changes."""

    def __init__(self, *, units: UnitOfWorkFactory) -> None:
        self._units = units

    async def load(self, change_id: str) -> RequestedChange:
        """Read the current row; the change must exist (AssertionError)."""
        async with self._units(Scope.READING) as unit:
            change = await unit.changes.get(change_id)
        if change is None:
            raise AssertionError("a change that is driven exists")
        return change

    async def of_subject(self, subject: Subject) -> Sequence[RequestedChange]:
        """Read all changes of the subject, the first one first."""
        async with self._units(Scope.READING) as unit:
            return await unit.changes.of_subject(subject)

    async def insert(self, change: RequestedChange, *, latest: str | None) -> RequestedChange | None:
        """Insert a new row at version 1, with the claim on its new slot. Returns None; or, with nothing inserted, another one.

        `latest`: the id of the subject's last change, as it was read with the subject. The other one is the subject's open one, or one that
        has ended since: the subject is not any more as it was read.

        Raises SlotTaken; HoldInCheckout and HoldExpired (the hold is used by a checkout, or by another change). Then nothing is
        inserted.
        """
        async with self._units() as unit:
            if change.hold_id is not None and await unit.checkouts.live_for_hold(change.hold_id) is not None:
                raise HoldInCheckout
            # Without the note of staff: it may name a patient, and is kept sealed on the row.
            entry = _entry(change, HistoryKind.REQUESTED, by=kind_of(change.owner))
            if (standing := await unit.changes.add(change, history=(entry,))) is not None:
                return standing
            others = [one for one in await unit.changes.of_subject(change.subject) if one.id != change.id]
            if others and others[-1].id != latest:
                return others[-1]
            if (claim := RescheduleClaim.of(change)) is not None:
                await unit.claims.take(claim)
            await unit.commit()
        return None

    async def write(self, before: RequestedChange, after: RequestedChange, *, by: str) -> RequestedChange:
        """Write the row that follows `before`, the row as it was read; returns it at its next version. Raises StaleChange."""
        async with self._units() as unit:
            saved = await unit.changes.save(after, was=before, history=_history(before, after, by=by))
            await _write_alerts(unit, before, after)
            await unit.commit()
        return saved

    async def write_for_operator(
        self,
        before: RequestedChange,
        after: RequestedChange,
        kind: HistoryKind,
        *,
        operator: str,
        note: str | None,
    ) -> RequestedChange:
        """Write an operator's action. Forgets alerts sent for the change, so that what is still wrong is alerted again.

        Raises StaleChange.
        """
        entry = _entry(after, kind, by=operator, before=before, note=note)
        async with self._units() as unit:
            saved = await unit.changes.save(after, was=before, history=(entry,))
            await unit.alerts.forget(saved.id)
            await unit.commit()
        return saved


def _history(before: RequestedChange, after: RequestedChange, *, by: str) -> Sequence[ChangeEntry]:
    moved = _place(before) != _place(after)
    entries = [_entry(after, HistoryKind.MOVED, by=by, before=before)] if moved else []
    return [
        *entries,
        *(_entry(after, HistoryKind.FLAGGED, by=by, note=why) for why in _new_reasons(before, after)),
    ]


def _entry(
    after: RequestedChange,
    kind: HistoryKind,
    *,
    by: str,
    before: RequestedChange | None = None,
    note: str | None = None,
) -> ChangeEntry:
    return ChangeEntry(
        change_id=after.id,
        at=after.updated_at,
        kind=kind,
        before=_place(before or after),
        after=_place(after),
        by=by,
        note=note,
    )


def _place(change: RequestedChange) -> str:
    """Where the change stands: its action and how far that has come; its state, when no driver works on it."""
    if change.state is not ChangeState.OPEN or (index := change.at) is None:
        return change.state
    return f"{change.actions[index].kind} {change.actions[index].state}"


def _new_reasons(before: RequestedChange, after: RequestedChange) -> list[str]:
    return [why for why in after.attention if why not in before.attention]


async def _write_alerts(unit: UnitOfWork, before: RequestedChange, after: RequestedChange) -> None:
    """Alert of each new reason; block a clinician whose new visit was read back under another name."""
    reasons = _new_reasons(before, after)
    mismatch = ChangeEndReason.PROVIDER_MISMATCH
    if after.end_reason is mismatch and before.end_reason is not mismatch and after.new_slot is not None:
        reasons.append(AttentionReason.PROVIDER_MISMATCH)
        await unit.blocks.block(
            ClinicianBlock(
                clinician_id=after.new_slot.clinician_id,
                reason=AttentionReason.PROVIDER_MISMATCH,
                checkout_id=after.id,
                blocked_at=after.updated_at,
            )
        )
    for why in reasons:
        await unit.alerts.raise_once(Alert(reason=why, subject=after.id, raised_at=after.updated_at))
