"""Logs: a fault is logged by its types and places, never by its text."""

import asyncio
import io
import logging
from collections.abc import Iterator

import pytest

from gateway.runtime.logs import LibraryFormatter, faults_without_values


@pytest.fixture
def written() -> Iterator[io.StringIO]:
    """What libraries' warnings look like when they are written."""
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(LibraryFormatter())
    logging.getLogger().addHandler(handler)
    yield stream
    logging.getLogger().removeHandler(handler)


def test_a_fault_is_logged_without_its_text() -> None:
    try:
        try:
            int("pat.canary@example.invalid")
        except ValueError as inner:
            raise RuntimeError("canary 555-0199") from inner
    except RuntimeError as error:
        event = faults_without_values(None, "error", {"event": "x.failed", "exc_info": error})
    assert event["fault"] == "RuntimeError < ValueError"
    assert "canary" not in str(event)
    assert event["at"]


def test_an_event_without_a_fault_is_left_as_it_is() -> None:
    assert faults_without_values(None, "info", {"event": "x.done"}) == {"event": "x.done"}


def test_a_fault_that_a_library_logs_is_written_without_its_text_too(written: io.StringIO) -> None:
    try:
        int("pat.canary@example.invalid")
    except ValueError:
        logging.getLogger("uvicorn.error").exception("Exception in ASGI application\n")
    line = written.getvalue()
    assert line.startswith("ERROR uvicorn.error Exception in ASGI application ValueError at ")
    assert "test_logs.py:" in line
    assert "canary" not in line
    assert line.count("\n") == 1


async def test_a_task_that_nobody_waited_for_is_told_without_its_text(written: io.StringIO) -> None:
    async def fails() -> None:
        raise RuntimeError("canary 555-0199")

    task = asyncio.create_task(fails())
    await asyncio.wait({task})
    del task
    assert written.getvalue().startswith("ERROR asyncio Task exception was never retrieved RuntimeError at ")
    assert "canary" not in written.getvalue()


def test_what_is_no_fault_is_written_as_it_is(written: io.StringIO) -> None:
    logging.getLogger("sample").warning("first\nsecond")
    assert written.getvalue() == "WARNING sample first\nsecond\n"
