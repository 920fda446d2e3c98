"""Maps checkouts from the domain to the API."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

from strawberry import ID

from booking import models as domain
from booking.catalog.model import Catalog
from booking.checkout.model import Checkout as CheckoutRow
from booking.checkout.model import CheckoutState as S
from booking.checkout.model import EndReason
from booking.checkout.transitions import ENDED, WAITING, at_rest
from booking.principals import Caller, Principal, PrincipalKind
from booking.refusals import DeclineReason
from booking.services import Services
from booking.stored_names import Unknown, known
from booking.visits.known import booked_visit
from resolvers.appointments import to_appointment
from resolvers.catalog import names, to_clinicians, to_money_or_none
from resolvers.once import Once
from resolvers.quotes import to_quote
from resolvers.slots import to_slot
from schema import checkouts as api
from schema.appointments import Appointment
from schema.checkouts import CheckoutStatus

_ENDS: Mapping[str, CheckoutStatus] = {
    S.CONFIRMED: CheckoutStatus.CONFIRMED,
    S.CANCELLED: CheckoutStatus.CANCELLED,
    S.SLOT_LOST: CheckoutStatus.CANCELLED,
    S.EXPIRED: CheckoutStatus.EXPIRED,
    S.REFUNDED: CheckoutStatus.REFUNDED,
    S.NEEDS_ATTENTION: CheckoutStatus.NEEDS_ATTENTION,
}

_UNDOING = {
    S.DELETION_INTENDED,
    S.COMPENSATING,
    S.RECURRING_CANCEL_INTENDED,
    S.RECURRING_CANCELLED,
    S.REFUND_INTENDED,
}


def to_status(checkout: CheckoutRow) -> CheckoutStatus:
    """The status of a checkout that its patient sees."""
    if checkout.stands in _ENDS:
        return _ENDS[checkout.stands]
    if checkout.cancel_requested or checkout.state in _UNDOING:
        return CheckoutStatus.CANCELLING
    if checkout.state in WAITING and at_rest(checkout):
        return CheckoutStatus.OPEN
    return CheckoutStatus.PROCESSING


def to_end_status(state: str) -> CheckoutStatus:
    """The status of an ended checkout by its stored state name."""
    return _ENDS.get(known(S, state), CheckoutStatus.PROCESSING)


async def to_checkout(
    checkout: CheckoutRow, services: Services, *, answer_by: float | None = None, confirming: bool = False
) -> api.Checkout:
    """Map a checkout of the caller, with the catalog's names if they can be read by `answer_by` (see `names`).

    `confirming`: for the answer of a confirm, which does not wait for another read of the visit that it has just read back.
    """
    catalog = await names(services, answer_by=answer_by)

    async def hold_expiry() -> datetime | None:
        if checkout.slot is None:
            return checkout.hold_expires_at if checkout.state in WAITING else None
        hold = (
            None
            if checkout.state in ENDED
            else await services.holds.view(_holder(checkout), checkout.hold_id)
        )
        return hold.expires_at if hold else None

    async def appointment() -> Appointment | None:
        booked = _booked(checkout, catalog)
        if booked is None:
            return None
        read_back_at = checkout.ended_at if confirming else None
        visit = await services.visits.as_it_stands(booked, read_back_at=read_back_at)
        return to_appointment(visit, catalog, services.visits, own=True)

    return api.Checkout(
        id=ID(checkout.id),
        status=to_status(checkout),
        slot=to_slot(checkout.slot, time_zone=checkout.time_zone, clinicians=to_clinicians(catalog))
        if checkout.slot is not None
        else None,
        quote=to_quote(checkout.quote),
        declined=_to_decline_reason(checkout.declined),
        end_reason=_to_end_reason(checkout.end_reason),
        refunded=to_money_or_none(checkout.refunded),
        email_verified=checkout.email_verified_at is not None,
        email_code_expires_at=checkout.email_code.expires_at if checkout.email_code else None,
        load_appointment=Once(appointment),
        load_hold_expiry=hold_expiry,
    )


def _to_decline_reason(declined: DeclineReason | Unknown | None) -> api.DeclineReason | None:
    """The decline reason; for one that only a newer version knows, the advice that fits all of them."""
    if isinstance(declined, Unknown):
        return api.DeclineReason.TRY_ANOTHER_CARD
    return api.DeclineReason[declined.name] if declined else None


def _to_end_reason(reason: EndReason | Unknown | None) -> api.CheckoutEndReason | None:
    """The end reason; None for one that only a newer version knows, since the status says how it ended."""
    return None if reason is None or isinstance(reason, Unknown) else api.CheckoutEndReason[reason.name]


def is_guest(checkout: CheckoutRow) -> bool:
    """Whether the checkout's owner is a guest."""
    return _principal(checkout.owner).kind is PrincipalKind.GUEST


def _holder(checkout: CheckoutRow) -> Caller:
    """The caller who owns its hold: the checkout's owner or, until the hold is transferred, the one who started it."""
    return Caller(principal=_principal(checkout.owner), visitor=_principal(checkout.started_by))


def _principal(key: str) -> Principal:
    kind, _, name = key.partition(":")
    return Principal(kind=PrincipalKind(kind), id=name)


def _booked(checkout: CheckoutRow, catalog: Catalog) -> domain.Appointment | None:
    """The visit as it was booked, with the catalog's names; None before."""
    booked = booked_visit(checkout)
    if booked is None:
        return None
    person = catalog.clinician(checkout.clinician_id)
    kind = catalog.visit_type(checkout.visit_slot.visit_type_id)
    return replace(
        booked,
        clinician_name=person.name if person else None,
        visit_type_name=kind.name if kind else None,
    )
