"""Time zones by their IANA names."""

import zoneinfo
from functools import cache

from booking.errors import InvalidInput

# The database's two placeholders are no places: one is this machine's own setting, the other says that nobody set it.
_NO_PLACES = frozenset({"localtime", "Factory"})


def zone(name: str) -> zoneinfo.ZoneInfo:
    """The zone. Raises InvalidInput on a name that the IANA database does not have."""
    if name not in _names():
        raise InvalidInput(field="timeZone", reason='Give an IANA time zone such as "America/New_York".')
    return zoneinfo.ZoneInfo(name)


@cache  # hundreds of files are looked at
def _names() -> frozenset[str]:
    return frozenset(zoneinfo.available_timezones()) - _NO_PLACES
