"""Converts Healthie's packages, credits and recurring payments to the domain's."""

from collections.abc import Iterable
from itertools import pairwise

from booking.catalog.model import BillingFrequency
from booking.money import Money
from booking.packages.model import (
    Credit,
    CreditEntry,
    Membership,
    MembershipStatus,
    Package,
    PackageVisits,
)
from integrations.healthie.answers import money, whole
from integrations.healthie.catalog import FREQUENCIES
from integrations.healthie.generated.credit_ledger import CreditLedgerAppointmentTypeCreditChangesNodes
from integrations.healthie.generated.credits_of_patient import CreditsOfPatientUserAppointmentTypeCredits
from integrations.healthie.generated.fragments import BoughtPackage, Series


def package_of(row: BoughtPackage, currency: str) -> Package:
    """The package; without a price where it cannot be parsed."""
    plan = row.offering
    series = row.recurring_payment
    return Package(
        id=row.id,
        plan_id=plan.id if plan else None,
        name=(plan.name if plan else None) or "",
        bought_at=row.created_at,
        price=_money(row.initial_price_with_offering_coupon, (plan.currency if plan else None) or currency),
        visits=tuple(
            PackageVisits(
                visit_type_id=each.appointment_type_id,
                visit_type_name=each.appointment_type.name if each.appointment_type else None,
                quantity=whole(each.quantity),
                repeats=each.is_repeating,
                expires_in=each.expires_in or None,
            )
            for each in (plan.offering_includes if plan else None) or ()
            if each.appointment_type_id
        ),
        payment_id=row.billing_item_id,
        membership_id=series.id if series else None,
        invoice_id=row.requested_payment_id,
    )


def credit_of(row: CreditsOfPatientUserAppointmentTypeCredits) -> Credit | None:
    """What is left for a visit type; None where the type or the number cannot be read: nothing is better than a guess."""
    left = whole(row.quantity)
    kind = row.appointment_type
    kind_id = row.appointment_type_id or (kind.id if kind else None)
    if left is None or kind_id is None:
        return None
    return Credit(visit_type_id=kind_id, visit_type_name=kind.name if kind else None, left=left)


def ledger_of(
    rows: Iterable[CreditLedgerAppointmentTypeCreditChangesNodes], patient_id: str
) -> tuple[CreditEntry, ...]:
    """The lines, newest first, without any about another patient's visit.

    Healthie documents neither the words of an event nor the order of the list: what a line did is the difference to the number
    before it, by the time of the lines. Of the first there is none before it.
    """
    own = [
        row
        for row in rows
        if row.appointment is None or row.appointment.user is None or row.appointment.user.id == patient_id
    ]
    ordered = sorted(own, key=lambda each: (each.created_at, int(each.id) if each.id.isdigit() else 0))
    changes = [
        None,
        *(later.credit_quantity - earlier.credit_quantity for earlier, later in pairwise(ordered)),
    ]
    entries = [
        CreditEntry(
            id=row.id,
            at=row.created_at,
            left=row.credit_quantity,
            change=change,
            appointment_id=row.appointment.id if row.appointment else None,
            plan_id=row.offering.id if row.offering else None,
        )
        for row, change in zip(ordered, changes, strict=False)
    ]
    return tuple(reversed(entries))


def membership_of(row: Series, currency: str) -> Membership:
    """The series of payments; without an amount where it cannot be parsed."""
    last = row.last_billing_item
    # `next_payment_date` is taken only where a payment follows: what it says of an ended series is not documented.
    left = whole(row.payments_remaining)
    status = _status(row, left)
    active = status is MembershipStatus.ACTIVE
    resumes = status is MembershipStatus.PAUSED
    return Membership(
        id=row.id,
        plan_id=row.offering_id,
        plan_name=row.offering_name,
        status=status,
        frequency=_frequency(row.billing_frequency),
        started_at=row.start_at or row.created_at,
        next_payment_at=row.next_payment_date if active else None,
        next_amount=_money(row.amount_to_pay, (last.currency if last else None) or currency)
        if active or resumes
        else None,
        payments_left=0 if not (active or resumes) else left,
        paused_at=row.paused_at if resumes else None,
        resumes_at=row.next_restart_payment_date if resumes else None,
        cancelled_at=row.canceled_at if status is MembershipStatus.CANCELLED else None,
        last_payment_id=last.id if last else None,
    )


def _status(row: Series, left: int | None) -> MembershipStatus:
    if row.is_canceled:
        return MembershipStatus.CANCELLED
    if left == 0:
        return MembershipStatus.COMPLETED
    return MembershipStatus.PAUSED if row.is_paused else MembershipStatus.ACTIVE


def _frequency(text: str | None) -> BillingFrequency | None:
    return FREQUENCIES.get((text or "").strip().casefold())


def _money(text: str | None, currency: str) -> Money | None:
    try:
        return money(text, currency)
    except ValueError:
        return None
