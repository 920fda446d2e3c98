"""The pages under docs/: every one can be found, every link leads somewhere, and every decision has a number of its own."""

import ast
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
DECISIONS = sorted((DOCS / "adr").glob("*.md"))

ARCHITECTURE = DOCS / "architecture.md"

_LINK = re.compile(r"\]\(([^)#\s]+)(?:#[^)]*)?\)")
_NAMED = re.compile(r"`([\w/]+\.py)::([\w.]+)`")  # `path.py::function`, `path.py::Class.method`
_PATH = re.compile(r"`((?:gateway|booking|integrations|resolvers|schema)/[\w/.]*)")


def _links(page: Path) -> list[Path]:
    """What a page links to in this repository."""
    found = _LINK.findall(page.read_text(encoding="utf-8"))
    return [(page.parent / link).resolve() for link in found if "://" not in link]


def test_every_decision_has_a_number_of_its_own_and_carries_it_in_its_title() -> None:
    numbers = Counter(page.name[:4] for page in DECISIONS)
    assert [number for number, pages in numbers.items() if pages > 1] == []
    for page in DECISIONS:
        assert page.read_text(encoding="utf-8").startswith(f"# {int(page.name[:4])}. "), page.name


def test_every_link_leads_to_a_file() -> None:
    pages = [ROOT / "README.md", *DOCS.rglob("*.md")]
    dead = [f"{page.name} -> {link}" for page in pages for link in _links(page) if not link.exists()]
    assert dead == []


def test_every_page_is_reached_from_the_readme() -> None:
    reached, new = set[Path](), {ROOT / "README.md"}
    while new:
        reached |= new
        new = {link for page in new for link in _links(page) if link.suffix == ".md"} - reached
    assert [page.name for page in DOCS.glob("*.md") if page not in reached] == []


def test_every_name_in_the_architecture_exists() -> None:
    named = _NAMED.findall(ARCHITECTURE.read_text(encoding="utf-8"))
    assert len(named) > 30
    assert [f"{path}::{name}" for path, name in named if name not in _names_in(ROOT / path)] == []


def test_every_path_in_the_pages_exists() -> None:
    paths = [
        (page.name, path)
        for page in DOCS.rglob("*.md")
        for path in _PATH.findall(page.read_text(encoding="utf-8"))
    ]
    assert [f"{page}: {path}" for page, path in paths if not (ROOT / path).exists()] == []


def test_the_architecture_has_a_line_for_every_folder() -> None:
    page = ARCHITECTURE.read_text(encoding="utf-8")
    packages = [
        one for top in ("gateway", "booking", "integrations") for one in (ROOT / top).glob("*/__init__.py")
    ]
    folders = [f"{one.parent.relative_to(ROOT).as_posix()}/" for one in packages]
    assert [folder for folder in folders if f"\n| `{folder}` |" not in page] == []


def _names_in(module: Path) -> set[str]:
    """What a module defines: functions, classes with their methods, and assigned names; none of a module that is missing."""
    if not module.is_file():
        return set()
    return {name for node in ast.parse(module.read_text(encoding="utf-8")).body for name in _defined(node)}


def _defined(node: ast.stmt) -> Iterator[str]:
    match node:
        case ast.ClassDef():
            yield node.name
            yield from (f"{node.name}.{name}" for member in node.body for name in _defined(member))
        case ast.FunctionDef() | ast.AsyncFunctionDef():
            yield node.name
        case ast.Assign():
            yield from (one.id for one in node.targets if isinstance(one, ast.Name))
        case ast.AnnAssign(target=ast.Name(id=name)):
            yield name
