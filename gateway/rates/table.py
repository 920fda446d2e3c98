"""The rates, as data. All are per practice; each is far above what patients do, and says whom it is for.

`caller` is for one caller (a visitor's, guest's or person's token), `network` for all from one address (IPv6: from one /64), where the
address is known; `strangers` for everybody together who has not signed in.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta

from booking.checkout.attempt_limits import AttemptKind


@dataclass(frozen=True, kw_only=True)
class Rate:
    """How much of something in a window; None: any number."""

    what: str
    window: timedelta
    caller: int | None = None
    network: int | None = None
    strangers: int | None = None
    block: int | None = None  # all from one IPv4 /24 or IPv6 /48, where the address is known
    day: int | None = None  # all strangers together on one day of one clinician, in `AHEAD`

    def times(self, factor: float) -> "Rate":
        """So many times as much, and at least 1."""
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

# A clinician's day is filled in all the time that it is on offer, and not within a window of the rate: most are not for longer than this.
AHEAD = timedelta(days=31)

# Every request over HTTP and every operation on a socket, whatever becomes of it. An app that opens sends some ten; nobody reads five
# pages a second. A mobile carrier's address stands for many patients, of whom few use one practice at once.
REQUESTS = Rate(what="request", window=_MINUTE, caller=300, network=1200)

# Requests to Healthie that looking for free time takes when nobody has just asked the same (`upstream`): `slots` and `slotsChanged` one
# for two days, `availableDays` one; counted when they are asked for, however soon they are given up. The usual pace sends 120 in a
# minute for everybody. Somebody who leafs through six months, or half a year of weeks, quickly.
FREE_TIME = Rate(what="free-time", window=_MINUTE, caller=96, network=384)

# What a document asks for at its root, besides. Each time it stands there counts.
FIELDS: Mapping[str, Rate] = {
    # An app asks for one and keeps it. What counts by visitor is worth as much as these are hard to get.
    "newVisitorToken": Rate(what="visitor", window=_TEN_MINUTES, network=60),
    # Healthie is asked for that clinician's day. A patient who is late for the third slot in a row holds a fourth.
    "holdSlot": Rate(what="hold", window=_TEN_MINUTES, caller=30, network=120),
    # A row each with a guest's sealed details, and for a promo code a question to Healthie; changing one's mind is a start again.
    "startCheckout": Rate(what="start", window=_TEN_MINUTES, caller=30, network=60),
    # Codes have their own bounds: so many mails an hour, so many tries of each.
    "requestEmailVerification": Rate(what="email-code", window=_TEN_MINUTES, caller=30, network=120),
    "verifyEmail": Rate(what="verify-email", window=_TEN_MINUTES, caller=30, network=120),
    # Cards have their own bound below; this is for who only knocks.
    "confirmCheckout": Rate(what="confirm", window=_TEN_MINUTES, caller=30, network=120),
}

# Promo codes that did not apply. Codes are words that people make up: a thousand guesses find one.
PROMO_CODES = Rate(what=AttemptKind.PROMO_CODE, window=_HOUR, caller=10, network=40, strangers=200)

# Mails with a code. A patient mistypes the address, finds the first in the spam folder and asks once more; nobody's mailbox is to be
# filled, and the practice's sender is to keep its good name. An email address counts as a caller.
EMAIL_CODES = Rate(what=AttemptKind.EMAIL_CODE, window=_HOUR, caller=5, network=20, strangers=300)

# Webhooks that were refused, by address: forged ones, or a secret that is wrong. Healthie sends again for three days.
REFUSED_WEBHOOKS = Rate(what="refused-webhook", window=_MINUTE, network=60)


# What one who has not signed in may book without a payment: one for each child, say.
_UNPAID_OF_CALLER = 3

# A block of addresses may be one customer's, or a town's: so many networks may come to their bound in it.
_NETWORKS_OF_BLOCK = 3


# Records that guests made on the way to a payment and did not make: a card that is declined, a change of mind. Whose card is declined first
# and pays then is counted too, so all guests together may do many times what one network may.
NEW_RECORDS = Rate(
    what=AttemptKind.NEW_RECORD,
    window=_DAY,
    caller=10,
    network=20,
    strangers=300,
    block=_NETWORKS_OF_BLOCK * 20,
)


def unpaid_visits(*, network: int, day: int, strangers: int) -> Rate:
    """Visits without a payment that strangers booked, from the settings. A day's window: they are given back by nobody."""
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
    """Cards that were tried and did not pay, from the settings."""
    return Rate(what=AttemptKind.CARD, window=_HOUR, caller=caller, network=network, strangers=strangers)
