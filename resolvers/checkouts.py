"""Maps checkouts from the domain to the API."""

from collections.abc import Mapping
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
from resolvers.catalog import names, to_clinicians, to_money_or_none
from resolvers.quotes import to_quote
from resolvers.records import to_appointment
from resolvers.slots import to_slot
from schema import checkouts as api
from schema.checkouts import CheckoutStatus
from schema.records import Appointment

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
    checkout: CheckoutRow, services: Services, *, answer_by: float | None = None
) -> api.Checkout:
    """Map a checkout of the caller, with the catalog's names if they can be read by `answer_by` (see `names`)."""
    catalog = await names(services, answer_by=answer_by)

    async def hold_expiry() -> datetime | None:
        hold = (
            None
            if checkout.state in ENDED
            else await services.holds.view(_holder(checkout), checkout.hold_id)
        )
        return hold.expires_at if hold else None

    return api.Checkout(
        id=ID(checkout.id),
        status=to_status(checkout),
        slot=to_slot(checkout.slot, time_zone=checkout.time_zone, clinicians=to_clinicians(catalog)),
        quote=to_quote(checkout.quote),
        declined=_to_decline_reason(checkout.declined),
        end_reason=_to_end_reason(checkout.end_reason),
        refunded=to_money_or_none(checkout.refunded),
        appointment=_to_appointment(checkout, catalog),
        email_verified=checkout.email_verified_at is not None,
        email_code_expires_at=checkout.email_code.expires_at if checkout.email_code else None,
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


def _to_appointment(checkout: CheckoutRow, catalog: Catalog) -> Appointment | None:
    """The booked visit, from the checkout's own data, so that a guest sees it without access to a patient record."""
    if checkout.appointment_id is None or checkout.stands is not S.CONFIRMED:
        return None
    slot = checkout.slot
    person = catalog.clinician(slot.clinician_id)
    kind = catalog.visit_type(slot.visit_type_id)
    booked = domain.Appointment(
        id=checkout.appointment_id,
        clinician_id=slot.clinician_id,
        clinician_name=person.name if person else None,
        patient_id=checkout.patient_id,
        visit_type_id=slot.visit_type_id,
        visit_type_name=kind.name if kind else None,
        start=slot.start,
        minutes=slot.minutes,
        contact_type=slot.contact_type,
        location_id=slot.location_id,
        status=domain.AppointmentStatus.BOOKED,
        checkout_id=checkout.id,
        open_invoice=None,
    )
    return to_appointment(booked, catalog, time_zone=checkout.time_zone)
