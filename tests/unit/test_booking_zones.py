"""Time zones by their IANA names, the same on every machine."""

import pytest

from booking.errors import InvalidInput
from booking.zones import zone


@pytest.mark.parametrize("name", ["America/New_York", "UTC", "Asia/Kolkata", "America/Argentina/Ushuaia"])
def test_a_zone_is_found_by_its_name(name: str) -> None:
    assert zone(name).key == name


@pytest.mark.parametrize(
    "name", ["", "EDT", "america/new_york", "+02:00", "../UTC", "localtime", "Factory", "America", "UTC\0"]
)
def test_anything_else_is_the_callers_mistake(name: str) -> None:
    with pytest.raises(InvalidInput) as mistake:
        zone(name)
    assert mistake.value.field == "timeZone"
