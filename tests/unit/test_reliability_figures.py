"""The figures in the documentation are those that were measured, and nobody wrote them by hand."""

import json

from benchmarks.report import BEGIN, DOCUMENT, END, with_figures
from benchmarks.run import RESULTS


def test_the_document_shows_the_measured_figures() -> None:
    written = DOCUMENT.read_text()
    assert with_figures(written, json.loads(RESULTS.read_text())) == written


def test_writing_replaces_the_figures_and_nothing_else() -> None:
    document = f"before\n{BEGIN}\nold\n{END}\nafter\n"
    fresh = with_figures(
        document,
        {
            "measured": "2026-01-01",
            "cores": 1,
            "python": "3.11",
            "simulation": {"long run": {"schedules": 1000, "faults": {"lost_answer": 3}}},
        },
    )
    assert fresh.startswith("before\n")
    assert fresh.endswith(f"{END}\nafter\n")
    assert "old" not in fresh
    assert "| schedules | 1,000 |" in fresh
    assert "| faults: lost answer | 3 |" in fresh
