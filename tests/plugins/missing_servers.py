"""A test that found no server says so loudly; where CI runs, it fails."""

import os
from collections.abc import Generator
from typing import NoReturn

import pytest

REASON = "no server: "


def no_server(why: str) -> NoReturn:
    """Skip the calling test because the server that it needs cannot be had here."""
    pytest.skip(f"{REASON}{why}")


def in_ci() -> bool:
    """Tell whether this is a run that may not leave anything out, by the variable that CI systems set."""
    return os.environ.get("CI", "").lower() not in {"", "0", "false"}


def missing_server(report: pytest.TestReport) -> str | None:
    """Answer what a skipped test lacked, if it was skipped for lack of a server."""
    if not report.skipped or not isinstance(report.longrepr, tuple):
        return None
    reason = report.longrepr[2].removeprefix("Skipped: ")
    return reason.removeprefix(REASON) if reason.startswith(REASON) else None


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Turn such a skip into a failure where CI runs."""
    report = yield
    lacking = missing_server(report)
    if lacking is not None and in_ci():
        report.outcome = "failed"
        report.longrepr = f"{REASON}{lacking} (in CI a test that needs a server must have it)"
    return report


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """List at the end what was left out, and why."""
    skipped = terminalreporter.stats.get("skipped", [])
    left_out = [(report.nodeid, lacking) for report in skipped if (lacking := missing_server(report))]
    if not left_out:
        return
    terminalreporter.section(
        f"NOT TESTED for lack of a server: {len(left_out)}", sep="!", red=True, bold=True
    )
    for nodeid, lacking in left_out:
        terminalreporter.write_line(f"{nodeid}: {lacking.splitlines()[0]}")
