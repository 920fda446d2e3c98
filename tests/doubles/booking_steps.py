"""What the tests of the saga do again and again."""

from booking.checkout.model import Checkout
from booking.checkout.transitions import at_rest
from tests.doubles.booking_world import World, as_guest


async def confirm(world: World, checkout: Checkout, kind: str = "ok") -> Checkout:
    return await world.checkouts.confirm(
        as_guest(checkout), checkout.id, world.token(kind), quote_id=checkout.quote.id
    )


async def parked(world: World, call: str, fault: Exception) -> Checkout:
    """Answer a row whose call met the fault, so that its outcome is not known."""
    checkout = await world.start()
    world.books.fail(call, fault)
    row = await confirm(world, checkout)
    assert not at_rest(row)
    assert row.lease_owner is None
    return row


def mark(world: World, checkout: Checkout) -> None:
    """What `cancel` writes on a row that is being driven."""
    row = world.row(checkout)
    world.put(row.changed(version=row.version + 1, cancel_requested=True))
