"""Outcomes of mutations as references: the stored data from which an idempotent replay returns the same outcome.

A reference holds no patient data: of a problem its own fields (a quote is read from its checkout), of a hold its scalars (so
that it can be returned after it expired), of a checkout, a change and a place on the waitlist only the id.
"""

from collections.abc import Callable, Mapping
from dataclasses import asdict, fields
from datetime import datetime
from enum import Enum
from typing import Any

from booking import refusals
from booking.checkout import model as domain
from booking.errors import NotFound, UnknownState
from booking.models import Hold
from booking.principals import Caller, guest_of
from booking.slots import Slot
from resolvers.catalog import names, to_clinicians
from resolvers.checkouts import to_checkout
from resolvers.problems import PROBLEMS
from resolvers.record_outcomes import CHANGED, SUCCESSES
from resolvers.slots import to_hold
from schema import slots as api
from schema.change_problems import CancellationQuoteChanged, ChangeNotAllowedReason, RescheduleQuoteChanged
from schema.change_results import (
    AppointmentChangeProcessing,
    CancelAppointmentSuccess,
    RescheduleAppointmentSuccess,
)
from schema.checkouts import Checkout, CheckoutStatus, DeclineReason
from schema.context import Context
from schema.invoices import InvoiceChanged, InvoicePaymentProcessing, PayInvoiceSuccess
from schema.memberships import (
    CancelMembershipSuccess,
    MembershipChangeProcessing,
    MembershipNotAllowedReason,
    MembershipPauseQuoteChanged,
    MembershipQuoteChanged,
    MembershipResumeQuoteChanged,
    PauseMembershipSuccess,
    ResumeMembershipSuccess,
)
from schema.payment_changes import CardUse, RemoveCardSuccess, SendReceiptSuccess, SetDefaultCardSuccess
from schema.problems import Problem, QuoteChanged
from schema.results import (
    CancelCheckoutSuccess,
    CheckoutProcessing,
    ConfirmCheckoutSuccess,
    ExtendHoldSuccess,
    HoldSlotSuccess,
    ReleaseHoldSuccess,
    RequestEmailVerificationSuccess,
    StartCheckoutSuccess,
    StartPurchaseSuccess,
    VerifyEmailSuccess,
)
from schema.waitlist_results import JoinWaitlistSuccess, LeaveWaitlistSuccess

Reference = Mapping[str, Any]

_STARTS: Mapping[str, type[StartCheckoutSuccess | StartPurchaseSuccess]] = {
    one.__name__: one for one in (StartCheckoutSuccess, StartPurchaseSuccess)
}
_PROBLEMS: Mapping[str, type[Any]] = {one.error_type.__name__: one.error_type for one in PROBLEMS.values()}
_HOLDS: Mapping[str, Callable[..., object]] = {
    one.__name__: one for one in (HoldSlotSuccess, ExtendHoldSuccess)
}
_CHECKOUTS: Mapping[str, Callable[..., object]] = {
    one.__name__: one
    for one in (
        ConfirmCheckoutSuccess,
        CancelCheckoutSuccess,
        RequestEmailVerificationSuccess,
        VerifyEmailSuccess,
    )
}
# Outcomes that say what was done, and show nothing that is read again.
_PLAIN: Mapping[str, Callable[..., object]] = {
    one.__name__: one for one in (RemoveCardSuccess, SetDefaultCardSuccess, SendReceiptSuccess)
}
_ENUMS = {
    kind.__name__: kind
    for kind in (DeclineReason, CheckoutStatus, ChangeNotAllowedReason, MembershipNotAllowedReason, CardUse)
}


def reference_of(outcome: object) -> Reference | None:
    """The reference of a final outcome; None for one that is not final, so that the next request runs again."""
    kind = type(outcome).__name__
    if kind in _PLAIN:
        return {"type": kind, **_plain_reference(outcome)}
    parts: Reference
    match outcome:
        case (
            CheckoutProcessing()
            | AppointmentChangeProcessing()
            | MembershipChangeProcessing()
            | InvoicePaymentProcessing()
        ):
            return None
        case Problem():
            parts = _problem_reference(outcome)
        case HoldSlotSuccess(hold=hold) | ExtendHoldSuccess(hold=hold):
            parts = {"hold": _hold_reference(hold)}
        case ReleaseHoldSuccess(hold_id=hold_id):
            parts = {"hold_id": hold_id}
        case (
            StartCheckoutSuccess(checkout=checkout, guest_token=token)
            | StartPurchaseSuccess(checkout=checkout, guest_token=token)
        ):
            parts = {"checkout": checkout.id, "guest": token is not None}
        case (
            ConfirmCheckoutSuccess(checkout=checkout)
            | CancelCheckoutSuccess(checkout=checkout)
            | RequestEmailVerificationSuccess(checkout=checkout)
            | VerifyEmailSuccess(checkout=checkout)
        ):
            parts = {"checkout": checkout.id}
        case (
            CancelAppointmentSuccess(change=done)
            | RescheduleAppointmentSuccess(change=done)
            | CancelMembershipSuccess(change=done)
            | PauseMembershipSuccess(change=done)
            | ResumeMembershipSuccess(change=done)
            | PayInvoiceSuccess(payment=done)
        ):
            parts = {"change": done.id}
        case JoinWaitlistSuccess(entry=entry) | LeaveWaitlistSuccess(entry=entry):
            parts = {"waitlist": entry.id}
        case _:
            raise TypeError(f"{kind} is no outcome of a mutation")
    return {"type": kind, **parts}


