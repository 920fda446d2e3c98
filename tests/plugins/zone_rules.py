"""`old_zone_rules`: a machine's rules of time zones as they were, for programs that are started on it."""

import importlib.resources
from pathlib import Path

import pytest


@pytest.fixture
def old_zone_rules(tmp_path: Path) -> Path:
    """Rules of 2025: Vancouver changes its clocks, as Los Angeles does. For `PYTHONTZPATH`."""
    place = tmp_path / "zoneinfo"
    (place / "America").mkdir(parents=True)
    los_angeles = importlib.resources.files("tzdata") / "zoneinfo" / "America" / "Los_Angeles"
    (place / "America" / "Vancouver").write_bytes(los_angeles.read_bytes())
    (place / "tzdata.zi").write_text("# version 2025b\n")
    return place
