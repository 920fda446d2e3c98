"""Writes results as a table: names of pages and operations, and reasons; no text of a guide."""

from collections import Counter
from collections.abc import Iterable, Sequence

from tools.emulator_table.running import Result


def table(results: Sequence[Result]) -> str:
    """A line for each page, and one for each operation that did not run."""
    rows = ["| page | operations | valid | run |", "| --- | --: | --: | --: |"]
    rows += [
        f"| {page} | {_counts(each for each in results if each.page == page)} |"
        for page in dict.fromkeys(each.page for each in results)
    ]
    rows.append(f"| **all** | {_counts(results)} |")
    rows += ["", "| page | operation | deviation |", "| --- | --- | --- |"]
    rows += [f"| {each.page} | `{each.name}` | {_cell(each.deviation)} |" for each in results if not each.ran]
    return "\n".join(["", *rows, "", ""])


def counted(results: Sequence[Result]) -> str:
    """One line for operations that others wrote."""
    reasons = Counter(each.deviation.split(":")[0] for each in results if not each.ran)
    said = ", ".join(f"{count} {reason}" for reason, count in reasons.most_common())
    valid, ran = sum(bool(each.version) for each in results), sum(each.ran for each in results)
    return f"{len(results)} operations, {valid} valid, {ran} run" + (f" ({said})" if said else "")


def _counts(results: Iterable[Result]) -> str:
    listed = list(results)
    return (
        f"{len(listed)} | {sum(bool(each.version) for each in listed)} | {sum(each.ran for each in listed)}"
    )


def _cell(text: str) -> str:
    return " ".join(text.replace("|", "\\|").split())[:160]
