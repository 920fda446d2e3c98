"""The example package is installed like any other, and its handler is found, called and called again."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from sqlite3 import connect
from zipfile import ZipFile

import pytest
from structlog.testing import capture_logs

from booking.events.model import DomainEvent, EventName
from booking.resources import Kind, Resource
from gateway.runtime.event_dispatch import GROUP, installed_handlers
from tests.integration.database_samples import NOON

EXAMPLE = Path(__file__).parents[2] / "examples/handlers"

CANCELLED = DomainEvent(
    id="evt_1",
    name=EventName.APPOINTMENT_CANCELLED,
    at=NOON,
    resource=Resource(kind=Kind.VISIT, id="7"),
    ids={"appointment": "7"},
)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(target)]
    subprocess.run(build, cwd=EXAMPLE, check=True, capture_output=True)
    (built,) = target.glob("*.whl")
    return built


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A directory of installed packages, beside those of this environment."""
    site = tmp_path / "site"
    site.mkdir()
    monkeypatch.syspath_prepend(site)
    yield site
    sys.modules.pop("front_desk_handlers", None)


def install(wheel: Path, site: Path) -> None:
    with ZipFile(wheel) as archive:
        archive.extractall(site)


async def test_it_is_found_by_its_entry_point_and_does_its_work_once_for_an_event(
    wheel: Path, site: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(wheel, site)
    monkeypatch.setenv("FRONT_DESK_LIST", str(tmp_path / "list.sqlite3"))
    (handler,), unusable = installed_handlers()
    assert unusable == []
    assert handler.id == "handler:note_freed_hour"
    assert handler.events == frozenset({EventName.APPOINTMENT_CANCELLED, EventName.APPOINTMENT_DELETED})

    for _ in range(2):
        await handler.deliver(CANCELLED)
    with closing(connect(tmp_path / "list.sqlite3")) as database:
        assert database.execute("SELECT event_id, appointment_id FROM freed_hours").fetchall() == [
            ("evt_1", "7")
        ]


def test_a_handler_that_cannot_be_loaded_keeps_no_other_from_being_called(wheel: Path, site: Path) -> None:
    install(wheel, site)
    broken = site / "broken-0.1.0.dist-info"
    broken.mkdir()
    (broken / "METADATA").write_text("Metadata-Version: 2.1\nName: broken\nVersion: 0.1.0\n")
    (broken / "entry_points.txt").write_text(
        f"[{GROUP}]\nmissing = no_such_module:anything\nundecorated = json:dumps\n"
    )
    with capture_logs() as events:
        usable, unusable = installed_handlers()
    assert [one.name for one in usable] == ["note_freed_hour"]
    assert sorted(unusable) == ["missing", "undecorated"]
    assert [event["event"] for event in events] == ["events.handler_unusable"] * 2


def test_what_an_old_import_path_warns_of_is_logged(site: Path) -> None:
    (site / "handlers_of_before.py").write_text(
        "from booking.handlers import handler\n\n@handler()\nasync def note(event): ...\n"
    )
    old = site / "old-0.1.0.dist-info"
    old.mkdir()
    (old / "METADATA").write_text("Metadata-Version: 2.1\nName: old\nVersion: 0.1.0\n")
    (old / "entry_points.txt").write_text(f"[{GROUP}]\nnote = handlers_of_before:note\n")
    with capture_logs() as events:
        usable, unusable = installed_handlers()
    sys.modules.pop("handlers_of_before")
    assert ([one.name for one in usable], unusable) == (["note"], [])
    assert [(event["event"], event["handler"], event["warning"]) for event in events] == [
        (
            "events.handler_warned",
            "note",
            "booking.handlers.handler is deprecated: import handler from booking.events.handlers",
        )
    ]
