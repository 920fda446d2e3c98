"""A patient and their membership, as the doubles of the domain hold them."""

from datetime import timedelta

from booking.changes.membership import MembershipAsStands
from booking.principals import Caller, Principal, PrincipalKind
from tests.doubles.booking_ports import NOW
from tests.integration.database_samples import dollars

PATIENT = Caller(principal=Principal(kind=PrincipalKind.PATIENT, id="p-sample"))
MEMBER = MembershipAsStands(
    id="series-1",
    patient_id="p-sample",
    plan_name="Sample monthly",
    amount=dollars("99"),
    next_payment_at=NOW + timedelta(days=20),
    payments_left=None,
    is_ended=False,
    payment_id="7",
    charged_by="c1",
)
