"""What a rehearsal sends stands in the contract, and what it asks in its page."""

import pytest
from graphql import FieldNode, OperationDefinitionNode, build_schema, parse, validate

from integrations.healthie.rehearsal.asking import DOCUMENTS
from integrations.healthie.rehearsal.asking import documents as known_documents
from integrations.healthie.rehearsal.rehearse import (
    QUESTIONS,
    NotRehearsable,
    require_sandbox,
)
from tests.doubles.healthie_documents import HEALTHIE
from tools.document_rehearsal import PART

PARSED = parse(DOCUMENTS.read_text())


def test_its_documents_stand_in_the_contract() -> None:
    assert validate(build_schema((HEALTHIE / "contract.graphql").read_text()), PARSED) == []


def test_each_document_has_one_root_field() -> None:
    operations = [each for each in PARSED.definitions if isinstance(each, OperationDefinitionNode)]
    assert len(operations) == len(known_documents())
    for each in operations:
        (root,) = each.selection_set.selections
        assert isinstance(root, FieldNode)


def test_no_two_questions_share_a_name() -> None:
    assert len({each.name for each in QUESTIONS}) == len(QUESTIONS)


def test_its_page_lists_every_question() -> None:
    text = PART.page.read_text()
    assert PART.documented(text) == text, "run python -m tools.document_rehearsal"


@pytest.mark.parametrize(
    "url",
    [
        "https://api.gethealthie.com/graphql",
        "https://staging-api.gethealthie.com.example.invalid/graphql",
        "https://example.invalid/?staging-api.gethealthie.com",
        "https://staging-api.gethealthie.com@example.invalid/graphql",
        "graphql",
    ],
)
def test_only_a_sandbox_is_rehearsed_on(url: str) -> None:
    with pytest.raises(NotRehearsable, match="is no sandbox"):
        require_sandbox(url)


@pytest.mark.parametrize(
    "url",
    ["https://staging-api.gethealthie.com/graphql", "http://127.0.0.1:8010/graphql", "http://[::1]/graphql"],
)
def test_healthies_sandbox_and_an_emulator_are(url: str) -> None:
    require_sandbox(url)
