"""Maps changes of booked visits, and their quotes, from the domain to the API."""

import asyncio
from collections.abc import Mapping

from strawberry import ID

from booking import change_quotes as domain
from booking.changes.model import (
    ActionKind,
    ActionState,
    ChangeEndReason,
    ChangeKind,
    ChangeState,
    RequestedChange,
)
from booking.errors import NotFound, UnknownState, UpstreamError
from booking.principals import Caller, PrincipalKind
from booking.services import Services
from booking.stored_names import Unknown
from resolvers.appointments import to_appointment
from resolvers.catalog import names, to_clinicians, to_money, to_money_or_none
from resolvers.slots import to_slot
from schema import changes as api
from schema.appointments import Appointment
from schema.money import Money as ApiMoney

_STATUSES: Mapping[str, api.AppointmentChangeStatus] = {
    ChangeState.OPEN: api.AppointmentChangeStatus.PROCESSING,
    ChangeState.DONE: api.AppointmentChangeStatus.DONE,
    ChangeState.REFUSED: api.AppointmentChangeStatus.REFUSED,
    ChangeState.SUPERSEDED: api.AppointmentChangeStatus.SUPERSEDED,
    ChangeState.NEEDS_ATTENTION: api.AppointmentChangeStatus.NEEDS_ATTENTION,
}

# How long an answer about a change waits for the visit. The change is certain by then, and must be answered without it.
_PATIENCE_SECONDS = 5.0


def to_cancellation_quote(quote: domain.CancellationQuote) -> api.CancellationQuote:
    """Map a quote of a cancellation."""
    return api.CancellationQuote(
        id=ID(quote.id),
        appointment_id=ID(quote.appointment_id),
        start=quote.slot.start,
        late=quote.late,
        free_until=quote.free_until,
        refund=to_money_or_none(quote.refund),
        kept=to_money_or_none(quote.kept),
        fee=_to_fee(quote.fee) if quote.fee else None,
        credit=api.CreditOutcome[quote.credit.name] if quote.credit else None,
        stops_recurring=quote.stops_recurring,
        reason_required=quote.reason_required,
    )


def to_reschedule_quote(quote: domain.RescheduleQuote) -> api.RescheduleQuote:
    """Map a quote of a reschedule."""
    return api.RescheduleQuote(
        id=ID(quote.id),
        appointment_id=ID(quote.appointment_id),
        start=quote.slot.start,
        until=quote.until,
        moves_left=quote.moves_left,
        clinician_id=ID(quote.slot.clinician_id),
        other_clinicians=quote.other_clinicians,
        visit_type_id=ID(quote.slot.visit_type_id),
    )


async def to_change(change: RequestedChange, services: Services, caller: Caller) -> api.AppointmentChange:
    """Map a change that the caller may see; the visit is read when it is selected."""
    own = caller.principal.kind is not PrincipalKind.STAFF
    catalog = await names(services)
    clinicians = to_clinicians(catalog)

    async def appointment() -> Appointment | None:
        try:
            async with asyncio.timeout(_PATIENCE_SECONDS):
                visit = await services.changes.visit(change)
        except (UpstreamError, NotFound, TimeoutError):
            return None
        return to_appointment(visit.appointment, catalog, services.visits, own=own) if visit else None

    return api.AppointmentChange(
        id=ID(change.id),
        kind=to_kind(change.kind),
        status=_STATUSES.get(change.state, api.AppointmentChangeStatus.PROCESSING),
        end_reason=_to_end_reason(change.end_reason),
        slot=to_slot(change.visit_slot, time_zone=change.time_zone, clinicians=clinicians),
        new_slot=to_slot(change.new_slot, time_zone=change.time_zone, clinicians=clinicians)
        if change.new_slot
        else None,
        appointment_id=ID(change.new_appointment_id or change.visit_id),
        refunded=_moved(change, ActionKind.REFUND),
        fee=_moved(change, ActionKind.CHARGE_FEE),
        credit_given_back=_is_done(change, ActionKind.READ_CREDIT),
        recurring_stopped=_is_done(change, ActionKind.STOP_RECURRING),
        requested_at=change.created_at,
        load_appointment=appointment,
    )


def to_kind(kind: ChangeKind | Unknown) -> api.AppointmentChangeKind:
    """Map a kind of change of a visit. Raises UnknownState for another, or one that only a newer version knows."""
    if isinstance(kind, Unknown) or kind not in {ChangeKind.CANCELLATION, ChangeKind.RESCHEDULE}:
        raise UnknownState(kind)
    return api.AppointmentChangeKind[kind.name]


def _to_fee(fee: domain.Fee) -> api.LateFee:
    return api.LateFee(amount=to_money(fee.amount), method=api.FeeMethod[fee.method.name])


def _to_end_reason(reason: ChangeEndReason | Unknown | None) -> api.AppointmentChangeEndReason | None:
    """The end reason; None for one that only a newer version knows, since the status says how it ended."""
    if reason is None or isinstance(reason, Unknown):
        return None
    return api.AppointmentChangeEndReason[reason.name]


def _is_done(change: RequestedChange, kind: ActionKind) -> bool:
    action = change.action(kind)
    return action is not None and action.state is ActionState.DONE


def _moved(change: RequestedChange, kind: ActionKind) -> ApiMoney | None:
    """The amount of this action; None until it is done, and when the change has no such action."""
    action = change.action(kind)
    return to_money_or_none(action.amount) if action and action.state is ActionState.DONE else None
