"""The pages under docs/: every one can be found, every link leads somewhere, and every decision has a number of its own."""

import re
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
DECISIONS = sorted((DOCS / "adr").glob("*.md"))

_LINK = re.compile(r"\]\(([^)#\s]+)(?:#[^)]*)?\)")


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
