"""The log stream: writes lines to standard error, and never raises.

A log that cannot be written must not end the process or fail a request.
"""

from collections.abc import Callable
from io import RawIOBase
from typing import Protocol, TextIO

# The disk is full or read-only, the pipe's reader is gone (all OSError), or the stream was closed (ValueError).
_WRITE_ERRORS = (OSError, ValueError)


class _Raw(Protocol):
    def write(self, data: bytes, /) -> int | None: ...


class LogStream:
    """A text stream that writes whole lines and never raises. Lost lines are counted, and reported once writing works again.

    Each write goes to the file at once. Python's own buffers would keep a line that could not be written, and fail again at the next
    flush, including the one at the end of the process.
    """

    def __init__(self, stream: TextIO | None, *, notice: Callable[[int], str]) -> None:
        """`stream` is None where the process was started without one; `notice` makes the line that reports lost lines."""
        self._stream = stream
        self._notice = notice
        self._raw = _raw_of(stream)
        self._lost = 0  # lines since the last that was written
        self._cut = False  # the last line was written in part

    def write(self, text: str) -> int:
        """Write the text, or count it as lost; returns its length."""
        if self._stream is not None:
            try:
                self._put(f"{self._before()}{text}")
                self._lost, self._cut = 0, False
            except _WRITE_ERRORS:
                self._lost += 1
        return len(text)

    def flush(self) -> None:
        """Do nothing: nothing is buffered."""

    def isatty(self) -> bool:
        """Whether the stream is a terminal."""
        try:
            return self._stream is not None and self._stream.isatty()
        except ValueError:
            return False

    def _before(self) -> str:
        end_of_line = "\n" if self._cut else ""
        return f"{end_of_line}{self._notice(self._lost)}\n" if self._lost else end_of_line

    def _put(self, text: str) -> None:
        if self._stream is None:
            return
        if self._raw is None:  # in memory, or a custom stream
            self._stream.write(text)
            self._stream.flush()
            return
        rest = text.encode(self._stream.encoding or "utf-8", errors="backslashreplace")
        while rest:
            written = self._raw.write(rest)
            if written is None:  # the pipe is full
                raise BlockingIOError
            self._cut = True  # until the rest is written, too
            rest = rest[written:]


def _raw_of(stream: TextIO | None) -> _Raw | None:
    """The raw file below the stream's buffers; with PYTHONUNBUFFERED, which containers set, there are no buffers."""
    buffer = getattr(stream, "buffer", None)
    return buffer if isinstance(buffer, RawIOBase) else getattr(buffer, "raw", None)
