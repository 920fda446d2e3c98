"""The mutations that cancel and move a booked visit."""

from typing import Annotated

import strawberry

from booking.changes.access import by_staff
from booking.changes.model import ChangeState
from resolvers import inputs
from resolvers.changes import to_change
from schema.change_results import (
    AppointmentChangeProcessing,
    CancelAppointmentResult,
    CancelAppointmentSuccess,
    RescheduleAppointmentResult,
    RescheduleAppointmentSuccess,
)
from schema.context import Info
from schema.fields import computed
from schema.inputs import INPUT, CancelAppointmentInput, RescheduleAppointmentInput
from schema.permissions import CHANGERS


@strawberry.type
class ChangeMutation:
    """Changes of a visit after its booking."""

    @computed(
        description="Cancel a visit as the accepted quote says, and give back what it says. Cancelling again with the same quote joins the first: "
        "nothing is given back or charged twice.",
        who=CHANGERS,
    )
    async def cancel_appointment(
        self, info: Info, asked: Annotated[CancelAppointmentInput, INPUT]
    ) -> CancelAppointmentResult:
        """Cancel."""
        services, caller = info.context.services, info.context.identified
        change = await services.changes.cancel(
            caller,
            quote_id=inputs.required_token(asked.quote_id, field="quoteId"),
            reason=inputs.reason(asked.reason),
            reason_id=inputs.token(asked.reason_id, field="reasonId"),
            note=inputs.note(asked.note, by_staff=by_staff(caller)),
        )
        shown = await to_change(change, services, caller)
        if change.state is ChangeState.DONE:
            return CancelAppointmentSuccess(change=shown)
        return AppointmentChangeProcessing(change=shown)

    @computed(
        description="Move a visit to the held time. The old time stays the visit's until the new one is certain, and nothing is charged.",
        who=CHANGERS,
    )
    async def reschedule_appointment(
        self, info: Info, asked: Annotated[RescheduleAppointmentInput, INPUT]
    ) -> RescheduleAppointmentResult:
        """Move."""
        services, caller = info.context.services, info.context.identified
        change = await services.changes.reschedule(
            caller,
            quote_id=inputs.required_token(asked.quote_id, field="quoteId"),
            hold_id=inputs.required_token(asked.hold_id, field="holdId"),
            note=inputs.note(asked.note, by_staff=by_staff(caller)),
        )
        shown = await to_change(change, services, caller)
        if change.state is ChangeState.DONE:
            return RescheduleAppointmentSuccess(change=shown)
        return AppointmentChangeProcessing(change=shown)
