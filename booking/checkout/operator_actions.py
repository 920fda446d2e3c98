"""What an operator may do with a checkout that needs a person; each action is written into its story."""

from dataclasses import replace
from datetime import datetime
from enum import StrEnum

from booking.checkout.history import event
from booking.checkout.ledger import settled_by_word
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
    """How a checkout that a person has shall end."""

    BOOKED = "booked"  # the visit stands and is paid
    REFUNDED = "refunded"  # nothing shall stand, and no money be with the practice


# Why a step was given up: such a reason goes when the step is taken again, and comes back when it fails again.
_OF_THE_STEP = frozenset(
    {
        AttentionReason.OUT_OF_TRIES,
        AttentionReason.APPOINTMENT_NOT_DELETED,
        AttentionReason.RECURRING_NOT_CANCELLED,
        AttentionReason.REFUND_FAILED,
        AttentionReason.ALREADY_COUNTED,
    }
)

# What no look at an ended checkout finds again: it stays until a person says that it is done.
_NEVER_FOUND_AGAIN = frozenset(
    {
        AttentionReason.OPEN_INVOICE,
        AttentionReason.PACKAGE_REMAINS,
        AttentionReason.CHARGED_WRONGLY,
        AttentionReason.POSSIBLE_DUPLICATE_PATIENT,
    }
)


class OperatorActions:
    """The actions; `operator` is who they are on their machine."""

    def __init__(self, *, units: UnitOfWorkFactory, clock: Clock, operator: str) -> None:
        self._units = units
        self._writer = CheckoutWriter(units=units)
        self._clock = clock
        self._operator = operator

    async def retry(self, checkout_id: str) -> Checkout:
        """Let a worker take the step again that was given up, or look again at an ended one, or take up a parked one.

        Now, or as soon as what was sent last has settled. What the step or the look will tell again leaves the attention list;
        every other reason stays. Raises NotFound; InvalidInput when it waits for its patient; PaymentInProgress, StaleCheckout.
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
            after = self._taken_up(before, state)
        elif before.state in TERMINAL:
            # What a newer version's reason means is not known: it stays, too.
            left = tuple(
                reason
                for reason in before.attention
                if reason in _NEVER_FOUND_AGAIN or isinstance(reason, Unknown)
            )
            after = before.changed(attention=left, resolved_ids=(), checks=_one_look_less(before), tries=0)
        elif at_rest(before):
            raise InvalidInput(field="ID", reason="It waits for its patient: there is nothing to retry.")
        else:
            after = before.changed(tries=0)
            if before.state in CALLING:
                # What was sent when it was parked may land still: whoever looks earlier sees nothing, and sends once more.
                resolved_ids = before.updated_at + SETTLE
                due = max(now, min(before.due_at or resolved_ids, resolved_ids))
        return await self._write(before, after.changed(due_at=due), HistoryKind.RETRIED, note=None)

    async def resolve(self, checkout_id: str, resolution: Resolution, *, note: str) -> Checkout:
        """Have it end so. What is wrong with that comes back to the attention list.

        `booked` is believed, and looked at once: visit and payment are taken for its own, or missed. For `refunded` a worker looks
        for what was made of it, undoes it and reads it back: the row ends when that is proved. An ended row leaves the attention
        list, and is looked at once more. Raises NotFound, InvalidInput, PaymentInProgress, StaleCheckout.
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
            after = self._booked(before, now=now) if booked else self._undone(before).changed(due_at=now)
        elif before.state in TERMINAL and before.attention:
            ended = Resolution.BOOKED if before.state is S.CONFIRMED else Resolution.REFUNDED
            if resolution is not ended:
                reason = f"It ended as {before.state}, and that stands. Resolve it as {ended}."
                raise InvalidInput(field="--as", reason=reason)
            resolved_ids = settled_by_word(before.resolved_ids)
            after = before.changed(
                attention=(), resolved_ids=resolved_ids, checks=_one_look_less(before), tries=0, due_at=now
            )
        else:
            raise InvalidInput(field="ID", reason="It is not on the attention list.")
        return await self._write(before, after, HistoryKind.RESOLVED, note=note)

    def _booked(self, before: Checkout, *, now: datetime) -> Checkout:
        """The row as its operator says that it ended, now. Raises InvalidInput where the row itself says otherwise."""
        if before.charge is not None and before.charge.differs:
            reason = "The card was charged on other terms than the patient accepted. Resolve it as refunded."
            raise InvalidInput(field="--as", reason=reason)
        booked = before.changed(state=S.CONFIRMED, end_reason=None, attention=(), attention_from=None)
        return at_once(entered(before, booked, now=now))

    def _undone(self, before: Checkout) -> Checkout:
        """The row at the step from which everything is undone: what is not on it is looked for first.

        It leaves the attention list, as it is under way; whatever is still wrong when nothing can be undone any more comes back to it.
        """
        if before.appointment_id is not None:
            state = S.DELETION_INTENDED
        elif before.charge is not None or before.quote.due_today.is_zero:
            state = S.BOOKING_INTENDED
        else:
            state = S.CHARGE_INTENDED
        reason = before.end_reason or EndReason.ENDED_BY_PRACTICE
        return self._taken_up(before, state).changed(end_reason=reason, attention=())

    def _taken_up(self, before: Checkout, state: S) -> Checkout:
        """The row at a step once more, as it stood there: what was sent is looked for since then, before anything is sent again."""
        left = tuple(reason for reason in before.attention if reason not in _OF_THE_STEP)
        again = before.changed(state=state, attention=left, attention_from=None)
        intended = before.attempts[-1].intended_at if before.attempts else before.updated_at
        return entered(before, again, now=self._clock.now()).changed(intended_at=intended)

    async def unblock(self, clinician_id: str) -> None:
        """Make a clinician bookable again, and say so in the story of the checkout that blocked them. Raises NotFound."""
        async with self._units() as unit:
            standing = [one for one in await unit.blocks.standing() if one.clinician_id == clinician_id]
            if not standing:
                raise NotFound("blocked clinician")
            await unit.blocks.clear(clinician_id)
            checkout = await unit.checkouts.get(standing[0].checkout_id)
            if checkout is not None:
                told = event(
                    checkout, HistoryKind.UNBLOCKED, by=self._operator, note=f"clinician {clinician_id}"
                )
                await unit.history.add(replace(told, at=self._clock.now()))
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


def _one_look_less(checkout: Checkout) -> int:
    """So that its last look is due again."""
    return checkout.checks - 1 if checkout.attempts and checkout.checks else checkout.checks
