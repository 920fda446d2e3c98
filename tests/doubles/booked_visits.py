"""A booked visit as its patient may change it, with what was paid for it: sample values, each of which a test may set."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

from booking.catalog.model import ContactType
from booking.changes.visit import BookedVisit, ChangeVerdict, Paid, VisitRules
from booking.models import Appointment, AppointmentStatus, Charge
from booking.money import Money
from tests.doubles.booking_ports import NOW

START = NOW + timedelta(days=3)

RULES = VisitRules(may_cancel=True, may_reschedule=True, cancel_notice=None, reschedule_notice=None)
YES = ChangeVerdict(can_cancel=True, can_reschedule=True)
APPOINTMENT = Appointment(
    id="a-sample",
    clinician_id="c1",
    clinician_name="Sample c1",
    patient_id="p-sample",
    visit_type_id="v-priced",
    visit_type_name="First visit",
    start=START,
    minutes=30,
    contact_type=ContactType.VIDEO,
    location_id=None,
    status=AppointmentStatus.BOOKED,
    checkout_id="chk_sample",
    open_invoice=None,
)


def dollars(amount: str | int | Decimal) -> Money:
    return Money.of(amount, "USD")


def a_visit(
    *,
    verdict: ChangeVerdict = YES,
    reschedules: int = 0,
    credit_used: bool | None = False,
    has_series: bool = False,
    appointment: Appointment = APPOINTMENT,
    **rules: Any,
) -> BookedVisit:
    """A visit that may be cancelled and moved until it begins; `rules` are those that differ."""
    return BookedVisit(
        appointment=appointment,
        rules=VisitRules(**{**vars(RULES), **rules}),
        verdict=verdict,
        reschedules=reschedules,
        credit_used=credit_used,
        has_series=has_series,
    )


def a_payment(
    net: Money,
    *,
    refunded: Money | None = None,
    plan_id: str | None = None,
    recurring_payment_id: str | None = None,
    card_id: str | None = "card-sample",
) -> Paid:
    """What was charged for the visit: a single visit's price, or a plan's."""
    charge = Charge(
        billing_item_id="b-sample",
        charge_id="ch_sample",
        net=net,
        card_id=card_id,
        recurring_payment_id=recurring_payment_id,
        package_id="pkg-sample" if plan_id else None,
    )
    return Paid(
        charge=charge, refunded=refunded or Money.of(0, net.currency), plan_id=plan_id, list_price=net
    )
