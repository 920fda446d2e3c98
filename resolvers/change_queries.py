"""The queries about cancelling and moving a booked visit. A foreign id and a missing one get null alike."""

from typing import Annotated

import strawberry

from booking.errors import NotFound
from resolvers import inputs
from resolvers.changes import to_cancellation_quote, to_change, to_reschedule_quote
from schema.change_results import (
    CancellationQuoteResult,
    CancellationQuoteSuccess,
    RescheduleQuoteResult,
    RescheduleQuoteSuccess,
)
from schema.changes import AppointmentChange, CancellationReason
from schema.context import Info
from schema.fields import computed
from schema.permissions import CHANGERS

_Visit = Annotated[strawberry.ID, strawberry.argument(description="The visit's id.")]


@strawberry.type
class ChangeQuery:
    """What may be done with a visit, and what became of it."""

    @computed(
        description="What cancelling a visit does now: what is given back, what it costs, and until when it is free. For staff of the practice what "
        "they may do: its policy does not bind them. Null when the caller has no visit with this id.",
        who=CHANGERS,
    )
    async def cancellation_quote(self, info: Info, appointment_id: _Visit) -> CancellationQuoteResult | None:
        """What cancelling does."""
        visit = inputs.required_token(appointment_id, field="appointmentId")
        try:
            quote = await info.context.services.changes.cancellation_quote(info.context.identified, visit)
        except NotFound:
            return None
        return CancellationQuoteSuccess(quote=to_cancellation_quote(quote))

    @computed(
        description="Whether a visit may be moved now, until when and how often. Null when the caller has no visit with this id.",
        who=CHANGERS,
    )
    async def reschedule_quote(self, info: Info, appointment_id: _Visit) -> RescheduleQuoteResult | None:
        """What moving means."""
        visit = inputs.required_token(appointment_id, field="appointmentId")
        try:
            quote = await info.context.services.changes.reschedule_quote(info.context.identified, visit)
        except NotFound:
            return None
        return RescheduleQuoteSuccess(quote=to_reschedule_quote(quote))

    @computed(
        description="The practice's reasons for a cancellation by a patient, in its order; an empty list when it has none.",
        who=CHANGERS,
    )
    async def cancellation_reasons(self, info: Info) -> list[CancellationReason] | None:
        """The reasons."""
        found = await info.context.services.changes.cancellation_reasons()
        return [CancellationReason(id=strawberry.ID(one.id), text=one.text) for one in found]

    @computed(
        description="One cancelling or moving of a visit that is the caller's; null when there is none with this id.",
        who=CHANGERS,
    )
    async def appointment_change(
        self,
        info: Info,
        change_id: Annotated[strawberry.ID, strawberry.argument(name="id", description="The change's id.")],
    ) -> AppointmentChange | None:
        """One change."""
        services = info.context.services
        name = inputs.required_token(change_id, field="id")
        change = await services.changes.view(info.context.identified, name)
        return await to_change(change, services, info.context.identified) if change else None
