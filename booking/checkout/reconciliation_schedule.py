"""When late truth (checkout/reconciliation.py) is looked for: five times in the 72 hours after a checkout's end, and again where a look failed."""

from datetime import datetime, timedelta

from booking.checkout.model import Checkout

# After the end. The first is longer than the slowest call takes to land, the last as long as staff take to send a failed
# payment again after a weekend.
CHECKS_AFTER = (
    timedelta(minutes=5),
    timedelta(hours=1),
    timedelta(hours=6),
    timedelta(hours=24),
    timedelta(hours=72),
)

# After a look that upstream did not answer, or that came in the middle of another payment of the patient, or whose books could
# not be read. It doubles with every try: no outage is made longer than twice, and a key that is dead is not asked all day.
CHECK_AGAIN = timedelta(minutes=5)
LONGEST_WAIT = timedelta(days=1)

# So long after the end nobody asks upstream any more.
CHECKED_ENOUGH = timedelta(hours=96)


def next_check(checkout: Checkout) -> datetime | None:
    """When a checkout that has ended, or that a person has, is looked at again.

    None: it never tried to charge or book, or was looked at often enough.
    """
    if not checkout.attempts or checkout.ended_at is None or checkout.checks >= len(CHECKS_AFTER):
        return None
    return checkout.ended_at + CHECKS_AFTER[checkout.checks]


def at_once(checkout: Checkout) -> Checkout:
    """A row that ends by an operator's word, due for a look in the very moment of its end."""
    return checkout.changed(due_at=checkout.ended_at)


def is_wanted_at_once(checkout: Checkout) -> bool:
    """Whether an ended row is due since `at_once`; every other end is due later, for its hold."""
    ended, due = checkout.ended_at, checkout.due_at
    return ended is None or due is None or due <= ended


def due_next(checkout: Checkout, *, now: datetime) -> datetime | None:
    """When a worker takes up what has ended: for its next look, or sooner, to try again what its `tries` did not bring.

    None: never again.
    """
    planned = next_check(checkout)
    if not checkout.tries:
        return planned
    if checked_enough(checkout, now=now):
        return None
    again = now + min(CHECK_AGAIN * (1 << min(checkout.tries - 1, 10)), LONGEST_WAIT)
    return again if planned is None or planned <= now else min(again, planned)


def checked_enough(checkout: Checkout, *, now: datetime) -> bool:
    """Whether what could not be looked at by now is given to a person."""
    return checkout.ended_at is not None and now >= checkout.ended_at + CHECKED_ENOUGH


def only_books_are_due(checkout: Checkout, *, now: datetime) -> bool:
    """Whether upstream was looked at in time, and the card processor's books could not be read then."""
    planned = next_check(checkout)
    return checkout.tries > 0 and (planned is None or now < planned)
