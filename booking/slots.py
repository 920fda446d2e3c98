"""Slots: intervals of a clinician's time that are offered for a visit."""

import base64
import binascii
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Self

from booking.catalog.model import ContactType
from booking.errors import InvalidInput
from booking.slot_ids import slot_ids
from booking.zones import zone


@dataclass(frozen=True, kw_only=True)
class Interval:
    """A half-open span of time [start, end), both aware and in UTC."""

    start: datetime
    end: datetime

    def __post_init__(self) -> None:
        if self.start.utcoffset() != timedelta(0) or self.end.utcoffset() != timedelta(0):
            raise ValueError("an interval is kept in UTC")
        if self.start >= self.end:
            raise ValueError("an interval ends after it starts")

    def overlaps(self, other: Self) -> bool:
        """Whether the two intervals overlap; adjacent ones do not.

        Listing, holding and booking all use this predicate, a list of slots in whole seconds (`scheduling/free_slots.py`).
        """
        return self.start < other.end and other.start < self.end


@dataclass(frozen=True, kw_only=True)
class Busy:
    """An interval of a clinician's time that is held or claimed."""

    clinician_id: str
    interval: Interval
    until: datetime | None = field(default=None, compare=False)  # UTC; when a hold expires; None for a claim


@dataclass(frozen=True, kw_only=True)
class Slot:
    """One offer: a clinician, a visit type, a time and a contact type."""

    clinician_id: str
    visit_type_id: str
    contact_type: ContactType
    location_id: str | None  # set for in-person visits, and only for them
    start: datetime  # UTC
    minutes: int

    @property
    def end(self) -> datetime:
        """The end of the visit, UTC."""
        return self.start + timedelta(minutes=self.minutes)

    @property
    def day(self) -> date:
        """The day on which the visit starts, in UTC."""
        return self.start.astimezone(UTC).date()

    @property
    def interval(self) -> Interval:
        """The time that the visit takes."""
        return Interval(start=self.start, end=self.end)

    @property
    def id(self) -> str:
        """An opaque id that encodes all fields of the slot (URL-safe Base64); it holds no patient data."""
        return self.id_in(None)

    def id_in(self, time_zone: str | None) -> str:
        """The id of the slot as it is shown in a time zone: other texts of its times, another id (ADR 60)."""
        (slot_id,) = slot_ids(
            [self.clinician_id],
            [int(self.start.timestamp())],
            [self.minutes],
            visit_type_id=self.visit_type_id,
            contact_type=self.contact_type.value,
            location_id=self.location_id,
            time_zone=time_zone,
        )
        return slot_id

    @classmethod
    def from_id(cls, slot_id: str) -> Self:
        """Decode a slot's id, with or without a time zone. Does not check whether the slot is on offer.

        Raises InvalidInput when the text is not the id of a slot.
        """
        try:
            raw = base64.b64decode(
                slot_id + "=" * (-len(slot_id) % 4), altchars=b"-_", validate=True
            ).decode()
            *shown_in, clinician, visit_type, contact, location, start, minutes = raw.split("|")
            time_zone = zone(*shown_in).key if shown_in else None
            slot = cls(
                clinician_id=clinician,
                visit_type_id=visit_type,
                contact_type=ContactType(contact),
                location_id=location or None,
                start=datetime.fromtimestamp(int(start), UTC),
                minutes=int(minutes),
            )
            sound = slot.id_in(time_zone) == slot_id and slot.interval.end - slot.start <= _LONGEST_VISIT
        except (binascii.Error, ValueError, TypeError, OverflowError, OSError, InvalidInput) as error:
            raise InvalidInput(
                field="slotId", reason="This is not the id of a slot. Take it from the slots query."
            ) from error
        if not (sound and clinician and visit_type):
            raise InvalidInput(
                field="slotId", reason="This is not the id of a slot. Take it from the slots query."
            )
        return slot


# No visit is longer than a day; this bounds the interval that a forged slot id could claim.
_LONGEST_VISIT = timedelta(days=1)
