"""The secret of a seat in a group lets whoever has it give the seat up without a key: nothing asks Healthie for it, or sends it."""

from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
OPERATIONS = sorted((ROOT / "integrations/healthie/operations").glob("*.graphql"))
SECRETS = ("external_uuid", "appointment_inclusion_uuid")


def statements(text: str) -> str:
    """A document without its comments."""
    return "\n".join(line for line in text.splitlines() if not line.lstrip().startswith("#"))


@pytest.mark.parametrize("path", OPERATIONS, ids=lambda path: path.stem)
def test_no_document_asks_for_it(path: Path) -> None:
    text = statements(path.read_text(encoding="utf-8"))
    assert not [name for name in SECRETS if name in text]


def test_the_documents_are_there() -> None:
    asked = "".join(path.read_text(encoding="utf-8") for path in OPERATIONS)
    assert "attended_clients" in asked, "seats are asked for"
    assert len(OPERATIONS) > 10
