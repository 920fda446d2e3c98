"""What ending a membership means, and the row that an accepted end becomes: pure.

The system of record has no policy for it: it ends future payments only, and what was bought stays (credits, the patient's group).
"""

import secrets
from datetime import datetime

from booking.change_quotes import MembershipEndQuote
from booking.changes.access import by_staff
from booking.changes.membership import MembershipAsStands
from booking.changes.model import Action, ActionKind, ChangeKind, RequestedChange
from booking.principals import Caller
from booking.refusals.memberships import MembershipOver


def membership_end_quote(membership: MembershipAsStands) -> MembershipEndQuote:
    """What ending the membership does now. Raises MembershipOver when no later payment is left to end."""
    if membership.is_ended or membership.payments_left == 0:
        raise MembershipOver
    return MembershipEndQuote(
        membership_id=membership.id,
        plan_name=membership.plan_name,
        amount=membership.amount,
        next_payment_at=None if membership.is_paused else membership.next_payment_at,
        payments_left=membership.payments_left,
    )


def new_membership_end(
    caller: Caller,
    membership: MembershipAsStands,
    quote: MembershipEndQuote,
    *,
    note: str | None,
    now: datetime,
) -> RequestedChange:
    """The row of an accepted end of a membership; `now` is in UTC."""
    return new_membership_change(
        caller,
        membership,
        kind=ChangeKind.MEMBERSHIP_END,
        quote_id=quote.id,
        action=Action(kind=ActionKind.STOP_RECURRING),
        note=note,
        now=now,
    )


def new_membership_change(
    caller: Caller,
    membership: MembershipAsStands,
    *,
    kind: ChangeKind,
    quote_id: str,
    action: Action,
    note: str | None,
    now: datetime,
    time_zone: str = "UTC",
) -> RequestedChange:
    """The row of an accepted change of a membership, of one action; `now` is in UTC, `time_zone` what its days are counted in."""
    return RequestedChange(
        id=f"chg_{secrets.token_urlsafe(16)}",
        kind=kind,
        owner=caller.principal.key,
        by_staff=by_staff(caller),
        patient_id=membership.patient_id,
        membership_id=membership.id,
        time_zone=time_zone,
        checkout_id=None,
        quote_id=quote_id,
        note=note,
        payment_id=membership.payment_id,
        charged_by=membership.charged_by,
        recurring_payment_id=membership.id,
        actions=(action,),
        created_at=now,
        updated_at=now,
        due_at=now,
    )
