"""A log that cannot be written loses its lines, says so later, and troubles nobody."""

import errno
import io
from typing import Any

import pytest

from gateway.runtime.log_stream import LogStream


class Disk(io.RawIOBase):
    """A file on a disk with so much room."""

    def __init__(self, room: int) -> None:
        super().__init__()
        self.room = room
        self.held = b""

    def writable(self) -> bool:
        return True

    def write(self, data: Any, /) -> int:
        if not self.room:
            raise OSError(errno.ENOSPC, "full")
        taken = bytes(data[: self.room])
        self.held += taken
        self.room -= len(taken)
        return len(taken)


def a_stream(disk: Disk, *, unbuffered: bool = False) -> LogStream:
    """As Python opens standard error, or (`unbuffered`) as it does with PYTHONUNBUFFERED."""
    file: Any = disk if unbuffered else io.BufferedWriter(disk)
    text = io.TextIOWrapper(file, encoding="ascii", write_through=unbuffered)
    return LogStream(text, notice=lambda count: f"lost {count}")


def test_a_full_disk_loses_lines_and_what_was_lost_is_told_when_there_is_room() -> None:
    disk = Disk(room=len("first\n"))
    stream = a_stream(disk)
    for line in ("first\n", "second\n", "third\n"):
        assert stream.write(line) == len(line)
        stream.flush()
    assert disk.held == b"first\n"
    disk.room = 1000
    stream.write("fourth\n")
    stream.write("fifth\n")
    assert disk.held == b"first\nlost 2\nfourth\nfifth\n"


@pytest.mark.parametrize("unbuffered", [False, True])
def test_a_line_that_was_cut_spoils_no_other(*, unbuffered: bool) -> None:
    disk = Disk(room=len("first\nsec"))
    stream = a_stream(disk, unbuffered=unbuffered)
    stream.write("first\n")
    stream.write("second\n")
    disk.room = 1000
    stream.write("third\n")
    assert disk.held.split(b"\n") == [b"first", b"sec", b"lost 1", b"third", b""]


def test_a_letter_that_the_locale_has_not_is_written_all_the_same() -> None:
    disk = Disk(room=1000)
    a_stream(disk).write("“é”\n")
    assert disk.held == b"\\u201c\\xe9\\u201d\n"


@pytest.mark.parametrize("closed", [True, False])
def test_no_stream_and_a_closed_one_are_silent(*, closed: bool) -> None:
    text = io.StringIO()
    text.close()
    stream = LogStream(text if closed else None, notice=str)
    stream.write("line\n")
    stream.flush()
    assert not stream.isatty()
