"""Outcomes about what is on a patient's record, rebuilt by id as they stand: changes of visits and memberships, payments of invoices, places."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeVar

from booking import refusals
from booking.errors import NotFound
from booking.refusals import Refusal
from resolvers.changes import to_change
from resolvers.invoices import to_invoice_payment
from resolvers.memberships import to_membership_change
from resolvers.problems import PROBLEMS
from resolvers.waitlist import to_entry
from schema.change_problems import CancellationQuoteChanged, RescheduleQuoteChanged
from schema.change_results import CancelAppointmentSuccess, RescheduleAppointmentSuccess
from schema.context import Context
from schema.invoices import InvoiceChanged, PayInvoiceSuccess
from schema.memberships import (
    CancelMembershipSuccess,
    MembershipPauseQuoteChanged,
    MembershipQuoteChanged,
    MembershipResumeQuoteChanged,
    PauseMembershipSuccess,
    ResumeMembershipSuccess,
)
from schema.problems import Problem
from schema.waitlist_results import JoinWaitlistSuccess, LeaveWaitlistSuccess

T = TypeVar("T")

# Rebuilds an outcome from what its reference says.
Recall = Callable[[Context, Mapping[str, Any]], Awaitable[object]]


def _change_of_a_visit(success: Callable[..., object]) -> Recall:
    async def recall(context: Context, reference: Mapping[str, Any]) -> object:
        services, caller = context.services, context.identified
        change = _found(await services.changes.view(caller, reference["change"]), "change")
        return success(change=await to_change(change, services, caller))

    return recall


def _change_of_a_membership(success: Callable[..., object]) -> Recall:
    async def recall(context: Context, reference: Mapping[str, Any]) -> object:
        change = await context.services.memberships.view(context.identified, reference["change"])
        return success(change=to_membership_change(_found(change, "change")))

    return recall


async def _invoice_payment(context: Context, reference: Mapping[str, Any]) -> object:
    change = await context.services.invoice_payments.view(context.identified, reference["change"])
    return PayInvoiceSuccess(payment=to_invoice_payment(_found(change, "change")))


def _place(success: Callable[..., object]) -> Recall:
    async def recall(context: Context, reference: Mapping[str, Any]) -> object:
        place = await context.services.waitlist.view(context.identified, reference["waitlist"])
        return success(entry=to_entry(_found(place, "waitlist entry"), context.services))

    return recall


def _found(value: T | None, name: str) -> T:
    if value is None:
        raise NotFound(name)
    return value


SUCCESSES: Mapping[str, Recall] = {
    **{
        one.__name__: _change_of_a_visit(one)
        for one in (CancelAppointmentSuccess, RescheduleAppointmentSuccess)
    },
    **{
        one.__name__: _change_of_a_membership(one)
        for one in (CancelMembershipSuccess, PauseMembershipSuccess, ResumeMembershipSuccess)
    },
    PayInvoiceSuccess.__name__: _invoice_payment,
    **{one.__name__: _place(one) for one in (JoinWaitlistSuccess, LeaveWaitlistSuccess)},
}


async def _quoted(quote: Awaitable[T], changed: Callable[[T], Refusal]) -> Problem:
    """The problem with the quote as it is now, or with the reason why there is none any more."""
    try:
        refusal = changed(await quote)
    except Refusal as other:
        refusal = other
    return PROBLEMS[type(refusal)].handle(refusal)


async def _invoice(context: Context, reference: Mapping[str, Any]) -> Problem:
    """The problem with the invoice as it stands, or that it is paid by now."""
    invoice = await context.services.invoice_payments.present(context.identified, reference["invoice"])
    refusal = refusals.InvoicePaid() if invoice.is_paid else refusals.InvoiceChanged(invoice)
    return PROBLEMS[type(refusal)].handle(refusal)


# Of problems that show what was accepted as it is now.
CHANGED: Mapping[str, Recall] = {
    CancellationQuoteChanged.__name__: lambda context, of: _quoted(
        context.services.changes.cancellation_quote(context.identified, of["appointment"]),
        refusals.CancellationQuoteChanged,
    ),
    RescheduleQuoteChanged.__name__: lambda context, of: _quoted(
        context.services.changes.reschedule_quote(context.identified, of["appointment"]),
        refusals.RescheduleQuoteChanged,
    ),
    MembershipQuoteChanged.__name__: lambda context, of: _quoted(
        context.services.memberships.end_quote(context.identified, of["membership"]),
        refusals.MembershipQuoteChanged,
    ),
    MembershipPauseQuoteChanged.__name__: lambda context, of: _quoted(
        context.services.memberships.pause_quote(context.identified, of["membership"]),
        refusals.MembershipPauseQuoteChanged,
    ),
    MembershipResumeQuoteChanged.__name__: lambda context, of: _quoted(
        context.services.memberships.resume_quote(context.identified, of["membership"]),
        refusals.MembershipResumeQuoteChanged,
    ),
    InvoiceChanged.__name__: _invoice,
}
