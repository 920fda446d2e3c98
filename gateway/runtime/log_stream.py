"""Where log lines go: to standard error, unless it does not take them.

A log that cannot be written ends no process, and fails no request.
"""

from collections.abc import Callable
from io import RawIOBase
from typing import Protocol, TextIO

# The disk is full or read-only, whoever read the pipe is gone (all OSError), or the stream was closed (ValueError).
_NOT_TAKEN = (OSError, ValueError)


class _Raw(Protocol):
    def write(self, data: bytes, /) -> int | None: ...


class LogStream:
    """A text stream that takes whole lines and never raises. What could not be written is counted, and told once it can again.

    Each write goes to the file at once. Python's own buffers would keep a line that was refused, and fail again at the next
    flush, the one at the process' end included.
    """

    def __init__(self, stream: TextIO | None, *, notice: Callable[[int], str]) -> None:
        """`stream` is None where the process was started without one; `notice` is the line that says how many were lost."""
        self._stream = stream
        self._notice = notice
        self._raw = _raw_of(stream)
        self._lost = 0  # lines since the last that was written
        self._cut = False  # the last line was written in part

    def write(self, text: str) -> int:
        """Write the lines of the text, or lose them; answers its length."""
        if self._stream is not None:
            try:
                self._put(f"{self._before()}{text}")
                self._lost, self._cut = 0, False
            except _NOT_TAKEN:
                self._lost += 1
        return len(text)

    def flush(self) -> None:
        """Nothing waits to be written."""

    def isatty(self) -> bool:
        """Whether somebody reads along."""
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
        if self._raw is None:  # in memory, or somebody's own
            self._stream.write(text)
            self._stream.flush()
            return
        rest = text.encode(self._stream.encoding or "utf-8", errors="backslashreplace")
        while rest:
            written = self._raw.write(rest)
            if written is None:  # whoever reads the pipe is behind
                raise BlockingIOError
            self._cut = True  # until the rest is there, too
            rest = rest[written:]


def _raw_of(stream: TextIO | None) -> _Raw | None:
    """The file below the stream's buffers; with PYTHONUNBUFFERED, which containers set, there are none."""
    buffer = getattr(stream, "buffer", None)
    return buffer if isinstance(buffer, RawIOBase) else getattr(buffer, "raw", None)
