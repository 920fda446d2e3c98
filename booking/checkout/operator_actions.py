"""Operator actions on a checkout that is on the attention list: retry, resolve, unblock. Each is written to its history."""

from dataclasses import replace
from datetime import datetime
from enum import StrEnum

from booking.checkout.history import history_entry
from booking.checkout.ledger import still_resolved
from booking.checkout.model import Checkout, EndReason
from booking.checkout.model import CheckoutState as S
from booking.checkout.reconciliation_schedule import at_once
from booking.checkout.timing import SETTLE
from booking.checkout.transitions import CALLING, OPERATOR_TRANSITIONS, TERMINAL, at_rest
from booking.checkout.writer import CheckoutWriter, entered
from booking.errors import InvalidInput, NotFound
from booking.operations.model import AttentionReason, HistoryKind
from booking.ports import Clock
from booking.stored_names import Unknown
from booking.unit_of_work import UnitOfWorkFactory


class Resolution(StrEnum):
    """How an operator resolves an escalated checkout."""

    BOOKED = "booked"  # the visit stands and is paid
    REFUNDED = "refunded"  # no visit, recurring payment or money is left with the practice


# Reasons why a step was escalated: removed when the step is retried, and back when it fails again.
_OF_THE_STEP = frozenset(
    {
        AttentionReason.OUT_OF_TRIES,
        AttentionReason.APPOINTMENT_NOT_DELETED,
        AttentionReason.RECURRING_NOT_CANCELLED,
        AttentionReason.REFUND_FAILED,
        AttentionReason.ALREADY_COUNTED,
        AttentionReason.NOT_PERMITTED,
    }
)

# Reasons that reconciliation does not find again: they stay until an operator resolves the checkout.
_NEVER_FOUND_AGAIN = frozenset(
    {
        AttentionReason.OPEN_INVOICE,
        AttentionReason.PACKAGE_REMAINS,
        AttentionReason.PACKAGE_MISSING,
        AttentionReason.CHARGED_WRONGLY,
        AttentionReason.POSSIBLE_DUPLICATE_PATIENT,
        AttentionReason.ARCHIVED_PATIENT,
    }
)


