"""Maps a checkout to a database row and back: scalars in columns, larger values as JSON documents, patient details sealed."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from pydantic import TypeAdapter, ValidationError
from sqlalchemy import RowMapping

from booking.checkout.model import Attempt, Checkout, CheckoutState, EndReason, LateFinding
from booking.errors import UnknownState
from booking.models import CardChoice, Charge, EmailCode, GuestDetails, Quote
from booking.money import Money
from booking.operations.model import AttentionReason, CheckoutSummary
from booking.refusals import DeclineReason
from booking.slots import Slot
from booking.stored_names import known, known_or_none
from integrations.database.sealing import Sealer
from integrations.database.tables.checkouts import checkouts

# Columns that hold a domain value as a JSON document.
_DOCUMENTS: dict[str, TypeAdapter[Any]] = {
    "slot": TypeAdapter(Slot),  # of a checkout without one: see _NO_SLOT
    "quote": TypeAdapter(Quote),
    "guest": TypeAdapter(GuestDetails | None),
    "email_code": TypeAdapter(EmailCode | None),
    "card": TypeAdapter(CardChoice | None),
    "charge": TypeAdapter(Charge | None),
    "refunded": TypeAdapter(Money | None),
    "attempts": TypeAdapter(tuple[Attempt, ...]),
    "late": TypeAdapter(LateFinding | None),
    "resolved_ids": TypeAdapter(tuple[str, ...]),
}

# The documents with patient details: sealed, and cleared when the checkout ends.
_SEALED = ("guest", "card")

# Attributes whose column has the name of an earlier release: processes of two releases may share one database.
_COLUMNS = {"checks": "looks", "resolved_ids": "settled"}

# Attributes that are stored as they are.
_SCALARS = (
    "id",
    "version",
    "state",
    "owner",
    "started_by",
    "hold_id",
    "time_zone",
    "email_verified_at",
    "patient_id",
    "patient_created",
    "attempt",
    "card_id",
    "confirm_deadline",
    "declined",
    "appointment_id",
    "end_reason",
    "attention_from",
    "ended_at",
    "checks",
    "cancel_requested",
    "tries",
    "intended_at",
    "lease_owner",
    "lease_until",
    "due_at",
    "hold_expires_at",
    "created_at",
    "updated_at",
)

# What the columns of the slot hold where there is none. None of them may be null, and releases that know no such checkout must neither
# drive it nor take its time for a visit's: they cannot read this document, so they leave the row alone, and the span overlaps no other.
_NO_SLOT: Mapping[str, Any] = {}
_NO_TIME = datetime(1970, 1, 1, tzinfo=UTC)

# Separates the attention reasons in their column.
_REASONS = ","


def to_row(checkout: Checkout, sealer: Sealer, *, was: Checkout | None = None) -> dict[str, Any]:
    """Return the columns of a checkout: those that differ from `was`, or all."""
    values = _changes(checkout, was) if was is not None else vars(checkout)
    row = {name: value for name, value in values.items() if name not in _DOCUMENTS and name != "sold_by"}
    for name in values.keys() & _DOCUMENTS.keys():
        row[name] = _dump(name, values[name])
        if name in _SEALED and row[name] is not None:
            row[name] = sealer.seal(row[name], place=_sealing_place(checkout.id, name))
    if "attention" in values:
        row["attention"] = _REASONS.join(checkout.attention) or None
    if {"slot", "sold_by"} & values.keys():
        row["clinician_id"] = checkout.clinician_id
        row["starts_at"] = checkout.slot.start if checkout.slot else _NO_TIME
        row["ends_at"] = checkout.slot.end if checkout.slot else _NO_TIME
    if "charge" in values:
        row["billing_item_id"] = checkout.charge.billing_item_id if checkout.charge else None
        row["charge_id"] = checkout.charge.charge_id if checkout.charge else None
    return {_column(name): value for name, value in row.items()}


def _dump(name: str, value: Any) -> Any:
    if name == "slot" and value is None:
        return _NO_SLOT
    return _DOCUMENTS[name].dump_python(value, mode="json")


def _changes(checkout: Checkout, was: Checkout) -> dict[str, Any]:
    before = vars(was)
    changes = {
        name: value
        for name, value in vars(checkout).items()
        if value is not before[name] and value != before[name]
    }
    return changes | {"due_at": checkout.due_at}  # `defer` may have moved it, at the same version


def from_row(row: RowMapping, sealer: Sealer) -> Checkout:
    """Build the checkout from its columns; names of a newer release are kept as text (Unknown).

    Raises SealBroken; UnknownState for a document of a newer release that cannot be read.
    """
    values: dict[str, Any] = {name: row[_column(name)] for name in _SCALARS}
    opened = {
        name: sealer.open(row[name], place=_sealing_place(row["id"], name))
        for name in _SEALED
        if row[name] is not None
    }
    values |= _documents(row, opened)
    if "slot" not in values:
        values |= {"slot": None, "sold_by": row["clinician_id"]}
    values["state"] = known(CheckoutState, row["state"])
    values["attention"] = tuple(known(AttentionReason, reason) for reason in _reasons(row))
    values["attention_from"] = known_or_none(CheckoutState, row["attention_from"])
    values["declined"] = known_or_none(DeclineReason, row["declined"])
    values["end_reason"] = known_or_none(EndReason, row["end_reason"])
    return Checkout(**values)


def _documents(row: RowMapping, opened: Mapping[str, Any]) -> dict[str, Any]:
    """Decode the documents; members that only a newer release knows are ignored. Raises UnknownState."""
    try:
        return {
            name: codec.validate_python(opened.get(name, row[_column(name)]))
            for name, codec in _DOCUMENTS.items()
            if name != "slot" or row["slot"] != _NO_SLOT
        }
    except ValidationError:
        raise UnknownState(row["id"]) from None  # the cause quotes values


def with_unknown_parts(
    ours: Sequence[Mapping[str, Any]], stored: Sequence[Mapping[str, Any]]
) -> list[Mapping[str, Any]]:
    """Merge an append-only list with its stored form, so that parts that a newer release wrote to its members are kept."""
    known_so_far = [{**before, **now} for before, now in zip(stored, ours, strict=False)]
    return [*known_so_far, *ours[len(known_so_far) :]]


def to_summary(row: RowMapping) -> CheckoutSummary:
    """Build what operators see of a row from the listed columns, also for a row of a newer release."""
    starts_at = row["starts_at"] if row["starts_at"] != _NO_TIME else None
    return CheckoutSummary(**{**row, "attention": _reasons(row), "starts_at": starts_at})


def _reasons(row: RowMapping) -> tuple[str, ...]:
    return tuple(row["attention"].split(_REASONS)) if row["attention"] else ()


def _column(attribute: str) -> str:
    return _COLUMNS.get(attribute, attribute)


def _sealing_place(checkout_id: str, column: str) -> str:
    return f"{checkouts.name}/{checkout_id}/{column}"
