"""What patients wait for, and what was offered to them: values without behaviour. Times are in UTC unless a zone is named."""

import hashlib
import json
from dataclasses import asdict, dataclass, replace
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Any, Self

from booking.catalog.model import ContactType
from booking.slots import Slot


class EntryState(StrEnum):
    """Where a place on the waitlist stands."""

    WAITING = "waiting"
    BOOKED = "booked"  # an offered time was booked
    LEFT = "left"  # by the patient
    OVER = "over"  # the last day that they waited for has passed
    UNANSWERED = (
        "unanswered"  # so many offers in a row went unanswered that the patient seems not to wait any more
    )


class OfferState(StrEnum):
    """The recovery points of an offer."""

    INTENDED = "intended"  # committed before the time is held
    OFFERED = "offered"  # held for the patient, and announced
    BOOKED = "booked"
    PASSED_ON = "passed_on"  # declined, or not answered before the hold's end
    LOST = "lost"  # somebody else has the time, or it does not suit any more; as a rule the patient heard nothing of it
    WITHDRAWN = "withdrawn"  # the patient left the waitlist meanwhile


LIVE = frozenset({OfferState.INTENDED, OfferState.OFFERED})
# After these the same time is not offered to the same entry again.
SEEN = frozenset({OfferState.BOOKED, OfferState.PASSED_ON, OfferState.WITHDRAWN})


@dataclass(frozen=True, kw_only=True)
class Hours:
    """A span of the day in minutes since midnight, in the patient's zone; the start is inclusive, the end is not."""

    start: int
    end: int  # at most 1440, midnight


@dataclass(frozen=True, kw_only=True)
class Wish:
    """Which times a patient waits for."""

    visit_type_id: str
    contact_type: ContactType
    location_id: str | None
    clinician_ids: tuple[str, ...] | None  # sorted; None: anybody
    state: str | None  # two letters: only clinicians licensed there
    weekdays: tuple[int, ...]  # sorted, Monday is 1 (ISO 8601); empty: any
    hours: tuple[Hours, ...]  # the visit starts within one of them; empty: any
    time_zone: str  # IANA; the patient's
    notice: timedelta  # between the offer and the visit
    until: date  # the last day, in time_zone

    @property
    def group(self) -> str:
        """What is looked for together: the visit type, contact type and location. No patient data."""
        return f"{self.visit_type_id}|{self.contact_type}|{self.location_id or ''}"

    @property
    def digest(self) -> str:
        """The same for equal wishes only."""
        text = json.dumps(asdict(self), default=str, sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:32]


@dataclass(frozen=True, kw_only=True)
class WaitlistEntry:
    """A patient's place on the waitlist."""

    id: str
    patient_id: str
    wish: Wish
    state: EntryState
    joined_at: datetime  # decides the order
    ends_at: datetime  # the end of the last day
    unanswered: int = 0  # offers in a row that were not answered
    ended_at: datetime | None = None

    @property
    def owner(self) -> str:
        """The patient's key as a principal, who owns the holds of offers."""
        return f"patient:{self.patient_id}"


@dataclass(frozen=True, kw_only=True)
class WaitlistOffer:
    """One time that is offered to one entry."""

    id: str
    version: int  # optimistic locking
    entry_id: str
    patient_id: str
    slot: Slot
    hold_id: str
    state: OfferState
    created_at: datetime
    expires_at: datetime  # of the hold; planned until it is taken
    due_at: datetime | None  # when a worker takes it up; None: it has ended
    ended_at: datetime | None = None

    @property
    def owner(self) -> str:
        """Who owns the hold, as a principal."""
        return f"patient:{self.patient_id}"

    @property
    def is_live(self) -> bool:
        """Whether it has not ended."""
        return self.state in LIVE

    def changed(self, **changes: Any) -> Self:
        """A copy with these values."""
        return replace(self, **changes)

    def ended(self, state: OfferState, *, now: datetime) -> Self:
        """A copy that has ended so."""
        return replace(self, state=state, ended_at=now, due_at=None)


@dataclass(frozen=True, kw_only=True)
class Look:
    """A leased look for free times of one group."""

    group: str
    marks: int  # how often it was asked for until the lease
    lease_until: datetime  # whoever took it over since has another one
    groups: int = 1  # that wait, this one included