class OperatorActions:
    """The actions; `operator` is the login name that history records."""

    def __init__(self, *, units: UnitOfWorkFactory, clock: Clock, operator: str) -> None:
        self._units = units
        self._writer = CheckoutWriter(units=units)
        self._clock = clock
        self._operator = operator

    async def retry(self, checkout_id: str) -> Checkout:
        """Make a worker retry the escalated step, check an ended checkout again, or drive a parked one.

        Due now, or as soon as the call that was sent last has landed or never will. Reasons that the step or the check
        would find again leave the attention list; all others stay. Raises NotFound; InvalidInput when the row is being
        driven, waits for its patient, or the step to retry is not known; PaymentInProgress, StaleCheckout.
        """
        before = await self._read(checkout_id)
        due = now = self._clock.now()
        if before.lease_until is not None and now < before.lease_until:
            raise InvalidInput(field="ID", reason="It is being driven at this moment.")
        if before.state is S.NEEDS_ATTENTION:
            state = before.attention_from
            if (
                state is None
                or isinstance(state, Unknown)
                or state not in OPERATOR_TRANSITIONS[S.NEEDS_ATTENTION]
            ):
                raise InvalidInput(
                    field="ID", reason="It is not known which step to take again. Resolve it instead."
                )
            after = self._at_step_again(before, state)
        elif before.state in TERMINAL:
            # A newer release's reason is not understood here: it stays, too.
            left = tuple(
                reason
                for reason in before.attention
                if reason in _NEVER_FOUND_AGAIN or isinstance(reason, Unknown)
            )
            after = before.changed(attention=left, resolved_ids=(), checks=_one_check_less(before), tries=0)
        elif at_rest(before):
            raise InvalidInput(field="ID", reason="It waits for its patient: there is nothing to retry.")
        else:
            after = before.changed(tries=0)
            if before.state in CALLING:
                # The call sent before it was parked may still land: a driver that looks earlier finds nothing, and sends
                # again.
                settled_at = before.updated_at + SETTLE
                due = max(now, min(before.due_at or settled_at, settled_at))
        return await self._write(before, after.changed(due_at=due), HistoryKind.RETRIED, note=None)

    async def resolve(self, checkout_id: str, resolution: Resolution, *, note: str) -> Checkout:
        """End the checkout as resolved. What upstream contradicts comes back to the attention list.

        `booked` ends the row, and it is reconciled at once: its visit and payment are recorded on it, or reported
        missing. For `refunded` a worker finds what the checkout made upstream, undoes it and reads it back; the row ends
        when that is proved. A row that had ended leaves the attention list and is checked once more. Raises NotFound;
        InvalidInput when the row is not on the list, or contradicts the resolution; PaymentInProgress, StaleCheckout.
        """
        before = await self._read(checkout_id)
        if any(isinstance(reason, Unknown) for reason in before.attention):
            raise InvalidInput(
                field="ID",
                reason="A newer version of Frontdoor put it on the list: resolve it with that one.",
            )
        now = self._clock.now()
        if before.state is S.NEEDS_ATTENTION:
            booked = resolution is Resolution.BOOKED
            after = (
                self._booked(before, now=now) if booked else self._to_compensate(before).changed(due_at=now)
            )
        elif before.state in TERMINAL and before.attention:
            ended = Resolution.BOOKED if before.state is S.CONFIRMED else Resolution.REFUNDED
            if resolution is not ended:
                reason = f"It ended as {before.state}, and that stands. Resolve it as {ended}."
                raise InvalidInput(field="--as", reason=reason)
            resolved_ids = still_resolved(before.resolved_ids)
            after = before.changed(
                attention=(), resolved_ids=resolved_ids, checks=_one_check_less(before), tries=0, due_at=now
            )
        else:
            raise InvalidInput(field="ID", reason="It is not on the attention list.")
        return await self._write(before, after, HistoryKind.RESOLVED, note=note)

    def _booked(self, before: Checkout, *, now: datetime) -> Checkout:
        """Return the row confirmed. Raises InvalidInput when its charge was made on other terms than the patient accepted."""
        if before.charge is not None and before.charge.differs:
            reason = "The card was charged on other terms than the patient accepted. Resolve it as refunded."
            raise InvalidInput(field="--as", reason=reason)
        booked = before.changed(state=S.CONFIRMED, end_reason=None, attention=(), attention_from=None)
        return at_once(entered(before, booked, now=now))

    def _to_compensate(self, before: Checkout) -> Checkout:
        """Return the row at the state from which everything is compensated, beginning with a look for what is not on the row.

        It leaves the attention list, since it is under way again; what cannot be undone comes back to it.
        """
        if before.appointment_id is not None:
            state = S.DELETION_INTENDED
        elif before.slot is None and before.charge is not None:
            recurs = before.charge.recurring_payment_id is not None
            state = S.RECURRING_CANCEL_INTENDED if recurs else S.REFUND_INTENDED
        elif before.charge is not None or before.quote.due_today.is_zero:
            state = S.BOOKING_INTENDED
        else:
            state = S.CHARGE_INTENDED
        reason = before.end_reason or EndReason.ENDED_BY_PRACTICE
        return self._at_step_again(before, state).changed(end_reason=reason, attention=())

    def _at_step_again(self, before: Checkout, state: S) -> Checkout:
        """Return the row at `state` with its former intent time: the driver looks for calls since then before it sends."""
        left = tuple(reason for reason in before.attention if reason not in _OF_THE_STEP)
        again = before.changed(state=state, attention=left, attention_from=None)
        intended = before.attempts[-1].intended_at if before.attempts else before.updated_at
        return entered(before, again, now=self._clock.now()).changed(intended_at=intended)

    async def unblock(self, clinician_id: str) -> None:
        """Unblock a clinician, and write that to the history of the checkout that blocked them. Raises NotFound."""
        async with self._units() as unit:
            standing = [one for one in await unit.blocks.standing() if one.clinician_id == clinician_id]
            if not standing:
                raise NotFound("blocked clinician")
            await unit.blocks.clear(clinician_id)
            checkout = await unit.checkouts.get(standing[0].checkout_id)
            if checkout is not None:
                entry = history_entry(
                    checkout, HistoryKind.UNBLOCKED, by=self._operator, note=f"clinician {clinician_id}"
                )
                await unit.history.add(replace(entry, at=self._clock.now()))
            await unit.commit()

    async def _read(self, checkout_id: str) -> Checkout:
        async with self._units() as unit:
            checkout = await unit.checkouts.get(checkout_id)
        if checkout is None:
            raise NotFound("checkout")
        return checkout

    async def _write(
        self, before: Checkout, after: Checkout, kind: HistoryKind, *, note: str | None
    ) -> Checkout:
        after = after.changed(updated_at=self._clock.now(), lease_owner=None, lease_until=None)
        return await self._writer.write_for_operator(before, after, kind, operator=self._operator, note=note)


def _one_check_less(checkout: Checkout) -> int:
    """Return the check count that makes the last check due again."""
    return checkout.checks - 1 if checkout.attempts and checkout.checks else checkout.checks
