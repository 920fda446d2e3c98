"""Time zones by their IANA names."""

import zoneinfo
from datetime import date, datetime, time
from functools import cache, lru_cache

from booking.errors import InvalidInput

# Placeholders of the time zone database: this machine's own setting, and "no zone was set".
_PLACEHOLDERS = frozenset({"localtime", "Factory"})


def zone(name: str) -> zoneinfo.ZoneInfo:
    """The time zone with this IANA name. Raises InvalidInput on a name that the IANA database does not have."""
    if name not in _names():
        raise InvalidInput(field="timeZone", reason='Give an IANA time zone such as "America/New_York".')
    return zoneinfo.ZoneInfo(name)


@lru_cache(maxsize=2_000)  # every search cuts the same days
def day_start(day: date, time_zone: str) -> int:
    """When the day begins in the time zone: its first midnight, or what stands in its place, in seconds since 1970 (UTC).

    A day ends where the next one begins. Raises InvalidInput on an unknown time zone.
    """
    return int(datetime.combine(day, time.min, zone(time_zone)).timestamp())


@cache  # listing the names reads hundreds of files
def _names() -> frozenset[str]:
    return frozenset(zoneinfo.available_timezones()) - _PLACEHOLDERS
