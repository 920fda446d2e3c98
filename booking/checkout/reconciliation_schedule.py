"""The schedule of reconciliation checks: five in the 72 hours after a checkout's end, and retries with exponential backoff."""

from datetime import datetime, timedelta

from booking.checkout.model import Checkout

# Times after the end. The first is later than the slowest call lands; the last leaves staff a weekend to send a failed
# payment again.
CHECKS_AFTER = (
    timedelta(minutes=5),
    timedelta(hours=1),
    timedelta(hours=6),
    timedelta(hours=24),
    timedelta(hours=72),
)

# First retry after a check that upstream or the ledger did not answer, or that came during another payment of the
# patient. It doubles with every try up to LONGEST_WAIT: a check is at most as late again as the outage was long, and a
# dead key is not tried all day.
CHECK_AGAIN = timedelta(minutes=5)
LONGEST_WAIT = timedelta(days=1)

# After this time from the end there are no more retries.
CHECKED_ENOUGH = timedelta(hours=96)


def next_check(checkout: Checkout) -> datetime | None:
    """Return when the next scheduled check of an ended or escalated checkout is due (UTC).

    None: it never tried to charge or book, or all checks are done.
    """
    if not checkout.attempts or checkout.ended_at is None or checkout.checks >= len(CHECKS_AFTER):
        return None
    return checkout.ended_at + CHECKS_AFTER[checkout.checks]


def at_once(checkout: Checkout) -> Checkout:
    """Make a row that an operator resolved due for a check at the time of its end."""
    return checkout.changed(due_at=checkout.ended_at)


def is_wanted_at_once(checkout: Checkout) -> bool:
    """Whether an ended row was made due by `at_once`; all others are due later than their end, to release the hold."""
    ended, due = checkout.ended_at, checkout.due_at
    return ended is None or due is None or due <= ended


def due_next(checkout: Checkout, *, now: datetime) -> datetime | None:
    """Return when a worker takes an ended row up (UTC); None: never again.

    For its next check, or sooner, to retry the one that failed `tries` times.
    """
    planned = next_check(checkout)
    if not checkout.tries:
        return planned
    if checked_enough(checkout, now=now):
        return None
    again = now + min(CHECK_AGAIN * (1 << min(checkout.tries - 1, 10)), LONGEST_WAIT)
    return again if planned is None or planned <= now else min(again, planned)


def checked_enough(checkout: Checkout, *, now: datetime) -> bool:
    """Whether a check that still fails is escalated instead of retried."""
    return checkout.ended_at is not None and now >= checkout.ended_at + CHECKED_ENOUGH


def only_ledger_is_due(checkout: Checkout, *, now: datetime) -> bool:
    """Whether the last check reached upstream and only the card processor's ledger could not be read."""
    planned = next_check(checkout)
    return checkout.tries > 0 and (planned is None or now < planned)
