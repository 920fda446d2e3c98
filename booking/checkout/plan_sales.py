"""Plans that are bought without a visit: the patient gets the package with its credits, and books by credit later.

The checkout is the same row and the same saga, without a slot (`Checkout.slot` is None): nothing is held, claimed or booked, and the
charge, once it is proved, is the end.
"""

import hashlib
import secrets
from datetime import datetime, timedelta

from booking.catalog.model import Catalog
from booking.checkout.model import Checkout
from booking.errors import InvalidInput
from booking.models import GuestDetails, Quote
from booking.principals import Caller, guest_of
from booking.refusals import ClinicianNotBookable

# Until when a purchase that was started can be confirmed: long enough to find a card and ask somebody, short enough that a form which
# was left open does not buy anything the next day. Starting it again begins the time anew.
OPEN_FOR = timedelta(hours=1)


def sale_of(caller: Caller, plan_id: str) -> str:
    """What stands for the hold: one buyer's purchase of one plan. Of the live rows one has it, so two tabs join one checkout."""
    return f"plan_{hashlib.sha256(f'{caller.principal.key} {plan_id}'.encode()).hexdigest()[:32]}"


def seller_of(catalog: Catalog, plan_id: str, wanted: str | None) -> str:
    """The id of the clinician in whose name the plan is sold: whose key charges, and who receives the payment.

    The one that the patient names; else the first who offers a visit of the plan, or, for a plan without visits, the first of all.
    Raises InvalidInput for one who is not bookable, ClinicianNotBookable where nobody is.
    """
    if wanted is not None:
        if catalog.clinician(wanted) is None:
            raise InvalidInput(
                field="clinicianId",
                reason="There is no such clinician. Take an id from the clinicians query.",
            )
        return wanted
    plan = catalog.plan(plan_id)
    visits = plan.visits if plan is not None else ()
    offering = (catalog.clinicians_for(visit_type_id=each.visit_type_id) for each in visits)
    people = next(filter(None, offering), catalog.clinicians)
    if not people:
        raise ClinicianNotBookable
    return people[0].id


def new_sale(
    caller: Caller,
    plan_id: str,
    quote: Quote,
    guest: GuestDetails | None,
    *,
    sold_by: str,
    time_zone: str,
    now: datetime,
) -> Checkout:
    """The row of a purchase; `time_zone` is IANA, `now` in UTC."""
    checkout_id = f"chk_{secrets.token_urlsafe(16)}"
    patient_id = caller.principal.patient_id
    return Checkout(
        id=checkout_id,
        owner=caller.principal.key if patient_id else guest_of(checkout_id).key,
        started_by=caller.principal.key,
        hold_id=sale_of(caller, plan_id),
        slot=None,
        sold_by=sold_by,
        time_zone=time_zone,
        quote=quote,
        guest=None if patient_id else guest,
        patient_id=patient_id,
        created_at=now,
        updated_at=now,
        due_at=now + OPEN_FOR,
        hold_expires_at=now + OPEN_FOR,
    )
