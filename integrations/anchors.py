"""Anchor sinks of the audit trail: the log and a file, outside the database, so that a writer of the database cannot alter them.

Both write JSON lines with `sequence`, `mac` and `at`, which `anchors_in` reads back.
"""

import asyncio
import errno
import json
import os
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import structlog

from booking.audit.chain import Anchor

log = structlog.get_logger(__name__)


class LoggedAnchors:
    """The port AnchorSink: logs `audit.anchored`."""

    async def keep(self, anchor: Anchor, *, at: datetime) -> None:
        """Log it."""
        log.info("audit.anchored", sequence=anchor.sequence, mac=anchor.mac, at=at.isoformat())


class FileAnchors:
    """The port AnchorSink: an append-only file. Several processes may append to one."""

    def __init__(self, path: Path) -> None:
        self._path = path
        # A full disk may take part of a line; the next line must not be lost with it. Readers skip empty lines.
        self._ends_a_line = False

    async def keep(self, anchor: Anchor, *, at: datetime) -> None:
        """Append it; it is on disk (fsync) when this returns. Raises OSError; the file may then end in a partial line."""
        line = json.dumps({"sequence": anchor.sequence, "mac": anchor.mac, "at": at.isoformat()})
        await asyncio.to_thread(self._append, f"{line}\n".encode())

    def _append(self, line: bytes) -> None:
        if not self._ends_a_line:
            line = b"\n" + line
        self._ends_a_line = False
        file = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o640)
        try:
            # One write for the whole line, or the lines of two processes would interleave.
            if os.write(file, line) < len(line):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            os.fsync(file)
        finally:
            os.close(file)
        self._ends_a_line = True


def anchors_in(path: Path) -> Iterator[Anchor]:
    """The anchors in a file of anchors, or in a log of JSON lines. Skips all other lines. Raises OSError."""
    with path.open(encoding="utf-8", errors="replace") as lines:
        for line in lines:
            try:
                values = json.loads(line)
            except ValueError:
                continue
            if isinstance(values, dict) and values.get("event", "audit.anchored") == "audit.anchored":
                sequence, mac = values.get("sequence"), values.get("mac")
                if isinstance(sequence, int) and isinstance(mac, str):
                    yield Anchor(sequence=sequence, mac=mac)
