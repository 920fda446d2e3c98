"""A patient's own checkouts: the rows as their caller may see them, and what the caller does written on them."""

from booking.checkout.guests import opens
from booking.checkout.history import event
from booking.checkout.model import Checkout
from booking.errors import NotFound, StaleCheckout
from booking.operations.model import HistoryKind
from booking.ports import Clock
from booking.principals import Caller, kind_of
from booking.unit_of_work import UnitOfWorkFactory


class CheckoutAccess:
    """What the services of checkouts have in common: whose a row is, and the patient's writes."""

    def __init__(self, *, units: UnitOfWorkFactory, clock: Clock) -> None:
        self._units = units
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
        async with self._units() as unit:
            was = await unit.checkouts.get(checkout.id)
            if was is None or was.version != checkout.version:
                raise StaleCheckout(checkout.id)
            # An extension may have moved it since the row was read: that leaves the version as it is.
            checkout = checkout.changed(hold_expires_at=was.hold_expires_at)
            saved = await unit.checkouts.save(checkout, was=was)
            await unit.history.add(event(saved, kind, by=kind_of(checkout.owner)))
            await unit.commit()
        return saved

    async def _get(self, checkout_id: str) -> Checkout | None:
        async with self._units() as unit:
            return await unit.checkouts.get(checkout_id)
