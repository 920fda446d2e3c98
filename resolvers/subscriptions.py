"""The subscriptions: each reads its inputs, opens one live query and maps its results."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from datetime import date
from typing import Annotated

import strawberry

from booking.checkout.model import Checkout as DomainCheckout
from resolvers import inputs
from resolvers.appointments import to_appointments
from resolvers.checkouts import to_checkout, to_status
from resolvers.pages import check_size
from resolvers.slots import check_filter, to_days, to_query
from resolvers.waitlist import to_entry
from schema.appointments import AppointmentConnection, AppointmentFilter
from schema.catalog import DEFAULT_PAGE, LARGEST_PAGE
from schema.checkouts import Checkout
from schema.context import Info
from schema.fields import streamed
from schema.inputs import SlotFilter
from schema.permissions import ANYBODY, BUYERS, PATIENTS
from schema.slots import Day
from schema.waitlist import WaitlistEntry

argument = strawberry.argument


@strawberry.type(
    description="Live updates over a WebSocket. The first message is the present state, read after the subscription began, "
    "and so is every later one: a client that connects again has missed nothing. One field an operation."
)
class Subscription:
    """The root of subscriptions."""

    @streamed(
        description="The caller's checkout, now and whenever it shows something else, also when the practice has changed the visit that was "
        "booked. Null, once, when there is none with this id.",
        who=BUYERS,
    )
    async def checkout_changed(
        self,
        info: Info,
        checkout_id: Annotated[strawberry.ID, argument(name="id", description="The checkout's id.")],
    ) -> AsyncGenerator[Checkout | None, None]:
        """One checkout."""
        services, caller = info.context.services, info.context.caller
        name = inputs.token(checkout_id, field="id")
        shown: object = None
        if caller and name:
            async with aclosing(services.live_queries.checkout(caller, name)) as checkouts:
                async for checkout, visit in checkouts:
                    if (_shown(checkout), visit) != shown:
                        shown = _shown(checkout), visit
                        yield await to_checkout(checkout, services)
        if shown is None:
            yield None

    @streamed(
        description="Free slots by day. The first message has every day; each later one has the days that changed, each "
        "with all its free slots: put them in the place of what you have of their date. Holds and bookings of others "
        "show within a second; what changes in the practice's calendar itself within some minutes. At most 14 days.",
        who=ANYBODY,
    )
    async def slots_changed(
        self,
        info: Info,
        sought: Annotated[SlotFilter, argument(name="filter", description="What the patient looks for.")],
        first: Annotated[
            date, argument(name="from", description="The first day, in the filter's time zone.")
        ],
        last: Annotated[date, argument(name="until", description="The last day, inclusive.")],
    ) -> AsyncGenerator[list[Day], None]:
        """Free slots."""
        services, caller, client = info.context.services, info.context.caller, info.context.client
        check_filter(sought)
        services.live_queries.check_range(first, last, sought.time_zone)
        query = to_query(sought, await services.catalog.catalog(), first=first, last=last)
        states = services.live_queries.slots(query, caller=caller, client=client)
        async with aclosing(states):
            async for days in states:
                catalog = await services.catalog.catalog()
                yield to_days(days, time_zone=sought.time_zone, catalog=catalog)

    @streamed(
        description="The signed-in patient's visits, now and whenever one of them has changed, come or gone. That time passes is no "
        "change: a visit that is over stays in `UPCOMING` until the next message.",
        who=PATIENTS,
    )
    async def appointment_changed(
        self,
        info: Info,
        which: Annotated[
            AppointmentFilter, argument(name="filter", description="Which, and in which order.")
        ] = AppointmentFilter.ALL,
        first: Annotated[
            int, argument(description=f"How many at most; up to {LARGEST_PAGE}.")
        ] = DEFAULT_PAGE,
    ) -> AsyncGenerator[AppointmentConnection, None]:
        """The patient's visits."""
        services = info.context.services
        check_size(first)
        async with aclosing(services.live_queries.visits(info.context.identified)) as states:
            async for visits in states:
                catalog = await services.catalog.catalog()
                yield to_appointments(visits, catalog, services, which=which, first=first, own=True)

    @streamed(
        description="The signed-in patient's places on the waitlist, now and whenever a time is offered, passes or is booked. "
        "In the practice's quiet hours nothing is offered.",
        who=PATIENTS,
    )
    async def waitlist_changed(self, info: Info) -> AsyncGenerator[list[WaitlistEntry], None]:
        """The patient's places on the waitlist."""
        services = info.context.services
        async with aclosing(services.live_queries.waitlist(info.context.identified)) as states:
            async for places in states:
                yield [to_entry(place, services) for place in places]


def _shown(checkout: DomainCheckout) -> object:
    """The parts that the patient sees; most transitions change none of them and are not sent."""
    return (
        to_status(checkout),
        checkout.slot,
        checkout.quote,
        checkout.declined,
        checkout.end_reason,
        checkout.refunded,
    )
