"""How the tests are spread over workers, and what each folder costs, added up over all workers."""

import os
from collections import Counter, defaultdict

import pytest

# Longest tests first: what runs last, while other workers have nothing left to take, is short.
ORDER = ("reliability", "simulation", "acceptance", "integration")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """One more than cores for `-n auto`, since tests of processes wait for leases and restarts while others compute.

    More than four cost more in start-up, each with databases of its own, than they save.
    """
    return min((os.cpu_count() or 1) + 1, 4)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run the folders in this order and the others after them, each in the order of its files."""
    items.sort(key=lambda item: _rank(item.nodeid.split("/")[1]))


def _rank(folder: str) -> int:
    return ORDER.index(folder) if folder in ORDER else len(ORDER)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print seconds of a worker, by the folder below `tests`; nothing where one folder is all there is."""
    seconds: defaultdict[str, float] = defaultdict(float)
    tests: Counter[str] = Counter()
    for reports in terminalreporter.stats.values():
        for report in reports:
            if isinstance(report, pytest.TestReport):
                folder = report.nodeid.split("/")[1]
                seconds[folder] += report.duration
                tests[folder] += report.when == "call"
    if len(seconds) > 1:
        terminalreporter.write_sep("=", "seconds of a worker, by folder")
        for folder, spent in sorted(seconds.items(), key=lambda each: -each[1]):
            terminalreporter.write_line(f"{spent:7.1f} s  {tests[folder]:5} tests  make {folder}")
