"""Write the figures of `benchmarks/results.json` into docs/reliability.md: `python -m benchmarks.report [--check]`."""

import json
import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from benchmarks.figures import measured_when, put_between
from benchmarks.parts import PARTS
from benchmarks.run import RESULTS

DOCUMENT = Path(__file__).parents[1] / "docs" / "reliability.md"
BEGIN = "<!-- figures: written by `make bench` -->"
END = "<!-- /figures -->"


def main() -> int:
    """Write the document; with --check write nothing, and return 1 when it is out of date."""
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true")
    written = DOCUMENT.read_text()
    fresh = with_figures(written, json.loads(RESULTS.read_text()))
    if parser.parse_args().check:
        return 0 if fresh == written else 1
    DOCUMENT.write_text(fresh)
    return 0


def with_figures(document: str, results: dict[str, Any]) -> str:
    """The document with these figures between its markers."""
    return put_between(document, BEGIN, render(results), END)


def render(results: dict[str, Any]) -> str:
    """The figures as Markdown."""
    parts = [
        f"Measured {measured_when(results)} on {results['cores']} cores with Python {results['python']}.",
        *(part.shown(results[name]) for name, part in PARTS.items() if name in results),
    ]
    return "\n\n".join(parts) + "\n"


if __name__ == "__main__":
    sys.exit(main())
