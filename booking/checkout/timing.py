"""The durations of the saga, and the inequality that makes it safe.

    worst upstream latency  <  SETTLE  <  STEP_BUDGET  <  LEASE

- SETTLE: after it, a call that was sent has landed or never will, so finding nothing means that nothing was done.
- STEP_BUDGET: the longest that a step with one change takes. A step begins only when this much of its lease is left; otherwise the
  lease is renewed first. A state whose step takes longer has its own `budget` (checkout/states.py).
- LEASE: a step that began has ended, and its result is written, before another driver may take the row over.

A step that may send more than one change checks the lease again before each further one (`ensure_lease_lasts`). The
adapters set the timeouts that these numbers are made of; tests/unit/test_healthie_client.py checks the sums.
"""

from datetime import datetime, timedelta

from booking.checkout.model import Checkout
from booking.errors import UpstreamUnavailable

# Longer than the worst upstream latency: a mutation is given up after 20 s.
SETTLE = timedelta(seconds=30)

# The longest that one step takes: a change with its wait at the gate (2 s), its audit record (5 s) and its timeout
# (21 s), and three reads around it (12 s each).
STEP_BUDGET = timedelta(seconds=65)

# The same for creating a patient's record: upstream may refuse the first of two changes, and the second may have to be
# read back.
CREATE_PATIENT_BUDGET = timedelta(seconds=70)

# The same with the search for an existing record before it, which seldom takes longer than these 15 s.
IDENTIFY_BUDGET = CREATE_PATIENT_BUDGET + timedelta(seconds=15)

# Longer than the longest step, with time to write its result.
LEASE = timedelta(seconds=90)

# A parked row is driven again every SETTLE while its patient may be waiting (20 tries, ten minutes), then every RARELY:
# an upstream that is down, or has locked our key out, gets fewer calls.
EAGER_TRIES = 20
RARELY = timedelta(minutes=5)

# A step that keeps failing is escalated to a person after this many tries, two and a half hours: Healthie's outages and
# lockouts of an hour are reported, and a machine that acts late still acts right. People are alerted that it is stuck
# long before.
MAX_TRIES = 50

# After the end a worker releases the hold once more: a process that has not done it by then died right after its commit.
RELEASE_AGAIN = timedelta(seconds=5)


def pause_after(tries: int) -> timedelta:
    """Return how long to park a row whose step has failed `tries` times in a row."""
    return SETTLE if tries < EAGER_TRIES else RARELY


def lease_lasts(checkout: Checkout, budget: timedelta, *, now: datetime) -> bool:
    """Whether at least `budget` is left of the row's lease."""
    return checkout.lease_until is not None and checkout.lease_until - now >= budget


def ensure_lease_lasts(checkout: Checkout, budget: timedelta, *, now: datetime) -> None:
    """Raise UpstreamUnavailable unless at least `budget` is left of the row's lease: nothing is sent, and the row is parked."""
    if not lease_lasts(checkout, budget, now=now):
        raise UpstreamUnavailable("the lease does not last for another change")
