"""Logging setup: named events with key-values, through structlog, to standard error."""

import json
import logging
import sys
import traceback
from typing import TextIO, cast

import structlog

from gateway.runtime.log_stream import LogStream
from gateway.settings.operation import LogFormat


def faults_without_values(
    _logger: object, _method: str, event: structlog.typing.EventDict
) -> structlog.typing.EventDict:
    """A structlog processor: log an exception by its types and code locations, never its text, which may quote patient data."""
    exc_info = event.pop("exc_info", None)
    error = sys.exc_info()[1] if exc_info is True else exc_info
    if isinstance(error, BaseException):
        event["fault"], event["at"] = _types(error), _locations(error)
    return event


class LibraryFormatter(logging.Formatter):
    """Formats the logs of libraries, exceptions on one line and without values; uvicorn and asyncio log uncaught ones."""

    def __init__(self) -> None:
        super().__init__("%(levelname)s %(name)s %(message)s")

    def format(self, record: logging.LogRecord) -> str:
        """Format the record; of an exception only the message's first line (asyncio quotes it below that), types and locations."""
        error = record.exc_info[1] if record.exc_info else None
        if error is None:
            return super().format(record)
        first = record.getMessage().partition("\n")[0]
        return f"{record.levelname} {record.name} {first} {_types(error)} at {' '.join(_locations(error))}"


def _types(error: BaseException) -> str:
    """The exception's type, and those of its causes."""
    chain = [error]
    while (inner := chain[-1].__cause__ or chain[-1].__context__) is not None and inner not in chain:
        chain.append(inner)
    return " < ".join(type(one).__qualname__ for one in chain)


def _locations(error: BaseException) -> list[str]:
    return [f"{frame.filename}:{frame.lineno}" for frame in traceback.extract_tb(error.__traceback__)]


def configure_logs(*, log_format: LogFormat, level: str) -> None:
    """Set up structlog for this process; libraries' warnings go to the same stream. Writing a log line never raises."""
    as_json = log_format is LogFormat.JSON
    stream = LogStream(sys.stderr, notice=_lost_as_json if as_json else _lost_in_words)
    renderer: structlog.typing.Processor = (
        structlog.processors.JSONRenderer()
        if as_json
        else structlog.dev.ConsoleRenderer(colors=stream.isatty())
    )
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            faults_without_values,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level]),
        logger_factory=structlog.WriteLoggerFactory(cast("TextIO", stream)),  # one write for each line
        cache_logger_on_first_use=False,  # a cached logger could neither be captured in tests nor change its level
    )
    libraries = logging.StreamHandler(stream)
    libraries.setFormatter(LibraryFormatter())
    logging.basicConfig(level=logging.WARNING, handlers=[libraries])


def _lost_as_json(count: int) -> str:
    return json.dumps({"event": "log.lines_lost", "level": "warning", "count": count})


def _lost_in_words(count: int) -> str:
    return f"[warning  ] log.lines_lost count={count}"
