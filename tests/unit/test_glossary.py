"""The glossary: every term once, in order, and each where it says."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "glossary.md").read_text(encoding="utf-8")

ROW = re.compile(r"^\| \*\*(.+?)\*\* \| (.+?) \|(.*)\|$", re.MULTILINE)

# A module, and what in it bears the term.
PLACE = re.compile(r"`([\w/]+\.py)`(?: \(`(\w+)`\))?")
PLACES = sorted(set(PLACE.findall(PAGE)))


def test_every_term_stands_there_once_in_the_order_of_the_alphabet() -> None:
    terms = [term for term, _, _ in ROW.findall(PAGE)]
    assert len(terms) == PAGE.count("\n| **") > 50
    assert terms == sorted(set(terms), key=str.lower)


@pytest.mark.parametrize(("path", "name"), PLACES)
def test_a_term_is_where_the_glossary_says(path: str, name: str) -> None:
    module = (ROOT / path).read_text(encoding="utf-8")
    assert not name or re.search(rf"^(?:class )?{name}\b", module, re.MULTILINE)
