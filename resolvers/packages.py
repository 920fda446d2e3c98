"""Maps what a patient bought, and owes, from the domain to the API."""

from collections.abc import Callable, Sequence
from typing import Any

from strawberry import ID

from booking.changes.membership_service import MembershipService
from booking.packages import model as domain
from booking.packages.service import PurchaseService
from resolvers.catalog import to_id, to_money, to_money_or_none
from resolvers.pages import Page, check_size, page_of
from schema import packages as api
from schema import payments as money
from schema.catalog import BillingFrequency


def purchase_loaders(
    patient_id: str, purchases: PurchaseService, changes: MembershipService
) -> dict[str, Any]:
    """The reads of one patient's purchases, as fields of their record; whose they may be read for is decided by who got the patient's record."""

    async def packages() -> list[api.Package]:
        return [_to_package(each) for each in await purchases.packages(patient_id)]

    async def credits_() -> list[api.Credit]:
        return [_to_credit(each, patient_id, purchases) for each in await purchases.credits(patient_id)]

    async def memberships() -> list[api.Membership]:
        return [_to_membership(each, changes) for each in await purchases.memberships(patient_id)]

    async def payments(first: int, after: str | None) -> money.PaymentConnection:
        check_size(first)
        return _to_payments(await purchases.payments(patient_id), first=first, after=after)

    async def invoices(which: money.InvoiceFilter, first: int, after: str | None) -> money.InvoiceConnection:
        check_size(first)
        found = [each for each in await purchases.invoices(patient_id) if _CHOSEN[which](each)]
        return _to_invoices(found, first=first, after=after)

    return {
        "load_packages": packages,
        "load_credits": credits_,
        "load_memberships": memberships,
        "load_payments": payments,
        "load_invoices": invoices,
    }


_CHOSEN: dict[money.InvoiceFilter, Callable[[domain.Invoice], bool]] = {
    money.InvoiceFilter.ALL: lambda _: True,
    money.InvoiceFilter.OPEN: lambda invoice: not invoice.due.is_zero,
    money.InvoiceFilter.PAID: lambda invoice: invoice.due.is_zero,
}


def _to_package(package: domain.Package) -> api.Package:
    return api.Package(
        id=ID(package.id),
        plan_id=to_id(package.plan_id),
        name=package.name,
        bought_at=package.bought_at,
        price=to_money_or_none(package.price),
        visits=[
            api.PackageVisits(
                visit_type_id=ID(each.visit_type_id),
                visit_type_name=each.visit_type_name,
                quantity=each.quantity,
                repeats=each.repeats,
                expires_in=each.expires_in,
            )
            for each in package.visits
        ],
        payment_id=to_id(package.payment_id),
        membership_id=to_id(package.membership_id),
        invoice_id=to_id(package.invoice_id),
    )


def _to_credit(credit: domain.Credit, patient_id: str, purchases: PurchaseService) -> api.Credit:
    async def entries() -> list[api.CreditEntry]:
        return [_to_entry(each) for each in await purchases.ledger(patient_id, credit.visit_type_id)]

    return api.Credit(
        visit_type_id=ID(credit.visit_type_id),
        visit_type_name=credit.visit_type_name,
        left=credit.left,
        load_entries=entries,
    )


def _to_entry(entry: domain.CreditEntry) -> api.CreditEntry:
    return api.CreditEntry(
        id=ID(entry.id),
        at=entry.at,
        change=entry.change,
        left=entry.left,
        appointment_id=to_id(entry.appointment_id),
        plan_id=to_id(entry.plan_id),
    )


def _to_membership(membership: domain.Membership, changes: MembershipService) -> api.Membership:
    async def can_pause() -> bool:
        active = membership.status is domain.MembershipStatus.ACTIVE
        return active and await changes.may_pause(membership.id)

    async def can_resume() -> bool:
        if membership.resumes_at is None:
            return False
        return await changes.may_resume(membership.id, paused_at=membership.paused_at)

    return api.Membership(
        id=ID(membership.id),
        plan_id=to_id(membership.plan_id),
        plan_name=membership.plan_name,
        status=api.MembershipStatus[membership.status.name],
        frequency=BillingFrequency[membership.frequency.name] if membership.frequency else None,
        started_at=membership.started_at,
        next_payment_at=membership.next_payment_at,
        next_amount=to_money_or_none(membership.next_amount),
        payments_left=membership.payments_left,
        paused_at=membership.paused_at,
        resumes_at=membership.resumes_at,
        cancelled_at=membership.cancelled_at,
        can_cancel=membership.is_open,
        load_can_pause=can_pause,
        load_can_resume=can_resume,
    )


def _to_payments(
    payments: Sequence[domain.Payment], *, first: int, after: str | None
) -> money.PaymentConnection:
    page: Page[domain.Payment] = page_of(
        payments, [f"payment:{each.id}" for each in payments], first=first, after=after
    )
    edges = [money.PaymentEdge(node=_to_payment(each), cursor=cursor) for each, cursor in page.items]
    return money.PaymentConnection(
        edges=edges,
        nodes=[edge.node for edge in edges],
        page_info=page.info,
        total_count=len(payments),
    )


def _to_payment(payment: domain.Payment) -> money.Payment:
    return money.Payment(
        id=ID(payment.id),
        status=money.PaymentStatus[payment.status.name],
        amount=to_money(payment.amount),
        refunded=to_money(payment.refunded),
        refunds=[
            money.Refund(id=ID(each.id), amount=to_money(each.amount), at=each.at, pending=each.pending)
            for each in payment.refunds
        ],
        at=payment.at,
        description=payment.description,
        card_brand=payment.card_brand,
        card_last4=payment.card_last4,
        outside=payment.outside,
        plan_id=to_id(payment.plan_id),
        membership_id=to_id(payment.membership_id),
        invoice_id=to_id(payment.invoice_id),
        receipt_sent_at=payment.receipt_sent_at,
    )


def _to_invoices(
    invoices: Sequence[domain.Invoice], *, first: int, after: str | None
) -> money.InvoiceConnection:
    page: Page[domain.Invoice] = page_of(
        invoices, [f"invoice:{each.id}" for each in invoices], first=first, after=after
    )
    edges = [money.InvoiceEdge(node=_to_invoice(each), cursor=cursor) for each, cursor in page.items]
    return money.InvoiceConnection(
        edges=edges,
        nodes=[edge.node for edge in edges],
        page_info=page.info,
        total_count=len(invoices),
    )


def _to_invoice(invoice: domain.Invoice) -> money.Invoice:
    return money.Invoice(
        id=ID(invoice.id),
        number=invoice.number,
        status=money.InvoiceStatus[invoice.status.name],
        total=to_money(invoice.total),
        due=to_money(invoice.due),
        created_at=invoice.created_at,
        paid_at=invoice.paid_at,
        serviced_at=invoice.serviced_at,
        description=invoice.description,
        plan_id=to_id(invoice.plan_id),
        plan_name=invoice.plan_name,
        appointment_id=to_id(invoice.appointment_id),
        payment_ids=[ID(each) for each in invoice.payment_ids],
    )
