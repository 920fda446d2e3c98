"""Write the figures of `results.json` into docs/performance.md, with a picture: `python -m benchmarks.peers.report [--check]`."""

import json
import sys
from argparse import ArgumentParser
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from benchmarks.figures import measured_when, put_between
from benchmarks.peers import needs
from benchmarks.peers.gateways import GATEWAY
from benchmarks.peers.parts import PARTS
from benchmarks.peers.picture import picture
from benchmarks.peers.reads import HEADS
from benchmarks.peers.record import RESULTS

_DOCS = Path(__file__).parents[2] / "docs"
DOCUMENT = _DOCS / "performance.md"
PICTURE = _DOCS / "images" / "peers.svg"
BEGIN = "<!-- figures: written by `make bench-peers` -->"
END = "<!-- /figures -->"

_PICTURED = ("plans", "slots400", "slots2000")


def main() -> int:
    """Write document and picture; with --check write nothing, and return 1 when one of them is out of date."""
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true")
    results = json.loads(RESULTS.read_text())
    fresh = {DOCUMENT: with_figures(DOCUMENT.read_text(), results), PICTURE: pictured(results)}
    if parser.parse_args().check:
        return int(any(not file.exists() or file.read_text() != text for file, text in fresh.items()))
    for file, text in fresh.items():
        file.write_text(text)
    return 0


def pictured(results: Mapping[str, Any]) -> str:
    """The comparison with the peers, as an SVG."""
    heads = {name: HEADS[name] for name in _PICTURED}
    return picture(results["peers"]["costs"], ours=GATEWAY, heads=heads)


def with_figures(document: str, results: Mapping[str, Any]) -> str:
    """The document with these figures between its markers."""
    return put_between(document, BEGIN, render(results), END)


def render(results: Mapping[str, Any]) -> str:
    """The figures as Markdown."""
    parts = [
        f"Measured {measured_when(results)} on {results['cores']} cores with Python {results['python']} and node {results['node']}.",
        f"![The same figures as bars](images/{PICTURE.name})",
        *(part.shown(results[name]) for name, part in PARTS.items() if name in results),
        needs.shown(results),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


if __name__ == "__main__":
    sys.exit(main())
