"""Schedules run in silence, and their garbage is collected between tests and not within them."""

import gc
import logging
from collections.abc import Iterator

import pytest
import structlog

from tests.simulation.schedule import quiet


@pytest.fixture(autouse=True)
def _silence() -> Iterator[None]:
    quiet()
    gc.disable()
    yield
    gc.enable()
    logging.disable(logging.NOTSET)
    structlog.reset_defaults()
