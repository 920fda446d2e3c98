"""Follow-up of a checkout that has ended or was escalated: makes sure that its hold is released, and runs reconciliation on schedule.

checkout/reconciliation.py compares the checkout with upstream, and checkout/reconciliation_schedule.py says when. This module
writes the result on the row, and reschedules a check that failed.
"""

from collections.abc import Sequence

import structlog

from booking.checkout.invoices import closed, for_a_person, intended, to_close
from booking.checkout.leases import LeasedWriter
from booking.checkout.model import Checkout
from booking.checkout.model import CheckoutState as S
from booking.checkout.reconciliation import LateReconciler
from booking.checkout.reconciliation_schedule import (
    checked_enough,
    is_wanted_at_once,
    next_check,
    only_ledger_is_due,
)
from booking.checkout.timing import LEASE, SETTLE
from booking.checkout.transitions import LATE, TERMINAL
from booking.errors import OutcomeUnknown, StaleCheckout, UpstreamRefused, UpstreamUnavailable
from booking.operations.model import AttentionReason
from booking.ports import Clock, Invoices
from booking.refusals import ClinicianNotBookable
from booking.unit_of_work import UnitOfWorkFactory
from booking.work_context import working_for

log = structlog.get_logger(__name__)

# So often a check is tried whose invoice is not known to be closed; then the invoice is for a person, and the check goes on.
CLOSING_TRIES = 3


class FollowUp:
    """A worker's work after the end; the saga drives the row that is to be undone."""

    def __init__(
        self,
        *,
        reconciler: LateReconciler,
        invoices: Invoices,
        writer: LeasedWriter,
        units: UnitOfWorkFactory,
        clock: Clock,
    ) -> None:
        self._reconciler = reconciler
        self._invoices = invoices
        self._writer = writer
        self._units = units
        self._clock = clock

    async def follow_up(self, checkout: Checkout) -> Checkout | None:
        """Release the hold, then run the reconciliation check that is due.

        Returns the row to be reopened, so that the caller undoes the finding; None when nothing is to be undone, with the
        result written. Raises StaleCheckout.
        """
        if checkout.state not in TERMINAL:  # it was escalated
            return await self._check(checkout)
        now = self._clock.now()
        if only_ledger_is_due(checkout, now=now):
            await self._compare_ledger(checkout, checkout, await self._other_checkouts(checkout))
            return None
        freed = checkout.checks > 0 or await self._release_hold(checkout)
        planned = next_check(checkout)
        if not is_wanted_at_once(checkout) and (planned is None or now < planned):
            due = planned if freed else min(now + SETTLE, planned or now + SETTLE)
            await self._writer.write(checkout, checkout.changed(due_at=due, updated_at=now))
            return None
        return await self._check(checkout)

    async def _release_hold(self, checkout: Checkout) -> bool:
        """Release the hold, as the process that wrote the end should have; not when another checkout has it by now."""
        async with self._units() as unit:
            standing = await unit.checkouts.live_for_hold(checkout.hold_id)
        return standing is not None or await self._writer.release_hold(checkout)

    async def _check(self, checkout: Checkout) -> Checkout | None:
        """Run a reconciliation check; returns and raises as `follow_up`."""
        try:
            others = await self._other_checkouts(checkout)
            with working_for(checkout):
                after = await self._reconciler.check(checkout, others)
                invoice_id = to_close(after) if after.state is S.CONFIRMED else None
                if invoice_id is not None:
                    checkout, after = await self._intend_to_close(checkout, after, invoice_id)
                    after = await self._close_invoice(after, invoice_id)
        except StaleCheckout:
            raise
        except (UpstreamUnavailable, OutcomeUnknown) as error:
            await self._postpone(checkout, checkout, type(error).__name__)
            return None
        except Exception as error:
            await self._postpone(checkout, checkout, type(error).__name__)
            raise
        if after.state in LATE:
            log.warning(
                "checkout.late_truth", checkout=checkout.id, ended=checkout.state, undoing=after.state
            )
            return after
        await self._compare_ledger(checkout, after, others)
        return None

    async def _intend_to_close(
        self, before: Checkout, after: Checkout, invoice_id: str
    ) -> tuple[Checkout, Checkout]:
        """Commit, with a lease, that an invoice is to be closed, before the call; both rows as of that write.

        Raises StaleCheckout when another worker was first.
        """
        until = self._clock.now() + LEASE
        leased = await self._writer.write(
            before,
            intended(before, invoice_id).changed(
                lease_owner=self._writer.new_driver(), lease_until=until, due_at=until
            ),
        )
        return leased, after.changed(version=leased.version)

    async def _close_invoice(self, checkout: Checkout, invoice_id: str) -> Checkout:
        """Close the invoice that is noted; one that upstream does not let close is for a person."""
        try:
            await self._invoices.close(checkout, invoice_id)
        except (UpstreamRefused, ClinicianNotBookable, OutcomeUnknown) as refusal:
            if isinstance(refusal, OutcomeUnknown) and checkout.tries + 1 < CLOSING_TRIES:
                raise
            log.warning("checkout.invoice_not_closed", checkout=checkout.id, why=type(refusal).__name__)
            return for_a_person(checkout, invoice_id)
        return closed(checkout, invoice_id)

    async def _compare_ledger(self, before: Checkout, checked: Checkout, others: Sequence[Checkout]) -> None:
        """Compare with the card processor's ledger, and write that with the result of the check, `checked`.

        When only the ledger cannot be read, only the ledger is read again later. Raises StaleCheckout.
        """
        try:
            after = await self._reconciler.compare(checked, others)
        except UpstreamUnavailable as error:
            await self._postpone(before, checked, type(error).__name__)
        except Exception as error:
            await self._postpone(before, checked, type(error).__name__)
            raise
        else:
            await self._writer.record(before, after.changed(tries=0))

    async def _postpone(self, before: Checkout, after: Checkout, why: str) -> None:
        """Write what was found so far, and schedule the next try; after 96 hours the row is escalated instead."""
        log.info("checkout.reconciliation_postponed", checkout=before.id, why=why, tries=after.tries + 1)
        after = after.changed(tries=after.tries + 1)
        if checked_enough(after, now=self._clock.now()):
            after = after.flagged(AttentionReason.LATE_CHECK_FAILED)
        await self._writer.record(before, after)

    async def _other_checkouts(self, checkout: Checkout) -> Sequence[Checkout]:
        if checkout.patient_id is None:
            return ()
        async with self._units() as unit:
            return await unit.checkouts.of_patient(checkout.patient_id, besides=checkout.id)
