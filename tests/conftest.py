"""What every test stands on: no settings of the shell's, and servers on request."""

import gc
import os
from collections.abc import Iterator

import pytest
import structlog

pytest_plugins = [
    "tests.plugins.costs",
    "tests.plugins.missing_servers",
    "tests.plugins.servers",
    "tests.plugins.databases",
    "tests.plugins.emulator",
    "tests.plugins.mail",
    "tests.plugins.node",
    "tests.plugins.stack",
    "tests.plugins.zone_rules",
]

# The settings of a running Frontdoor are not the tests': a test that forgets one must not reach a real account.
for _name in [name for name in os.environ if name.startswith("FRONTDOOR_")]:
    if not _name.startswith("FRONTDOOR_TEST_"):
        del os.environ[_name]


def pytest_collection_finish() -> None:
    """Keep the modules from the collector: looking at them over and over took a tenth of the tests' time."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 50)


@pytest.fixture(autouse=True)
def _logs_as_they_come() -> Iterator[None]:
    """A command that ran within a test has set up logs for itself, on a stream that is closed by now.

    Tracebacks stay plain: drawing frames around them was a twentieth of the unit tests' time.
    """
    structlog.configure(
        processors=[
            *structlog.get_config()["processors"][:-1],
            structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback),
        ]
    )
    yield
    structlog.reset_defaults()
