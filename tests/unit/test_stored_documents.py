"""What a release stored is read by the next ones, and what the next ones store besides is passed over by it."""

import json
from pathlib import Path
from typing import Any

import pytest

from booking.audit.chain import entry_of
from booking.changes.model import ActionKind
from integrations.database.change_rows import _AMOUNT, _SLOT, _from_document
from integrations.database.checkout_rows import _COLUMNS, _DOCUMENTS, with_unknown_parts
from integrations.database.snapshots import _STATES

FIELDS = {column: field for field, column in _COLUMNS.items()}  # of columns that are called otherwise
STORED: dict[str, Any] = json.loads(
    (Path(__file__).parents[1] / "data" / "stored-documents.json").read_text(encoding="utf-8")
)


def with_more(value: Any) -> Any:
    """The same as a version stores it that has another part everywhere."""
    if isinstance(value, list):
        return [with_more(one) for one in value]
    if isinstance(value, dict):
        return {name: with_more(one) for name, one in value.items()} | {"of_tomorrow": {"more": 7}}
    return value


@pytest.mark.parametrize("column", sorted(STORED["checkouts"]))
def test_a_document_of_a_checkout_is_read_by_every_version(column: str) -> None:
    """A new part of a value needs a default: what is stored already has it not."""
    stored, codec = STORED["checkouts"][column], _DOCUMENTS[FIELDS.get(column, column)]
    value = codec.validate_python(stored)
    assert value
    assert codec.validate_python(with_more(stored)) == value


def test_the_documents_of_a_change_are_read_by_every_version() -> None:
    stored = STORED["requested_changes"]
    for codec, column in ((_SLOT, "slot"), (_SLOT, "new_slot"), (_AMOUNT, "refunded_before")):
        value = codec.validate_python(stored[column])
        assert value
        assert codec.validate_python(with_more(stored[column])) == value
    actions = [_from_document(one) for one in stored["actions"]]
    assert [one.kind for one in actions] == [ActionKind.CANCEL_VISIT, ActionKind.REFUND]
    more = [{**one, "of_tomorrow": {"more": 7}} for one in stored["actions"]]
    assert [_from_document(one) for one in more] == actions


@pytest.mark.parametrize("kind", sorted(STORED["snapshots"]))
def test_a_snapshot_is_read_by_every_version(kind: str) -> None:
    state = _STATES[kind].validate_python(STORED["snapshots"][kind])
    assert _STATES[kind].validate_python(with_more(STORED["snapshots"][kind])) == state


def test_an_audit_record_is_read_by_every_version() -> None:
    record = STORED["audit"]
    assert entry_of(json.dumps(record | {"of_tomorrow": 7})) == entry_of(json.dumps(record))


def test_what_a_newer_version_wrote_of_a_list_stays_when_it_is_added_to() -> None:
    stored = [{"number": 1, "of_tomorrow": 7}, {"number": 2}]
    ours = [{"number": 1}, {"number": 2}, {"number": 3}]
    assert with_unknown_parts(ours, stored) == [*stored, {"number": 3}]
    assert with_unknown_parts(ours, []) == ours
