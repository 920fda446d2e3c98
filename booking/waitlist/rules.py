"""The rules of the waitlist: limits, how long offers last, when none go out."""

from dataclasses import dataclass, field
from datetime import datetime, time, timedelta

from booking.zones import zone


@dataclass(frozen=True, kw_only=True)
class QuietHours:
    """A span of the day in which no offer goes out, in each patient's own time zone. It may cross midnight."""

    start: time
    end: time

    def covers(self, now: datetime, time_zone: str) -> bool:
        """Whether it is quiet now (UTC) in the zone; never when start and end are equal."""
        local = now.astimezone(zone(time_zone)).time()
        if self.start <= self.end:
            return self.start <= local < self.end
        return local >= self.start or local < self.end


@dataclass(frozen=True, kw_only=True)
class WaitlistRules:
    """What a practice may set."""

    # Long enough to see a message, sign in and pay; short enough that a time of the same day reaches a second and a third patient.
    offer_lasts: timedelta = timedelta(minutes=15)
    quiet: QuietHours = field(default_factory=lambda: QuietHours(start=time(21), end=time(8)))
    per_patient: int = 3
    in_all: int = 500
    # Without a change signal. The working hours of clinicians change seldom, and most changes of visits are signalled.
    look_every: timedelta = timedelta(minutes=5)


# A patient who let so many offers in a row pass does not wait any more; each of them kept a time from others.
MOST_UNANSWERED = 3

# Days ahead that a patient can wait for: what one search covers.
MOST_DAYS = 31

# Offers that one look makes, so that its work is bounded.
MOST_OFFERS = 20

# Entries that are read at once: one statement, and one pause for others, for so many.
PAGE = 250

# Rest of a group after a look, for each request that it may have cost, and for each group that waits: all of them together ask for a
# quarter of a request per second, an eighth of the usual pace.
REST_PER_REQUEST = timedelta(seconds=4)
DAYS_PER_REQUEST = 2

# A lease is longer than what it covers: reads upstream with all their tries.
LEASE = timedelta(minutes=2)

# How often an announced offer is looked at: whether its time was booked, and whether the hold store still has its hold.
CHECK_EVERY = timedelta(seconds=30)
