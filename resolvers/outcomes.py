"""Outcomes of mutations as references: the stored data from which an idempotent replay returns the same outcome.

A reference holds no patient data: of a problem its own fields (a quote is read from its checkout), of a hold its scalars (so
that it can be returned after it expired), of a checkout and of a change of a visit only the id.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import asdict, fields
from datetime import datetime
from enum import Enum
from typing import Any

from booking import refusals
from booking.checkout import model as domain
from booking.errors import NotFound, UnknownState
from booking.models import Hold
from booking.principals import Caller, guest_of
from booking.refusals import Refusal
from booking.slots import Slot
from resolvers.catalog import names, to_clinicians
from resolvers.changes import to_change
from resolvers.checkouts import to_checkout
from resolvers.memberships import to_membership_change
from resolvers.problems import PROBLEMS
from resolvers.slots import to_hold
from resolvers.waitlist import to_entry
from schema import slots as api
from schema.change_problems import CancellationQuoteChanged, ChangeNotAllowedReason, RescheduleQuoteChanged
from schema.change_results import (
    AppointmentChangeProcessing,
    CancelAppointmentSuccess,
    RescheduleAppointmentSuccess,
)
from schema.changes import AppointmentChange
from schema.checkouts import Checkout, CheckoutStatus, DeclineReason
from schema.context import Context
from schema.memberships import (
    CancelMembershipSuccess,
    MembershipChange,
    MembershipChangeProcessing,
    MembershipNotAllowedReason,
    MembershipPauseQuoteChanged,
    MembershipQuoteChanged,
    MembershipResumeQuoteChanged,
    PauseMembershipSuccess,
    ResumeMembershipSuccess,
)
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
    VerifyEmailSuccess,
)
from schema.waitlist import WaitlistEntry
from schema.waitlist_results import JoinWaitlistSuccess, LeaveWaitlistSuccess

Reference = Mapping[str, Any]

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
_CHANGES: Mapping[str, Callable[..., object]] = {
    one.__name__: one for one in (CancelAppointmentSuccess, RescheduleAppointmentSuccess)
}
_MEMBERSHIP_CHANGES: Mapping[str, Callable[..., object]] = {
    one.__name__: one for one in (CancelMembershipSuccess, PauseMembershipSuccess, ResumeMembershipSuccess)
}
_PLACES: Mapping[str, Callable[..., object]] = {
    one.__name__: one for one in (JoinWaitlistSuccess, LeaveWaitlistSuccess)
}
_ENUMS = {
    kind.__name__: kind
    for kind in (DeclineReason, CheckoutStatus, ChangeNotAllowedReason, MembershipNotAllowedReason)
}


def reference_of(outcome: object) -> Reference | None:
    """The reference of a final outcome; None for one that is not final, so that the next request runs again."""
    kind = type(outcome).__name__
    parts: Reference
    match outcome:
        case CheckoutProcessing() | AppointmentChangeProcessing() | MembershipChangeProcessing():
            return None
        case Problem():
            parts = _problem_reference(outcome)
        case HoldSlotSuccess(hold=hold) | ExtendHoldSuccess(hold=hold):
            parts = {"hold": _hold_reference(hold)}
        case ReleaseHoldSuccess(hold_id=hold_id):
            parts = {"hold_id": hold_id}
        case StartCheckoutSuccess(checkout=checkout, guest_token=token):
            parts = {"checkout": checkout.id, "guest": token is not None}
        case (
            ConfirmCheckoutSuccess(checkout=checkout)
            | CancelCheckoutSuccess(checkout=checkout)
            | RequestEmailVerificationSuccess(checkout=checkout)
            | VerifyEmailSuccess(checkout=checkout)
        ):
            parts = {"checkout": checkout.id}
        case CancelAppointmentSuccess(change=change) | RescheduleAppointmentSuccess(change=change):
            parts = {"change": change.id}
        case (
            CancelMembershipSuccess(change=of_membership)
            | PauseMembershipSuccess(change=of_membership)
            | ResumeMembershipSuccess(change=of_membership)
        ):
            parts = {"change": of_membership.id}
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
    if kind == ReleaseHoldSuccess.__name__:
        return ReleaseHoldSuccess(hold_id=reference["hold_id"])
    if kind == StartCheckoutSuccess.__name__:
        return await _recall_start(reference, context)
    if kind in _CHECKOUTS:
        confirmed = kind == ConfirmCheckoutSuccess.__name__
        checkout = await _recall_checkout(
            reference["checkout"], context.identified, context, confirming=confirmed
        )
        return _CHECKOUTS[kind](checkout=checkout)
    return await _recall_of_patient(reference, context)


async def _recall_of_patient(reference: Reference, context: Context) -> object:
    """Rebuild a change of a visit or membership, or a place on the waitlist, as it stands."""
    kind = reference["type"]
    if kind in _CHANGES or kind in _MEMBERSHIP_CHANGES:
        return await _recall_success(kind, reference["change"], context)
    if kind in _PLACES:
        return _PLACES[kind](entry=await _recall_place(reference["waitlist"], context))
    raise UnknownState(kind)


def _problem_reference(problem: Problem) -> Reference:
    if isinstance(problem, QuoteChanged):
        return {"checkout": problem.checkout_id}
    if isinstance(problem, CancellationQuoteChanged | RescheduleQuoteChanged):
        return {"appointment": problem.quote.appointment_id}
    if isinstance(
        problem, MembershipQuoteChanged | MembershipPauseQuoteChanged | MembershipResumeQuoteChanged
    ):
        return {"membership": problem.quote.membership_id}
    return {"fields": {name: _write(value) for name, value in asdict(problem).items()}}


async def _recall_problem(reference: Reference, context: Context) -> object:
    """Rebuild the problem; one of a changed quote gets the quote as it is now, or says why there is none any more."""
    kind = reference["type"]
    if kind in _CHANGED_QUOTES:
        return await _CHANGED_QUOTES[kind](context, reference["appointment"])
    if kind in _CHANGED_MEMBERSHIP_QUOTES:
        return await _CHANGED_MEMBERSHIP_QUOTES[kind](context, reference["membership"])
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


async def _recall_cancellation_quote(context: Context, appointment_id: str) -> Problem:
    try:
        quote = await context.services.changes.cancellation_quote(context.identified, appointment_id)
    except Refusal as refusal:
        return PROBLEMS[type(refusal)].handle(refusal)
    return PROBLEMS[refusals.CancellationQuoteChanged].handle(refusals.CancellationQuoteChanged(quote))


async def _recall_reschedule_quote(context: Context, appointment_id: str) -> Problem:
    try:
        quote = await context.services.changes.reschedule_quote(context.identified, appointment_id)
    except Refusal as refusal:
        return PROBLEMS[type(refusal)].handle(refusal)
    return PROBLEMS[refusals.RescheduleQuoteChanged].handle(refusals.RescheduleQuoteChanged(quote))


async def _recall_membership_quote(context: Context, membership_id: str) -> Problem:
    try:
        quote = await context.services.memberships.end_quote(context.identified, membership_id)
    except Refusal as refusal:
        return PROBLEMS[type(refusal)].handle(refusal)
    return PROBLEMS[refusals.MembershipQuoteChanged].handle(refusals.MembershipQuoteChanged(quote))


async def _recall_pause_quote(context: Context, membership_id: str) -> Problem:
    try:
        quote = await context.services.memberships.pause_quote(context.identified, membership_id)
    except Refusal as refusal:
        return PROBLEMS[type(refusal)].handle(refusal)
    changed = refusals.MembershipPauseQuoteChanged(quote)
    return PROBLEMS[type(changed)].handle(changed)


async def _recall_resume_quote(context: Context, membership_id: str) -> Problem:
    try:
        quote = await context.services.memberships.resume_quote(context.identified, membership_id)
    except Refusal as refusal:
        return PROBLEMS[type(refusal)].handle(refusal)
    changed = refusals.MembershipResumeQuoteChanged(quote)
    return PROBLEMS[type(changed)].handle(changed)


_CHANGED_MEMBERSHIP_QUOTES: Mapping[str, Callable[[Context, str], Awaitable[Problem]]] = {
    MembershipQuoteChanged.__name__: _recall_membership_quote,
    MembershipPauseQuoteChanged.__name__: _recall_pause_quote,
    MembershipResumeQuoteChanged.__name__: _recall_resume_quote,
}
_CHANGED_QUOTES: Mapping[str, Callable[[Context, str], Awaitable[Problem]]] = {
    CancellationQuoteChanged.__name__: _recall_cancellation_quote,
    RescheduleQuoteChanged.__name__: _recall_reschedule_quote,
}


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


async def _recall_start(reference: Mapping[str, Any], context: Context) -> StartCheckoutSuccess:
    """Rebuild a started checkout, read as its guest if it has one: the caller who started or joined it got the guest's token."""
    checkout_id, guest = reference["checkout"], reference["guest"]
    caller = Caller(principal=guest_of(checkout_id)) if guest else context.identified
    return StartCheckoutSuccess(
        checkout=await _recall_checkout(checkout_id, caller, context),
        guest_token=context.tokens.guest(checkout_id) if guest else None,
    )


async def _recall_checkout(
    checkout_id: str, caller: Caller, context: Context, *, confirming: bool = False
) -> Checkout:
    checkout = await _viewed(checkout_id, caller, context)
    return await to_checkout(checkout, context.services, confirming=confirming)


async def _recall_success(kind: str, change_id: str, context: Context) -> object:
    if kind in _MEMBERSHIP_CHANGES:
        return _MEMBERSHIP_CHANGES[kind](change=await _recall_membership_change(change_id, context))
    return _CHANGES[kind](change=await _recall_change(change_id, context))


async def _recall_change(change_id: str, context: Context) -> AppointmentChange:
    change = await context.services.changes.view(context.identified, change_id)
    if change is None:
        raise NotFound("change")
    return await to_change(change, context.services, context.identified)


async def _recall_membership_change(change_id: str, context: Context) -> MembershipChange:
    change = await context.services.memberships.view(context.identified, change_id)
    if change is None:
        raise NotFound("change")
    return to_membership_change(change)


async def _recall_place(entry_id: str, context: Context) -> WaitlistEntry:
    place = await context.services.waitlist.view(context.identified, entry_id)
    if place is None:
        raise NotFound("waitlist entry")
    return to_entry(place, context.services)


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
