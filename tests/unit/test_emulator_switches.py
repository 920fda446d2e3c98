"""The switches of the emulator, and the table that tells people of them."""

import dataclasses
import re
from pathlib import Path

import pytest

from integrations.healthie_emulator.switches import Switches

PAGE = Path(__file__).parents[2] / "docs" / "emulator.md"


def _table() -> dict[str, bool]:
    """The switches of the page's table, and whether it says that they are on at first."""
    section = PAGE.read_text(encoding="utf-8").partition("\n## Switches\n")[2].partition("\n## ")[0]
    cells = [row.split("|")[1] for row in section.splitlines() if row.startswith("| `")]
    return {name: "on)" in cell for cell in cells for name in re.findall(r"`([a-z_]+)[`:]", cell)}


def test_the_page_names_every_switch_and_no_other() -> None:
    assert set(_table()) == {field.name for field in dataclasses.fields(Switches)}


@pytest.mark.parametrize("name", [field.name for field in dataclasses.fields(Switches)])
def test_the_page_says_which_are_on_at_first(name: str) -> None:
    assert _table()[name] is bool(getattr(Switches(), name))


def test_switches_are_turned_all_or_none() -> None:
    switches = Switches()
    with pytest.raises(ValueError, match="unknown switch"):
        switches.turn({"drop_note": True, "no_such_switch": True})
    assert switches.drop_note is False


@pytest.mark.parametrize("given", ["iso", None, ["offset"]])
def test_a_date_format_that_there_is_not_is_refused(given: object) -> None:
    with pytest.raises(ValueError, match="iso8601, offset, zone_name"):
        Switches().turn({"date_formats": {"Appointment": given}})
