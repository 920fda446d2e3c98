"""The documents that we send, read as they stand in operations/."""

from pathlib import Path
from typing import Any

import pytest
from graphql import (
    FieldNode,
    FragmentSpreadNode,
    IntValueNode,
    build_schema,
    validate,
)

from integrations.healthie.base import TagForbidden, forbid_tags
from tests.doubles.healthie_documents import DOCUMENT, FILES, FRAGMENTS, HEALTHIE, OPERATIONS

# Healthie's guide on rate limits: a request may cost this much, and a connection multiplies what is selected by its page size.
HIGHEST_COST = 2000


def cost(node: Any) -> Any:
    if isinstance(node, FragmentSpreadNode):
        return cost(FRAGMENTS[node.name.value])
    selected = sum(cost(each) for each in (node.selection_set.selections if node.selection_set else ()))
    if not isinstance(node, FieldNode):
        return selected
    sizes = [a.value for a in node.arguments or () if a.name.value == "first"]
    pages = 1
    for size in sizes:
        assert isinstance(size, IntValueNode)
        pages = int(size.value)
    return 1 + pages * selected


def connections(node: Any) -> Any:
    selected = node.selection_set.selections if getattr(node, "selection_set", None) else ()
    if any(isinstance(each, FieldNode) and each.name.value == "page_info" for each in selected):
        yield node
    for each in selected:
        yield from connections(each)


def test_the_documents_stand_in_the_contract() -> None:
    contract = build_schema((HEALTHIE / "contract.graphql").read_text())

    assert OPERATIONS
    assert validate(contract, DOCUMENT) == []


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_no_document_names_a_tag(path: Path) -> None:
    forbid_tags(path.read_text())


@pytest.mark.parametrize(
    "document",
    [
        "mutation A { bulkApply(ids: [1]) { messages { message } } }",
        "mutation A { updateClient(input: {id: 1, tag_ids: [2]}) { user { id } } }",
        "mutation A { applyTagsToUser(input: {}) { messages { message } } }",
        "query A { user(id: 1) { active_tags { id } } }",
        "query A { tags { id } }",
    ],
)
def test_a_document_that_names_a_tag_is_refused(document: str) -> None:
    with pytest.raises(TagForbidden):
        forbid_tags(document)


def test_words_that_only_contain_the_letters_are_no_tags() -> None:
    forbid_tags("query A { stage advantage vintage percentage }")


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.name.value)
def test_an_operation_costs_less_than_healthie_allows(operation: Any) -> None:
    assert cost(operation) <= HIGHEST_COST


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.name.value)
def test_every_connection_states_its_page_size(operation: Any) -> None:
    for field in connections(operation):
        assert "first" in {argument.name.value for argument in field.arguments}


def test_a_booking_enforces_availability_and_a_patient_gets_no_welcome_mail() -> None:
    documents = {path.stem: path.read_text() for path in FILES}

    assert "enforce_availability: true" in documents["scheduling"]
    assert "dont_send_welcome: true" in documents["patients"]
    assert "should_charge: true" in documents["billing"]
