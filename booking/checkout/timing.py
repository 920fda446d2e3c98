"""The times of the saga, and the rule that ties them.

    worst upstream latency  <  SETTLE  <  STEP_BUDGET  <  LEASE

- SETTLE: what was sent has landed or never will, so that finding nothing means that nothing was done.
- STEP_BUDGET: the longest that a step with one change takes. A step begins only when so much is left of its lease, else the lease is
  renewed first. A state whose step takes longer has a budget of its own (checkout/states.py).
- LEASE: a step that began has ended and is written before anybody else may take the row.

A step that may send more than one change asks once more before each further one whether the lease lasts (`ensure_lease_lasts`). The
timeouts that these stand on are the adapters'; a test holds the sums.
"""

from datetime import datetime, timedelta

from booking.checkout.model import Checkout
from booking.errors import UpstreamUnavailable

# Longer than the worst upstream latency (a mutation is given up after 20 s), so that what was sent has landed or never will.
SETTLE = timedelta(seconds=30)

# What must be left of the lease when a step begins: the longest that one step takes. A change with its turn (2 s), its
# record (5 s) and its timeout (21 s), and three reads around it (12 s each).
STEP_BUDGET = timedelta(seconds=65)

# What must be left of it when a patient's record is about to be made: upstream may refuse the first of two changes, and the last
# may have to be read back.
CREATE_PATIENT_BUDGET = timedelta(seconds=70)

# The same when it is looked up first whether the patient is known, which seldom takes longer than this.
IDENTIFY_BUDGET = CREATE_PATIENT_BUDGET + timedelta(seconds=15)

# Longer than the longest step, with time to write what came of it.
LEASE = timedelta(seconds=90)

# While its patient may wait for it a row is taken up again as soon as looking is safe; after ten minutes nobody waits at the
# screen, and an upstream that is down or has locked us out is asked more rarely.
EAGER_TRIES = 20
RARELY = timedelta(minutes=5)

# A step that keeps failing is given to a person after this many tries: two and a half hours, since outages and lockouts of an
# hour are reported (Healthie), and what is done late by a machine is still done right. That it lasts is alerted long before.
MAX_TRIES = 50

# After the end a worker gives the hold back once more: whoever has not done it by then died right after the commit.
FREE_AGAIN = timedelta(seconds=5)


def pause_after(tries: int) -> timedelta:
    """How long a row is parked whose step has failed so many times in a row."""
    return SETTLE if tries < EAGER_TRIES else RARELY


def lease_lasts(checkout: Checkout, budget: timedelta, *, now: datetime) -> bool:
    """Whether as much is left of the row's lease."""
    return checkout.lease_until is not None and checkout.lease_until - now >= budget


def ensure_lease_lasts(checkout: Checkout, budget: timedelta, *, now: datetime) -> None:
    """Raise UpstreamUnavailable where less is left of the row's lease: nothing is sent, and the row is parked."""
    if not lease_lasts(checkout, budget, now=now):
        raise UpstreamUnavailable("the lease does not last for another change")
