"""The newer rules of time zones win, whoever has them: the machine or the package."""

import importlib.resources
import zoneinfo
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest
import tzdata  # type: ignore[import-untyped]

from booking.zones import zone
from gateway.runtime.zone_rules import use_newest_zone_rules
from integrations.healthie_emulator.zone_rules import use_newest_zone_rules as use_in_emulator

NOON = datetime(2026, 12, 2, 12)  # noqa: DTZ001 - put into zones below

# British Columbia stays on summer time from 2026 on (tzdata 2026a and later); before, its winter was UTC-8.
SINCE, BEFORE = timedelta(hours=-7), timedelta(hours=-8)


@pytest.fixture(autouse=True)
def _given_back() -> Iterator[None]:
    path = zoneinfo.TZPATH
    yield
    zoneinfo.reset_tzpath(to=path)
    zoneinfo.ZoneInfo.clear_cache()


def a_system(place: Path, *, says: str, told_in: str = "tzdata.zi") -> None:
    """A machine whose Vancouver still changes its clocks, as Los Angeles does."""
    (place / "America").mkdir()
    los_angeles = importlib.resources.files("tzdata") / "zoneinfo" / "America" / "Los_Angeles"
    (place / "America" / "Vancouver").write_bytes(los_angeles.read_bytes())
    if says:
        (place / told_in).write_text(f"{says}\n")
    zoneinfo.reset_tzpath(to=[str(place)])
    zoneinfo.ZoneInfo.clear_cache()


def vancouver() -> timedelta | None:
    return NOON.replace(tzinfo=zone("America/Vancouver")).utcoffset()


@pytest.mark.parametrize(
    ("says", "told_in", "release"),
    [
        ("# version 2025b", "tzdata.zi", "2025b"),
        ("2025b", "+VERSION", "2025b"),
        ("# no word of it", "tzdata.zi", None),
        ("", "", None),
    ],
)
def test_older_rules_of_the_machine_give_way_to_the_packages(
    tmp_path: Path, says: str, told_in: str, release: str | None
) -> None:
    a_system(tmp_path, says=says, told_in=told_in)
    assert vancouver() == BEFORE

    rules = use_newest_zone_rules()

    assert vancouver() == SINCE
    assert (rules.source, rules.release, rules.system_release) == ("package", tzdata.IANA_VERSION, release)


@pytest.mark.parametrize("release", [tzdata.IANA_VERSION, "2099a", "2026aa"])
def test_rules_of_the_machine_that_are_no_older_are_kept(tmp_path: Path, release: str) -> None:
    a_system(tmp_path, says=f"# version {release}")

    rules = use_newest_zone_rules()

    assert vancouver() == BEFORE
    assert (rules.source, rules.release) == ("system", release)


def test_a_machine_without_any_goes_by_the_packages() -> None:
    zoneinfo.reset_tzpath(to=())

    assert use_newest_zone_rules().source == "package"
    assert vancouver() == SINCE


@pytest.mark.parametrize(
    ("says", "offset"), [("# version 2025b", SINCE), ("", SINCE), ("# version 2099a", BEFORE)]
)
def test_the_emulator_which_is_a_program_of_its_own_does_the_same(
    tmp_path: Path, says: str, offset: timedelta
) -> None:
    a_system(tmp_path, says=says)
    use_in_emulator()
    assert vancouver() == offset
