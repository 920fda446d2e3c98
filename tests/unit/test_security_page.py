"""SECURITY.md: every promise names tests, and every test and page that it names is there."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "SECURITY.md").read_text()

# A whole file, or one of its tests or classes of tests.
TEST = re.compile(r"`(tests/[\w/]+\.py)(?:::(\w+))?`")
LINK = re.compile(r"\]\(([\w./-]+\.md)(?:#([\w-]+))?\)")


def promises() -> list[list[str]]:
    """The rows of the table, as cells."""
    table = PAGE.partition("| promise | how it is kept | how it is shown |")[2].partition("\n\n")[0]
    return [[cell.strip() for cell in row.strip("|").split(" | ")] for row in table.splitlines()[2:]]


def named_in(path: Path) -> set[str]:
    """The names of a file's tests, and of the classes that have some."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if (isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_")) or (
            isinstance(node, ast.ClassDef) and node.name.startswith("Test")
        ):
            found.add(node.name)
    return found


def headings(path: Path) -> set[str]:
    """As links name them."""
    titles = re.findall(r"^#+ (.+)$", path.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", title).strip().lower().replace(" ", "-") for title in titles}


def test_the_table_is_found() -> None:
    assert len(promises()) > 15
    assert all(len(row) == 3 for row in promises())


@pytest.mark.parametrize("row", promises(), ids=lambda row: row[0])
def test_each_promise_is_shown_by_tests_that_are_there(row: list[str]) -> None:
    named = TEST.findall(row[2])
    assert named
    assert TEST.sub("", row[2]).strip(", ") == "", "a name that is no test's"
    for path, name in named:
        assert (ROOT / path).is_file(), path
        found = named_in(ROOT / path)
        assert found, path
        assert not name or name in found, f"{path} has no {name}"


@pytest.mark.parametrize(("page", "heading"), sorted(set(LINK.findall(PAGE))))
def test_each_page_that_it_names_is_there(page: str, heading: str) -> None:
    assert (ROOT / page).is_file()
    assert not heading or heading in headings(ROOT / page)


def test_it_says_how_to_report_without_anybodys_name_or_address() -> None:
    assert "Report a vulnerability" in PAGE
    assert not re.search(r"[\w.+-]+@[\w-]+\.\w+", PAGE)


def test_it_is_one_page() -> None:
    assert len(PAGE.split()) < 1000
