"""Access to checkouts: reads and writes a row only for the caller that it belongs to."""

from datetime import datetime, timedelta

from booking.checkout.model import Checkout, CheckoutState
from booking.checkout.transitions import TERMINAL
from booking.checkout.writer import CheckoutWriter
from booking.errors import NotFound
from booking.operations.model import HistoryKind
from booking.ports import Clock
from booking.principals import Caller, PrincipalKind
from booking.resources import Kind, Resource, VisitState
from booking.unit_of_work import Scope, UnitOfWork, UnitOfWorkFactory

# How long a guest may read the outcome after the end; after that they have the practice's mail.
READABLE_FOR = timedelta(hours=24)


class CheckoutAccess:
    """Shared by the checkout services: whose a row is, and the writes of its patient."""

    def __init__(self, *, units: UnitOfWorkFactory, clock: Clock) -> None:
        self._units = units
        self._writer = CheckoutWriter(units=units)
        self._clock = clock

    async def view(self, caller: Caller, checkout_id: str) -> Checkout | None:
        """Return the caller's checkout; None when it is another's or does not exist, without telling which."""
        checkout = await self._get(checkout_id)
        return checkout if checkout is not None and await self._opens(caller, checkout) else None

    async def get(self, caller: Caller, checkout_id: str, *, started: bool = False) -> Checkout:
        """Return the caller's checkout, or, with `started`, also one that they started. Raises NotFound."""
        checkout = await self._get(checkout_id)
        if checkout is None or not (
            await self._opens(caller, checkout) or (started and caller.owns(checkout.started_by))
        ):
            raise NotFound("checkout")
        return checkout

    async def save(self, before: Checkout, after: Checkout, kind: HistoryKind) -> Checkout:
        """Write a patient's action on the row as it was read; the state stays.

        Raises StaleCheckout, UnknownState (a newer release's state).
        """
        return await self._writer.write_for_patient(before, after, kind)

    async def _opens(self, caller: Caller, checkout: Checkout) -> bool:
        """As `opens`; the snapshot of the visit is read only where the token would have ended with the time that was booked."""
        now = self._clock.now()
        if not caller.owns(checkout.owner):
            return False
        if opens(caller, checkout, now=now):
            return True
        async with self._units(Scope.READING) as unit:
            return opens(caller, checkout, now=now, visit_ends=await visit_end(unit, checkout))

    async def _get(self, checkout_id: str) -> Checkout | None:
        async with self._units(Scope.READING) as unit:
            return await unit.checkouts.get(checkout_id)


def opens(caller: Caller, checkout: Checkout, *, now: datetime, visit_ends: datetime | None = None) -> bool:
    """Whether the checkout is the caller's, and a guest's token still opens it."""
    closes = closes_at(checkout, visit_ends) if caller.principal.kind is PrincipalKind.GUEST else None
    return caller.owns(checkout.owner) and (closes is None or now < closes)


def closes_at(checkout: Checkout, visit_ends: datetime | None = None) -> datetime | None:
    """Return when the guest's token stops opening the checkout (UTC).

    24 hours after its end, or at the end of a booked visit if that is later, of one that was moved to `visit_ends` then. None while it
    has not ended; an escalated checkout has not.
    """
    if checkout.ended_at is None or checkout.stands not in TERMINAL:
        return None
    readable = checkout.ended_at + READABLE_FOR
    if checkout.stands is not CheckoutState.CONFIRMED or checkout.slot is None:
        return readable
    return max(readable, checkout.slot.end, visit_ends or checkout.slot.end)


async def visit_end(unit: UnitOfWork, checkout: Checkout) -> datetime | None:
    """When the checkout's visit ends, wherever it was moved since (UTC), by its last snapshot; None where nothing is known of it."""
    changes = await unit.changes.of_checkout(checkout.id)
    booked = [checkout.appointment_id, *(change.new_appointment_id for change in changes)]
    ends = [await _snapshot_end(unit, one) for one in booked if one is not None]
    ends += [slot.end for change in changes if (slot := change.moved_to) is not None]
    return max((end for end in ends if end is not None), default=None)


async def _snapshot_end(unit: UnitOfWork, appointment_id: str) -> datetime | None:
    snapshot = await unit.snapshots.get(Resource(kind=Kind.VISIT, id=appointment_id))
    state = snapshot.state
    if snapshot.gone or not isinstance(state, VisitState) or state.deleted_at or state.start is None:
        return None
    return state.start + timedelta(minutes=state.minutes)
