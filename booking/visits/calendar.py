"""A visit's calendar entry: an iCalendar object (RFC 5545) of one event, made of what its patient sees.

It names no patient and holds no way into the visit. All times are in UTC, so no time zone has to be described.
"""

from datetime import UTC, datetime

from booking.models import Appointment, AppointmentStatus
from booking.visits.model import VisitRecord, end_of

_PRODUCT = "-//Frontdoor//Visits//EN"

# A line has at most 75 octets; longer ones are folded (RFC 5545, section 3.1).
_LINE_OCTETS = 75

# SEQUENCE is an integer of 32 bits with a sign (section 3.3.8): seconds since then fit until 2088.
_SEQUENCE_BEGINS = datetime(2020, 1, 1, tzinfo=UTC)


def calendar_entry(record: VisitRecord, *, uid: str, title: str, place: str | None, now: datetime) -> str:
    """The entry as text with CRLF line ends.

    `uid` stays the same for as long as the visit exists. SEQUENCE grows with every change of the record upstream, so with every
    move and cancellation: calendars then replace what they have.
    """
    visit = record.shown
    lines = [
        "BEGIN:VCALENDAR",
        "VERSION:2.0",
        f"PRODID:{_PRODUCT}",
        "CALSCALE:GREGORIAN",
        "METHOD:PUBLISH",
        "BEGIN:VEVENT",
        f"UID:{_text(uid)}",
        f"SEQUENCE:{_sequence(record)}",
        f"DTSTAMP:{_moment(now)}",
        f"DTSTART:{_moment(visit.start)}",
        f"DTEND:{_moment(end_of(visit))}",
        f"SUMMARY:{_text(title)}",
        *([f"LOCATION:{_text(place)}"] if place else ()),
        f"STATUS:{'CANCELLED' if _is_off(visit) else 'CONFIRMED'}",
        "CLASS:PRIVATE",
        f"TRANSP:{'TRANSPARENT' if _is_off(visit) else 'OPAQUE'}",
        "END:VEVENT",
        "END:VCALENDAR",
    ]
    return "".join(f"{_folded(line)}\r\n" for line in lines)


def _is_off(visit: Appointment) -> bool:
    """Whether the visit is cancelled or moved away; one that took place, or was missed, stays in the calendar."""
    return visit.status in {AppointmentStatus.CANCELLED, AppointmentStatus.RESCHEDULED}


def _sequence(record: VisitRecord) -> int:
    changed = record.updated_at
    return max(0, int((changed - _SEQUENCE_BEGINS).total_seconds())) if changed else 0


def _moment(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y%m%dT%H%M%SZ")


def _text(value: str) -> str:
    """A value of type TEXT (section 3.3.11); other control characters have no place in one."""
    escaped = value.replace("\\", "\\\\").replace(";", "\\;").replace(",", "\\,")
    lines = escaped.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    return "\\n".join("".join(sign for sign in line if sign.isprintable()) for line in lines)


def _folded(line: str) -> str:
    """The line, folded between characters, never within one."""
    parts, octets = [""], 0
    for sign in line:
        size = len(sign.encode())
        if octets + size > _LINE_OCTETS:
            parts.append(" ")
            octets = 1
        parts[-1] += sign
        octets += size
    return "\r\n".join(parts)
