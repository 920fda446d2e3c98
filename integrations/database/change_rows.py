"""Maps a requested change to a database row and back: scalars in columns, larger values as JSON documents, the patient's words sealed."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from pydantic import TypeAdapter, ValidationError
from sqlalchemy import RowMapping

from booking.changes.model import (
    Action,
    ActionKind,
    ActionState,
    ChangeEndReason,
    ChangeKind,
    ChangeState,
    RequestedChange,
    SubjectKind,
)
from booking.errors import UnknownState
from booking.money import Money
from booking.operations.model import ChangeSummary
from booking.slots import Slot
from booking.stored_names import known, known_or_none
from integrations.database.sealing import Sealer
from integrations.database.tables.changes import requested_changes

_SLOT = TypeAdapter[Slot | None](Slot | None)
_AMOUNT = TypeAdapter[Money | None](Money | None)
_MOMENT = TypeAdapter[datetime | None](datetime | None)
_RESULT = TypeAdapter[dict[str, str]](dict[str, str])

# Attributes that are stored as they are.
_SCALARS = (
    "id",
    "version",
    "owner",
    "by_staff",
    "patient_id",
    "appointment_id",
    "hold_id",
    "time_zone",
    "checkout_id",
    "quote_id",
    "reason_id",
    "late",
    "payment_id",
    "charge_id",
    "card_id",
    "charged_by",
    "recurring_payment_id",
    "new_appointment_id",
    "tries",
    "lease_owner",
    "lease_until",
    "due_at",
    "created_at",
    "updated_at",
    "ended_at",
)
_NAMES = ("kind", "state", "end_reason")

# Subjects that no other column names.
_SUBJECTS = {SubjectKind.MEMBERSHIP: "membership_id", SubjectKind.INVOICE: "invoice_id"}

# Somebody's own words.
SEALED = ("reason", "note")

# Separates the attention reasons in their column.
_REASONS = ","

# Actions after which the visit does not take its former time any more.
_FREEING = {ActionKind.CANCEL_VISIT, ActionKind.MOVE_VISIT}


def to_row(change: RequestedChange, sealer: Sealer) -> dict[str, Any]:
    """Return the columns of a change, but for `freed_at`, which is written once."""
    row: dict[str, Any] = {name: getattr(change, name) for name in (*_SCALARS, *_NAMES)}
    slot, new_slot = change.slot, change.new_slot
    return row | {
        "subject_kind": change.subject.kind,
        "subject_id": change.subject.id,
        "slot": _SLOT.dump_python(slot, mode="json"),
        "clinician_id": slot.clinician_id if slot else None,
        "starts_at": slot.start if slot else None,
        "new_slot": _SLOT.dump_python(new_slot, mode="json"),
        "new_clinician_id": new_slot.clinician_id if new_slot else None,
        "new_starts_at": new_slot.start if new_slot else None,
        "new_ends_at": new_slot.end if new_slot else None,
        "refunded_before": _AMOUNT.dump_python(change.refunded_before, mode="json"),
        **{name: _sealed(change, name, sealer) for name in SEALED},
        "actions": [_to_document(action) for action in change.actions],
        "attention": _REASONS.join(change.attention) or None,
    }


def from_row(row: RowMapping, sealer: Sealer) -> RequestedChange:
    """Build the change from its columns; names of a newer release are kept as text (Unknown).

    Raises SealBroken; UnknownState for a document of a newer release that cannot be read.
    """
    values: dict[str, Any] = {name: row[name] for name in _SCALARS}
    values |= {name: _opened(row, name, sealer) for name in SEALED}
    for kind, name in _SUBJECTS.items():
        values[name] = row["subject_id"] if row["subject_kind"] == kind else None
    try:
        values |= {
            "slot": _SLOT.validate_python(row["slot"]),
            "new_slot": _SLOT.validate_python(row["new_slot"]),
            "refunded_before": _AMOUNT.validate_python(row["refunded_before"]),
            "actions": tuple(map(_from_document, row["actions"])),
        }
    except (ValidationError, KeyError, ValueError):
        raise UnknownState(row["id"]) from None  # the cause quotes values
    return RequestedChange(
        **values,
        kind=known(ChangeKind, row["kind"]),
        state=known(ChangeState, row["state"]),
        end_reason=known_or_none(ChangeEndReason, row["end_reason"]),
        attention=_attention(row),
    )


def to_summary(row: RowMapping) -> ChangeSummary:
    """Build what operators see of a row from the listed columns, also for a row of a newer release."""
    return ChangeSummary(**{**row, "attention": _attention(row)})


def has_freed_its_time(change: RequestedChange) -> bool:
    """Whether the visit was cancelled or moved by the change, and this was read back."""
    return any(action.kind in _FREEING and action.state is ActionState.DONE for action in change.actions)


def _to_document(action: Action) -> dict[str, Any]:
    return {
        "kind": action.kind,
        "state": action.state,
        "amount": _AMOUNT.dump_python(action.amount, mode="json"),
        "intended_at": _MOMENT.dump_python(action.intended_at, mode="json"),
        "ended_at": _MOMENT.dump_python(action.ended_at, mode="json"),
        "result": dict(action.result),
    }


def _from_document(stored: Mapping[str, Any]) -> Action:
    """Decode an action; members that only a newer release knows are ignored. Raises ValueError, KeyError."""
    return Action(
        kind=known(ActionKind, stored["kind"]),
        state=ActionState(stored["state"]),
        amount=_AMOUNT.validate_python(stored["amount"]),
        intended_at=_MOMENT.validate_python(stored["intended_at"]),
        ended_at=_MOMENT.validate_python(stored["ended_at"]),
        result=_RESULT.validate_python(stored["result"]),
    )


def _attention(row: RowMapping) -> tuple[str, ...]:
    return tuple(row["attention"].split(_REASONS)) if row["attention"] else ()


def _sealed(change: RequestedChange, name: str, sealer: Sealer) -> dict[str, str] | None:
    words = getattr(change, name)
    return None if words is None else sealer.seal(words, place=_place(change.id, name))


def _opened(row: RowMapping, name: str, sealer: Sealer) -> str | None:
    return None if row[name] is None else sealer.open(row[name], place=_place(row["id"], name))


def _place(change_id: str, column: str) -> str:
    return f"{requested_changes.name}/{change_id}/{column}"
