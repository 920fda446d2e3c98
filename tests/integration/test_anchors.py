"""The file of anchors on a disk that is full: what was cut is said, and spoils nothing that comes after."""

import contextlib
import resource
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from booking.audit.chain import Anchor
from integrations.anchors import FileAnchors, anchors_in

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="RLIMIT_FSIZE is tried on Linux")

NOW = datetime(2027, 1, 4, 15, 0, tzinfo=UTC)


@contextlib.contextmanager
def no_file_larger_than(size: int) -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def an_anchor(number: int) -> Anchor:
    return Anchor(sequence=number, mac=f"{number:064}")


@pytest.mark.parametrize("room", [0, 10])
@pytest.mark.parametrize("restarted", [True, False])
async def test_an_anchor_that_does_not_fit_is_refused_and_the_next_is_whole(
    tmp_path: Path, room: int, *, restarted: bool
) -> None:
    path = tmp_path / "anchors"
    anchors = FileAnchors(path)
    await anchors.keep(an_anchor(1), at=NOW)
    with no_file_larger_than(path.stat().st_size + room), pytest.raises(OSError):  # noqa: PT011 - whatever the disk says
        await anchors.keep(an_anchor(2), at=NOW)
    if restarted:
        anchors = FileAnchors(path)
    for number in (3, 4):
        await anchors.keep(an_anchor(number), at=NOW)
    assert list(anchors_in(path)) == [an_anchor(number) for number in (1, 3, 4)]