async def recall(reference: Reference, context: Context) -> object:
    """Rebuild the outcome from its reference. A checkout is read by id, in its current state.

    Raises NotFound when it is gone, and UnknownState for an outcome that only a newer version of the program knows.
    """
    kind = reference["type"]
    if kind in _PROBLEMS:
        return await _recall_problem(reference, context)
    if kind in _HOLDS:
        return _HOLDS[kind](hold=await _recall_hold(reference["hold"], context))
    if kind in _STARTS:
        return await _recall_start(_STARTS[kind], reference, context)
    if kind in _CHECKOUTS:
        confirmed = kind == ConfirmCheckoutSuccess.__name__
        checkout = await _recall_checkout(
            reference["checkout"], context.identified, context, confirming=confirmed
        )
        return _CHECKOUTS[kind](checkout=checkout)
    if kind in SUCCESSES:
        return await SUCCESSES[kind](context, reference)
    return _recall_plain(kind, reference)


def _problem_reference(problem: Problem) -> Reference:
    if isinstance(problem, QuoteChanged):
        return {"checkout": problem.checkout_id}
    if isinstance(problem, CancellationQuoteChanged | RescheduleQuoteChanged):
        return {"appointment": problem.quote.appointment_id}
    if isinstance(
        problem, MembershipQuoteChanged | MembershipPauseQuoteChanged | MembershipResumeQuoteChanged
    ):
        return {"membership": problem.quote.membership_id}
    if isinstance(problem, InvoiceChanged):
        return {"invoice": problem.invoice.id}
    return _plain_reference(problem)


def _recall_plain(kind: str, reference: Reference) -> object:
    """An outcome that says what was done, and is not read again."""
    if kind == ReleaseHoldSuccess.__name__:
        return ReleaseHoldSuccess(hold_id=reference["hold_id"])
    if kind not in _PLAIN:
        raise UnknownState(kind)
    return _PLAIN[kind](**{name: _read(value) for name, value in reference["fields"].items()})


def _plain_reference(outcome: Any) -> Reference:
    return {"fields": {name: _write(value) for name, value in asdict(outcome).items()}}


async def _recall_problem(reference: Reference, context: Context) -> object:
    """Rebuild the problem; one of a changed quote gets the quote as it is now, or says why there is none any more."""
    kind = reference["type"]
    if kind in CHANGED:
        return await CHANGED[kind](context, reference)
    if kind == QuoteChanged.__name__:
        checkout = await _viewed(reference["checkout"], context.identified, context)
        return PROBLEMS[refusals.QuoteChanged].handle(refusals.QuoteChanged(checkout.id, checkout.quote))
    problem = _PROBLEMS[kind]
    known_fields = {one.name for one in fields(problem)}  # a newer version may have stored more
    try:
        return problem(
            **{name: _read(value) for name, value in reference["fields"].items() if name in known_fields}
        )
    except (KeyError, TypeError) as error:
        raise UnknownState(kind) from error


def _hold_reference(hold: api.Hold) -> dict[str, object]:
    return {
        "id": hold.id,
        "slot": hold.slot.id,
        "time_zone": hold.slot.time_zone,
        "expires_at": hold.expires_at.isoformat(),
        "extensions": hold.extensions,
    }


async def _recall_hold(kept: Mapping[str, Any], context: Context) -> api.Hold:
    """The hold as it stands, so that no replay shows an earlier state of it; one that is over as it was."""
    clinicians = to_clinicians(await names(context.services))
    if (live := await context.services.holds.view(context.identified, kept["id"])) is not None:
        return to_hold(live, clinicians=clinicians)
    expires_at = datetime.fromisoformat(kept["expires_at"])
    hold = Hold(
        id=kept["id"],
        owner=context.identified.principal.key,
        taken_by=context.identified.principal.key,
        slot=Slot.from_id(kept["slot"]),
        time_zone=kept["time_zone"],
        created_at=expires_at,  # not stored, and not part of the response
        expires_at=expires_at,
        extensions=kept["extensions"],
    )
    return to_hold(hold, clinicians=clinicians)


async def _recall_start(
    started: type[StartCheckoutSuccess | StartPurchaseSuccess],
    reference: Mapping[str, Any],
    context: Context,
) -> StartCheckoutSuccess | StartPurchaseSuccess:
    """Rebuild a started checkout, read as its guest if it has one: the caller who started or joined it got the guest's token."""
    checkout_id, guest = reference["checkout"], reference["guest"]
    caller = Caller(principal=guest_of(checkout_id)) if guest else context.identified
    return started(
        checkout=await _recall_checkout(checkout_id, caller, context),
        guest_token=context.tokens.guest(checkout_id) if guest else None,
    )


async def _recall_checkout(
    checkout_id: str, caller: Caller, context: Context, *, confirming: bool = False
) -> Checkout:
    checkout = await _viewed(checkout_id, caller, context)
    return await to_checkout(checkout, context.services, confirming=confirming)


async def _viewed(checkout_id: str, caller: Caller, context: Context) -> domain.Checkout:
    checkout = await context.services.checkouts.view(caller, checkout_id)
    if checkout is None:
        raise NotFound("checkout")
    return checkout


def _write(value: object) -> object:
    match value:
        case Enum():
            return {"enum": type(value).__name__, "name": value.name}
        case datetime():
            return {"moment": value.isoformat()}
    return value


def _read(value: Any) -> object:
    match value:
        case {"enum": str(enum), "name": str(name)}:
            return _ENUMS[enum][name]
        case {"moment": str(moment)}:
            return datetime.fromisoformat(moment)
    return value
