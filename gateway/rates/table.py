"""The rate limits, as data, each with its reason. All are per practice, and far above what patients do (docs/rates.md).

`caller` limits one caller (a visitor's, guest's or person's token), `network` all callers from one address (IPv6: one /64) where the
address is known, `strangers` all callers together who have not signed in.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta

from booking.checkout.attempt_limits import AttemptKind


@dataclass(frozen=True, kw_only=True)
class Rate:
    """The limits of one kind of request or attempt in a window; None: no limit."""

    what: str
    window: timedelta
    caller: int | None = None
    network: int | None = None
    strangers: int | None = None
    block: int | None = None  # all strangers from one IPv4 /24 or IPv6 /48, where the address is known
    day: int | None = None  # all strangers together, for one day of one clinician, within `AHEAD`

    def times(self, factor: float) -> "Rate":
        """The rate with every limit multiplied, rounded, and at least 1."""
        scaled = {
            name: None if most is None else max(1, round(most * factor))
            for name, most in (
                ("caller", self.caller),
                ("network", self.network),
                ("strangers", self.strangers),
                ("block", self.block),
                ("day", self.day),
            )
        }
        return replace(self, **scaled)  # type: ignore[arg-type]  # none of them is the name or the window


_MINUTE = timedelta(minutes=1)
_TEN_MINUTES = timedelta(minutes=10)
_HOUR = timedelta(hours=1)
_DAY = timedelta(days=1)

# The window of `day`: a clinician's day fills up for as long as it is on offer, which is seldom longer than this.
AHEAD = timedelta(days=31)

# Every request over HTTP and every operation on a socket, also those that are refused later. An app sends some ten when it opens, and no
# person reads five pages a second. A mobile carrier's address is shared by many patients, of whom few use one practice at once.
REQUESTS = Rate(what="request", window=_MINUTE, caller=300, network=1200)

# Upstream requests of a search for free time with cold caches (`upstream`): `slots` and `slotsChanged` one per two days, `availableDays`
# one; counted when the operation begins, even if the client hangs up. The default pace sends 120 a minute for all callers. The limit is
# a person who leafs quickly through six months, or through half a year week by week.
FREE_TIME = Rate(what="free-time", window=_MINUTE, caller=96, network=384)

# Requests for calendar entries: `caller` is one entry, each of which is read upstream. Calendars that subscribe ask every fifteen minutes
# at most, and a household has a few of them.
CALENDAR = Rate(what="calendar", window=_TEN_MINUTES, caller=20, network=240)

# Root fields, in addition; each occurrence counts.
FIELDS: Mapping[str, Rate] = {
    # An app asks for one and keeps it. Limits per visitor are worth only as much as visitor tokens are hard to get.
    "newVisitorToken": Rate(what="visitor", window=_TEN_MINUTES, network=60),
    # Each reads that clinician's day from Healthie. A patient who loses the race for three slots in a row holds a fourth.
    "holdSlot": Rate(what="hold", window=_TEN_MINUTES, caller=30, network=120),
    # Each writes a row with a guest's sealed details, and a promo code is looked up at Healthie; every change of mind is another start.
    "startCheckout": Rate(what="start", window=_TEN_MINUTES, caller=30, network=60),
    # Codes have limits of their own: mails per hour (below), and tries per code.
    "requestEmailVerification": Rate(what="email-code", window=_TEN_MINUTES, caller=30, network=120),
    "verifyEmail": Rate(what="verify-email", window=_TEN_MINUTES, caller=30, network=120),
    # Cards have a limit of their own below; this one is for floods of confirms.
    "confirmCheckout": Rate(what="confirm", window=_TEN_MINUTES, caller=30, network=120),
    # Each reads a visit, its rules and its payment from Healthie. An app asks for both when a visit is opened, and again when a time is chosen.
    "cancellationQuote": Rate(what="cancellation-quote", window=_TEN_MINUTES, caller=60, network=240),
    "rescheduleQuote": Rate(what="reschedule-quote", window=_TEN_MINUTES, caller=60, network=240),
    # Nobody has thirty visits to change in ten minutes, but for a member of staff on the day when a clinician falls ill.
    "cancelAppointment": Rate(what="cancel-visit", window=_TEN_MINUTES, caller=30, network=120),
    # As for visits; a patient has one or two memberships.
    "membershipEndQuote": Rate(what="membership-quote", window=_TEN_MINUTES, caller=60, network=240),
    "membershipPauseQuote": Rate(what="membership-pause-quote", window=_TEN_MINUTES, caller=60, network=240),
    "membershipResumeQuote": Rate(
        what="membership-resume-quote", window=_TEN_MINUTES, caller=60, network=240
    ),
    "pauseMembership": Rate(what="pause-membership", window=_TEN_MINUTES, caller=30, network=120),
    "resumeMembership": Rate(what="resume-membership", window=_TEN_MINUTES, caller=30, network=120),
    "cancelMembership": Rate(what="end-membership", window=_TEN_MINUTES, caller=30, network=120),
    "rescheduleAppointment": Rate(what="move-visit", window=_TEN_MINUTES, caller=30, network=120),
    # A place is a row and a look at the calendar; one patient has a few places at a time, and changes their mind.
    "joinWaitlist": Rate(what="join-waitlist", window=_TEN_MINUTES, caller=20, network=80),
    "leaveWaitlist": Rate(what="leave-waitlist", window=_TEN_MINUTES, caller=30, network=120),
}

# Promo codes that did not apply. Codes are words that people choose: a thousand guesses find one.
PROMO_CODES = Rate(what=AttemptKind.PROMO_CODE, window=_HOUR, caller=10, network=40, strangers=200)

# Mails with a code. A patient mistypes the address, or finds the first mail in the spam folder and asks once more. The limit protects
# mailboxes from floods and the practice's reputation as a sender. An email address counts as a caller too.
EMAIL_CODES = Rate(what=AttemptKind.EMAIL_CODE, window=_HOUR, caller=5, network=20, strangers=300)

# Refused webhook deliveries per network: forged, or signed with another secret. Healthie retries for three days.
REFUSED_WEBHOOKS = Rate(what="refused-webhook", window=_MINUTE, network=60)


# Unpaid visits per stranger: one for each child, say.
_UNPAID_OF_CALLER = 3

# A block of addresses may be one customer's or a town's: so many of its networks may use up their limits.
_NETWORKS_OF_BLOCK = 3


# Patients' records that were created for guests who then did not pay: a declined card, a change of mind. A guest who pays after a decline
# stays counted, so the limit of all guests is many times that of a network.
NEW_RECORDS = Rate(
    what=AttemptKind.NEW_RECORD,
    window=_DAY,
    caller=10,
    network=20,
    strangers=300,
    block=_NETWORKS_OF_BLOCK * 20,
)


def unpaid_visits(*, network: int, day: int, strangers: int) -> Rate:
    """The rate of visits that strangers book without a payment, with the limits of the settings; per day, since a booked visit stays counted."""
    return Rate(
        what=AttemptKind.UNPAID_VISIT,
        window=_DAY,
        caller=_UNPAID_OF_CALLER,
        network=network,
        strangers=strangers,
        block=_NETWORKS_OF_BLOCK * network,
        day=day,
    )


def cards(*, caller: int, network: int, strangers: int) -> Rate:
    """The rate of cards that were tried and did not pay, with the limits of the settings; per hour."""
    return Rate(what=AttemptKind.CARD, window=_HOUR, caller=caller, network=network, strangers=strangers)
