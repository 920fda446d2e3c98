"""What an operator may do with a checkout that needs a person; each action is written into its story."""

from dataclasses import replace
from enum import StrEnum

from booking.checkout_row import Checkout
from booking.checkout_row import CheckoutState as S
from booking.errors import InvalidInput, NotFound
from booking.money import Money
from booking.oversight import Attention, EventKind
from booking.ports import Clock
from booking.recording import at_rest, entered
from booking.saga_table import CALLING, CLAIMING, OPERATOR_MOVES, TERMINAL
from booking.steps import SETTLE
from booking.story import announce, event
from booking.unit_of_work import UnitOfWorkFactory


class Resolution(StrEnum):
    """How a person saw to it that a checkout ended."""

    BOOKED = "booked"  # the visit stands and is paid
    REFUNDED = "refunded"  # nothing stands, and no money is with the practice


# Why a step was given up: such a reason goes when the step is taken again, and comes back when it fails again.
_OF_THE_STEP = frozenset(
    {
        Attention.OUT_OF_TRIES,
        Attention.APPOINTMENT_NOT_DELETED,
        Attention.RECURRING_NOT_CANCELLED,
        Attention.REFUND_FAILED,
        Attention.ALREADY_COUNTED,
    }
)

# What no look at an ended checkout finds again: it stays until a person says that it is done.
_NEVER_FOUND_AGAIN = frozenset(
    {Attention.OPEN_INVOICE, Attention.PACKAGE_REMAINS, Attention.POSSIBLE_DUPLICATE_PATIENT}
)

_ENDS = {Resolution.BOOKED: S.CONFIRMED, Resolution.REFUNDED: S.REFUNDED}


class OperatorDesk:
    """The actions; `operator` is who they are on their machine."""

    def __init__(self, *, units: UnitOfWorkFactory, clock: Clock, operator: str) -> None:
        self._units = units
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
            if state is None or state not in OPERATOR_MOVES[S.NEEDS_ATTENTION]:
                raise InvalidInput(
                    field="ID", reason="It is not known which step to take again. Resolve it instead."
                )
            left = tuple(reason for reason in before.attention if reason not in _OF_THE_STEP)
            after = entered(before, before.changed(state=state, attention=left, attention_from=None), now=now)
            # As it was: what the step may have done is looked for since then, before it is sent again.
            intended = before.attempts[-1].intended_at if before.attempts else before.updated_at
            after = after.changed(intended_at=intended)
        elif before.state in TERMINAL:
            looks = before.looks - 1 if before.attempts and before.looks else before.looks
            left = tuple(reason for reason in before.attention if reason in _NEVER_FOUND_AGAIN)
            after = before.changed(attention=left, settled=(), looks=looks, tries=0)
        elif at_rest(before):
            raise InvalidInput(field="ID", reason="It waits for its patient: there is nothing to retry.")
        else:
            after = before.changed(tries=0)
            if before.state in CALLING:
                # What was sent when it was parked may land still: whoever looks earlier sees nothing, and sends once more.
                settled = before.updated_at + SETTLE
                due = max(now, min(before.due_at or settled, settled))
        return await self._write(before, after.changed(due_at=due), EventKind.RETRIED, note=None)

    async def resolve(self, checkout_id: str, resolution: Resolution, *, note: str) -> Checkout:
        """Say how it ended. Late truth is looked for from now on, so that what was said is compared with upstream.

        An ended row only leaves the attention list. Raises NotFound, InvalidInput, StaleCheckout.
        """
        before = await self._read(checkout_id)
        now = self._clock.now()
        end = _ENDS[resolution]
        if before.state is S.NEEDS_ATTENTION:
            after = entered(before, before.changed(state=end, attention=(), attention_from=None), now=now)
            after = after.changed(due_at=now, refunded=_given_back(before, end))
        elif before.state in TERMINAL and before.attention:
            if (end is S.CONFIRMED) != (before.state is S.CONFIRMED):
                raise InvalidInput(field="--as", reason=f"It ended as {before.state}, and that stands.")
            after = before.changed(attention=())
        else:
            raise InvalidInput(field="ID", reason="It is not on the attention list.")
        return await self._write(before, after, EventKind.RESOLVED, note=note)

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
                    checkout, EventKind.UNBLOCKED, by=self._operator, note=f"clinician {clinician_id}"
                )
                await unit.story.add(replace(told, at=self._clock.now()))
            await unit.commit()

    async def _read(self, checkout_id: str) -> Checkout:
        async with self._units() as unit:
            checkout = await unit.checkouts.get(checkout_id)
        if checkout is None:
            raise NotFound("checkout")
        return checkout

    async def _write(
        self, before: Checkout, after: Checkout, kind: EventKind, *, note: str | None
    ) -> Checkout:
        after = after.changed(updated_at=self._clock.now(), lease_owner=None, lease_until=None)
        async with self._units() as unit:
            if before.state in CLAIMING and after.state not in CLAIMING:
                await unit.claims.release(after.id)
            saved = await unit.checkouts.save(after, was=before)
            await unit.story.add(event(saved, kind, before=before, by=self._operator, note=note))
            await unit.alerts.forget(saved.id)
            await announce(unit, before, saved)
            await unit.commit()
        return saved


def _given_back(checkout: Checkout, end: S) -> Money | None:
    return checkout.charge.net if end is S.REFUNDED and checkout.charge else checkout.refunded
