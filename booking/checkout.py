"""Checkouts as patients meet them: start, confirm, cancel, look."""

from booking.models import CardChoice, Checkout, GuestDetails
from booking.principals import Caller


class CheckoutService:
    """Under construction in the same sitting: the signatures are final."""

    async def start(
        self,
        caller: Caller,
        *,
        hold_id: str,
        plan_id: str | None = None,
        promo_code: str | None = None,
        guest: GuestDetails | None = None,
        accept_recurrence: bool = False,
    ) -> Checkout:
        """Start buying the held slot; a second start on the same hold joins the live checkout."""
        raise NotImplementedError

    async def confirm(self, caller: Caller, checkout_id: str, card: CardChoice | None) -> Checkout:
        """Pay and book. Answers a confirmed row, or one still under way when the time to answer is over."""
        raise NotImplementedError

    async def cancel(self, caller: Caller, checkout_id: str) -> Checkout:
        """Leave. Answers the cancelled row, or one under way that will be undone when its call's outcome is known."""
        raise NotImplementedError

    async def view(self, caller: Caller, checkout_id: str) -> Checkout | None:
        """The caller's checkout; None for a foreign and a missing one alike."""
        raise NotImplementedError
