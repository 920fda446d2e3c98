"""The mutations of the waitlist."""

from typing import Annotated

import strawberry

from resolvers import inputs
from resolvers.waitlist import check_wish, to_entry, to_wish
from schema.context import Info
from schema.fields import computed
from schema.inputs import INPUT
from schema.permissions import PATIENTS
from schema.waitlist_inputs import JoinWaitlistInput, LeaveWaitlistInput
from schema.waitlist_results import (
    JoinWaitlistResult,
    JoinWaitlistSuccess,
    LeaveWaitlistResult,
    LeaveWaitlistSuccess,
)


@strawberry.type
class WaitlistMutation:
    """Waiting for times that come free."""

    @computed(
        description="Wait for a time that comes free. It is offered in the order of joining, as a hold of some minutes; see `me { waitlist }` "
        "and `waitlistChanged`. Who waits for the same already keeps that place.",
        who=PATIENTS,
    )
    async def join_waitlist(
        self, info: Info, asked: Annotated[JoinWaitlistInput, INPUT]
    ) -> JoinWaitlistResult:
        """Join."""
        services = info.context.services
        check_wish(asked.sought)
        wish = to_wish(asked.sought, await services.catalog.catalog())
        place = await services.waitlist.join(info.context.identified, wish)
        return JoinWaitlistSuccess(entry=to_entry(place, services))

    @computed(
        description="Stop waiting. A time that is on offer goes to the next; one that a checkout is under way for is left by cancelling that.",
        who=PATIENTS,
    )
    async def leave_waitlist(
        self, info: Info, asked: Annotated[LeaveWaitlistInput, INPUT]
    ) -> LeaveWaitlistResult:
        """Leave."""
        services = info.context.services
        entry_id = inputs.required_token(asked.entry_id, field="entryId")
        place = await services.waitlist.leave(info.context.identified, entry_id)
        return LeaveWaitlistSuccess(entry=to_entry(place, services))
