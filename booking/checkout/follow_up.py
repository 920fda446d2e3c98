"""Seeing after a checkout that has ended, or that a person has: its hold is given back for certain, and late truth looked for.

What late truth is, and when it is looked for, is in checkout/reconciliation.py and checkout/reconciliation_schedule.py; here is what a look that answered, or did not,
comes to on the row.
"""

from collections.abc import Sequence

import structlog

from booking.checkout.leases import LeasedWriter
from booking.checkout.model import Checkout
from booking.checkout.reconciliation import LateReconciler
from booking.checkout.reconciliation_schedule import (
    checked_enough,
    is_wanted_at_once,
    next_check,
    only_books_are_due,
)
from booking.checkout.timing import SETTLE
from booking.checkout.transitions import LATE, TERMINAL
from booking.errors import OutcomeUnknown, UpstreamUnavailable
from booking.operations.model import AttentionReason
from booking.ports import Clock
from booking.unit_of_work import UnitOfWorkFactory
from booking.work_context import working_for

log = structlog.get_logger(__name__)


class FollowUp:
    """What a worker does after the end; whatever is to be undone then, the saga drives."""

    def __init__(
        self, *, late: LateReconciler, writer: LeasedWriter, units: UnitOfWorkFactory, clock: Clock
    ) -> None:
        self._late = late
        self._writer = writer
        self._units = units
        self._clock = clock

    async def follow_up(self, checkout: Checkout) -> Checkout | None:
        """Do what is due: the hold is given back for certain, then late truth is looked for.

        Answers the row as it shall be reopened, to undo what was found; None: nothing is to be undone, and what was found is
        written. Raises StaleCheckout.
        """
        if checkout.state not in TERMINAL:  # a person has it
            return await self._look_again(checkout)
        now = self._clock.now()
        if only_books_are_due(checkout, now=now):
            await self._compare(checkout, checkout, await self._others(checkout))
            return None
        freed = checkout.checks > 0 or await self._free_hold(checkout)
        planned = next_check(checkout)
        if not is_wanted_at_once(checkout) and (planned is None or now < planned):
            due = planned if freed else min(now + SETTLE, planned or now + SETTLE)
            await self._writer.write(checkout, checkout.changed(due_at=due, updated_at=now))
            return None
        return await self._look_again(checkout)

    async def _free_hold(self, checkout: Checkout) -> bool:
        """Give the hold back as the end should have done, unless another checkout stands on it by now."""
        async with self._units() as unit:
            standing = await unit.checkouts.live_for_hold(checkout.hold_id)
        return standing is not None or await self._writer.give_back_hold(checkout)

    async def _look_again(self, checkout: Checkout) -> Checkout | None:
        """Look for late truth; answers and raises as `follow_up`."""
        try:
            others = await self._others(checkout)
            with working_for(checkout):
                after = await self._late.check(checkout, others)
        except (UpstreamUnavailable, OutcomeUnknown) as error:
            await self._look_later(checkout, checkout, type(error).__name__)
            return None
        except Exception as error:
            await self._look_later(checkout, checkout, type(error).__name__)
            raise
        if after.state in LATE:
            log.warning(
                "checkout.late_truth", checkout=checkout.id, ended=checkout.state, undoing=after.state
            )
            return after
        await self._compare(checkout, after, others)
        return None

    async def _compare(self, before: Checkout, looked: Checkout, others: Sequence[Checkout]) -> None:
        """Write what a look found, with what the books say; where only they cannot be read, they alone are read again later.

        Raises StaleCheckout.
        """
        try:
            after = await self._late.compare(looked, others)
        except UpstreamUnavailable as error:
            await self._look_later(before, looked, type(error).__name__)
        except Exception as error:
            await self._look_later(before, looked, type(error).__name__)
            raise
        else:
            await self._writer.record(before, after.changed(tries=0))

    async def _look_later(self, before: Checkout, after: Checkout, why: str) -> None:
        """Write what was found, and that the rest is still to be looked at."""
        log.info("checkout.reconciliation_postponed", checkout=before.id, why=why, tries=after.tries + 1)
        after = after.changed(tries=after.tries + 1)
        if checked_enough(after, now=self._clock.now()):
            after = after.flagged(AttentionReason.LATE_LOOK_FAILED)
        await self._writer.record(before, after)

    async def _others(self, checkout: Checkout) -> Sequence[Checkout]:
        if checkout.patient_id is None:
            return ()
        async with self._units() as unit:
            return await unit.checkouts.of_patient(checkout.patient_id, besides=checkout.id)
