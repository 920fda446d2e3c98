"""Where anchors of the audit trail are kept: away from the database, so that who can write that cannot mend these.

Both are JSON lines with `sequence`, `mac` and `at`, and `anchors_in` reads either back.
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
    """The port AnchorSink: the structured log, `audit.anchored`."""

    async def keep(self, anchor: Anchor, *, at: datetime) -> None:
        """Log it."""
        log.info("audit.anchored", sequence=anchor.sequence, mac=anchor.mac, at=at.isoformat())


class FileAnchors:
    """The port AnchorSink: a file that is only added to. Several processes may add to one."""

    def __init__(self, path: Path) -> None:
        self._path = path
        # A disk that is full may take a part of a line, and the next must not be lost with it. An empty line is nothing.
        self._ends_a_line = False

    async def keep(self, anchor: Anchor, *, at: datetime) -> None:
        """Add it; it is on the disk when this returns. Raises OSError, with the file perhaps ending in a part of the line."""
        line = json.dumps({"sequence": anchor.sequence, "mac": anchor.mac, "at": at.isoformat()})
        await asyncio.to_thread(self._add, f"{line}\n".encode())

    def _add(self, line: bytes) -> None:
        if not self._ends_a_line:
            line = b"\n" + line
        self._ends_a_line = False
        file = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o640)
        try:
            # In one piece, or two processes would write into each other's.
            if os.write(file, line) < len(line):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            os.fsync(file)
        finally:
            os.close(file)
        self._ends_a_line = True


def anchors_in(path: Path) -> Iterator[Anchor]:
    """The anchors in a file of them, or in a log of JSON lines that holds some. Raises OSError; other lines are passed over."""
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
