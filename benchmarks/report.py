"""Write the figures of `benchmarks/results.json` into docs/reliability.md: `python -m benchmarks.report [--check]`."""

import json
import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from benchmarks.parts import PARTS
from benchmarks.run import RESULTS

DOCUMENT = Path(__file__).parents[1] / "docs" / "reliability.md"
BEGIN = "<!-- figures: written by `make bench` -->"
END = "<!-- /figures -->"


def main() -> int:
    """Write, or with --check say whether the document is as it would be written."""
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true")
    written = DOCUMENT.read_text()
    fresh = with_figures(written, json.loads(RESULTS.read_text()))
    if parser.parse_args().check:
        return 0 if fresh == written else 1
    DOCUMENT.write_text(fresh)
    return 0


def with_figures(document: str, results: dict[str, Any]) -> str:
    """The document with these figures between its marks."""
    head, _, rest = document.partition(BEGIN)
    _, _, tail = rest.partition(END)
    return f"{head}{BEGIN}\n{render(results)}{END}{tail}"


def render(results: dict[str, Any]) -> str:
    """The figures as Markdown."""
    days = sorted(set(results["measured"].values()))
    when = days[0] if len(days) == 1 else f"between {days[0]} and {days[-1]}"
    parts = [
        f"Measured {when} on {results['cores']} cores with Python {results['python']}.",
        *(part.shown(results[name]) for name, part in PARTS.items() if name in results),
    ]
    return "\n\n".join(parts) + "\n"


if __name__ == "__main__":
    sys.exit(main())
