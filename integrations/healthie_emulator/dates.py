"""Dates and times in Healthie's formats.

Read: ISO 8601, or the same with spaces; `August 16, 2022` with `07 30`, as its guide on availability has it; and what
JavaScript writes, which its own booking widget sends. Without an offset, the wall clock of the zone that applies.
Written: three formats are seen in its answers, always in the zone of the key's owner; which field uses which is fixed here.
"""

import re
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

from graphql import GraphQLError

_WHEN = re.compile(
    r"(?P<day>\d{4}-\d\d-\d\d)"
    r"(?:[T ](?P<time>\d\d[: ]\d\d(?::\d\d(?:\.\d{1,6})?)?)"
    r"\s?(?:[A-Z]{2,5} )?(?P<offset>Z|UTC|[+-]\d\d:?\d\d)?)?",
    re.ASCII,
)
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_IN_WORDS = re.compile(r"(?P<month>[A-Za-z]{3,9}) (?P<day>\d{1,2}), (?P<year>\d{4})(?P<rest>.*)", re.ASCII)
_OF_JAVASCRIPT = re.compile(
    r"[A-Z][a-z]{2} (?P<month>[A-Z][a-z]{2}) (?P<day>\d\d) (?P<year>\d{4})(?P<time> \d\d:\d\d:\d\d) "
    r"GMT(?P<offset>[+-]\d{4})(?: \(.*\))?"
)

# Birthdays begin here, no plan reaches there; arithmetic stays within bounds.
FIRST_YEAR, LAST_YEAR = 1900, 2200

# The form in which the instants of a type are written; a type that is not listed writes `iso8601`: `2026-01-30T12:15:00-07:00`.
FORMS = {
    # `2026-01-30 12:15:00 -0700`
    **dict.fromkeys(("Appointment", "Availability", "PotentialAppointmentSlot"), "offset"),
    # `2021-10-10 10:00:00 EDT -04:00`
    **dict.fromkeys(("RecurringPayment", "RequestedPayment", "UserPackageSelection"), "zone_name"),
}


def zone_named(name: str) -> ZoneInfo:
    """Return the zone of an IANA name; raise GraphQLError for any other text."""
    try:
        return ZoneInfo(name)
    except (LookupError, ValueError, OSError):  # unknown, a path, a directory of the zone database
        raise GraphQLError(f"Invalid timezone: {name[:60]!r}") from None


def read(text: str, zone: str) -> datetime:
    """Read an instant (aware, UTC); text without an offset is read on the wall clock of `zone`.

    A wall clock time that a change to summer time skips is read as one hour later, one that comes twice as the
    first. Raises GraphQLError for anything else.
    """
    unreadable = GraphQLError(f"Could not read {text[:60]!r} as a date and time")
    match = _matched(text)
    if match is None or not FIRST_YEAR <= int(match["day"][:4]) <= LAST_YEAR:
        raise unreadable
    try:
        offset = {"UTC": "Z", None: ""}.get(match["offset"], match["offset"])
        wall = (match["time"] or "00:00").replace(" ", ":")
        moment = datetime.fromisoformat(f"{match['day']}T{wall}{offset}")
        return (moment if moment.tzinfo else moment.replace(tzinfo=zone_named(zone))).astimezone(UTC)
    except (ValueError, OverflowError):
        raise unreadable from None


def read_day(text: str, zone: str) -> date:
    """Read the day on which an instant falls on the wall clock of `zone`."""
    return read(text, zone).astimezone(zone_named(zone)).date()


def names_only_a_day(text: str) -> bool:
    """Return whether a text that `read` accepts has no time of day."""
    match = _matched(text)
    return match is not None and match["time"] is None


def _matched(text: str) -> re.Match[str] | None:
    """Take a text apart; months in words are turned into numbers first."""
    text = text.strip()
    words = _OF_JAVASCRIPT.fullmatch(text) or _IN_WORDS.fullmatch(text)
    if words is not None:
        month = words["month"][:3].lower()
        if month not in _MONTHS:
            return None
        rest = words.groupdict().get("rest")
        text = f"{words['year']}-{_MONTHS.index(month) + 1:02d}-{int(words['day']):02d}"
        text += rest if rest is not None else f"{words['time']} {words['offset']}"
    return _WHEN.fullmatch(text)


def write(moment: datetime, *, type_name: str, zone: str, form: str | None = None) -> str:
    """Write an instant as the fields of that type are written, or in another `form`, in `zone`."""
    form = form or FORMS.get(type_name)
    local = moment.astimezone(zone_named(zone)).replace(microsecond=0)
    if form == "offset":
        return local.strftime("%Y-%m-%d %H:%M:%S %z")
    if form == "zone_name":
        return f"{local.strftime('%Y-%m-%d %H:%M:%S %Z')} {local.isoformat()[-6:]}"
    return local.isoformat()
