"""A patient's own checkouts: the rows as their caller may see them, and what the caller does written on them."""

from datetime import datetime, timedelta

from booking.checkout.model import Checkout, CheckoutState
from booking.checkout.transitions import TERMINAL
from booking.checkout.writer import CheckoutWriter
from booking.errors import NotFound
from booking.operations.model import HistoryKind
from booking.ports import Clock
from booking.principals import Caller, PrincipalKind
from booking.unit_of_work import UnitOfWorkFactory

# After the end a guest reads once more what came of it; later the practice's own mail is what they have.
READABLE_FOR = timedelta(hours=24)


class CheckoutAccess:
    """What the services of checkouts have in common: whose a row is, and the patient's writes."""

    def __init__(self, *, units: UnitOfWorkFactory, clock: Clock) -> None:
        self._units = units
        self._writer = CheckoutWriter(units=units)
        self._clock = clock

    async def view(self, caller: Caller, checkout_id: str) -> Checkout | None:
        """The caller's checkout; None for a foreign and a missing one alike."""
        checkout = await self._get(checkout_id)
        return checkout if checkout is not None and opens(caller, checkout, now=self._clock.now()) else None

    async def get(self, caller: Caller, checkout_id: str, *, started: bool = False) -> Checkout:
        """The caller's checkout, or, with `started`, one that they started. Raises NotFound."""
        checkout = await self._get(checkout_id)
        if checkout is None or not (
            opens(caller, checkout, now=self._clock.now()) or (started and caller.owns(checkout.started_by))
        ):
            raise NotFound("checkout")
        return checkout

    async def save(self, checkout: Checkout, kind: HistoryKind) -> Checkout:
        """Write what the patient did, and nothing else of the row. Raises StaleCheckout; UnknownState when a newer version has it."""
        return await self._writer.write_for_patient(checkout, kind)

    async def _get(self, checkout_id: str) -> Checkout | None:
        async with self._units() as unit:
            return await unit.checkouts.get(checkout_id)


def opens(caller: Caller, checkout: Checkout, *, now: datetime) -> bool:
    """Whether this is the caller's checkout, and their token opens it still."""
    closes = closes_at(checkout) if caller.principal.kind is PrincipalKind.GUEST else None
    return caller.owns(checkout.owner) and (closes is None or now < closes)


def closes_at(checkout: Checkout) -> datetime | None:
    """When the guest's token opens it no more (UTC): a day after the end, and not before a booked visit is over.

    None while it has not ended; a checkout that a person sees to has not.
    """
    if checkout.ended_at is None or checkout.stands not in TERMINAL:
        return None
    readable = checkout.ended_at + READABLE_FOR
    booked = checkout.stands is CheckoutState.CONFIRMED
    return max(readable, checkout.slot.end) if booked else readable
