"""What cancelling a visit costs and gives back with so much notice: pure, and the better for the patient the longer the notice.

Money is given back by the policy's tiers, as a share of what was charged, rounded half up to the currency's minor unit. What was given
back before counts towards it, so that no more than the charge is ever given back.
"""

from dataclasses import dataclass
from datetime import timedelta

from booking.card_amounts import is_chargeable
from booking.change_quotes import CreditOutcome, Fee, FeeMethod
from booking.changes.policy import ChangePolicy, PlanVisitTreatment
from booking.changes.visit import BookedVisit, Paid
from booking.money import Money

_PERCENT = 100


@dataclass(frozen=True, kw_only=True)
class CancellationTerms:
    """What follows from cancelling with a certain notice."""

    late: bool
    refund: Money | None
    kept: Money | None
    kept_is_lost: bool  # what is kept paid for this visit alone, and not for a plan that goes on
    fee: Fee | None
    credit: CreditOutcome | None

    @property
    def cost(self) -> Money | None:
        """The money that cancelling costs; None for none."""
        lost = self.kept if self.kept_is_lost else None
        if self.fee is None or lost is None or self.fee.amount.currency != lost.currency:
            return self.fee.amount if self.fee else lost
        return self.fee.amount + lost

    @property
    def free(self) -> bool:
        """Whether cancelling costs neither money nor a credit."""
        return self.cost is None and self.credit is not CreditOutcome.LOST


def terms_with(
    notice: timedelta, visit: BookedVisit, paid: Paid | None, policy: ChangePolicy
) -> CancellationTerms:
    """The terms for a patient who cancels with this notice before the start."""
    late = policy.late_notice is not None and notice < policy.late_notice
    fee = fee_of(visit, paid, policy) if late else None
    return _terms(visit, paid, policy, percent=percent_with(notice, policy), late=late, fee=fee)


def staff_terms(visit: BookedVisit, paid: Paid | None, policy: ChangePolicy) -> CancellationTerms:
    """The terms where staff set notice, lateness and fee aside: what is left of a payment is given back in full."""
    return _terms(visit, paid, policy, percent=_PERCENT, late=False, fee=None)


def free_with(visit: BookedVisit, paid: Paid | None, policy: ChangePolicy) -> timedelta | None:
    """The shortest notice with which the patient's cancelling costs nothing; None where no notice is long enough."""
    return next((one for one in _turning_points(policy) if terms_with(one, visit, paid, policy).free), None)


def percent_with(notice: timedelta, policy: ChangePolicy) -> int:
    """The share of a payment that the policy gives back with this notice, in percent."""
    return next((tier.percent for tier in policy.refunds if notice >= tier.notice), 0)


def fee_of(visit: BookedVisit, paid: Paid | None, policy: ChangePolicy) -> Fee | None:
    """The fee of a late cancellation, and who charges it: one of two, never both.

    The practice's system does where it charges such visits by itself. This program does if the policy says so, there is a card that
    paid for the visit, and the amount can be charged to one.
    """
    amount = visit.rules.late_cancellation_fee
    if amount is None or amount.is_zero:
        return None
    if visit.rules.practice_charges_late_fee:
        return Fee(amount=amount, method=FeeMethod.BY_PRACTICE)
    card = paid.charge.card_id if paid else None
    if policy.charge_late_fee and card is not None and is_chargeable(amount):
        return Fee(amount=amount, method=FeeMethod.CHARGED)
    return None


def gives_money_back(visit: BookedVisit, paid: Paid | None, policy: ChangePolicy) -> bool:
    """Whether the policy's tiers apply to what was paid: for a single visit always, for a plan's only in place of its credit.

    Where the system of record gives credits back by itself, or may, a plan's visit gives back its credit whatever the policy says:
    never both.
    """
    if paid is None:
        return False
    if paid.plan_id is None:
        return True
    may_return = visit.rules.restores_credit and visit.credit_used is not False
    return policy.plan_visits is PlanVisitTreatment.MONEY and not may_return


def used_credit(visit: BookedVisit, paid: Paid | None) -> bool:
    """Whether the visit took a credit; where that is unknown, a visit that was bought with a plan counts as one that did."""
    if visit.credit_used is not None:
        return visit.credit_used
    return paid is not None and paid.plan_id is not None


def _terms(
    visit: BookedVisit,
    paid: Paid | None,
    policy: ChangePolicy,
    *,
    percent: int,
    late: bool,
    fee: Fee | None,
) -> CancellationTerms:
    by_money = gives_money_back(visit, paid, policy)
    refund = _refund(paid, percent) if paid is not None and by_money else None
    kept = _kept(paid, refund) if paid is not None else None
    return CancellationTerms(
        late=late, refund=refund, kept=kept, kept_is_lost=by_money, fee=fee, credit=_credit(visit, paid, fee)
    )


def _refund(paid: Paid, percent: int) -> Money | None:
    """What is given back now, so that this share of the charge has been given back in all; None for nothing."""
    net = paid.charge.net
    share = Money.of(net.amount * percent / _PERCENT, net.currency)
    due = min((share - paid.refunded).amount, paid.left.amount)
    return Money(amount=due, currency=net.currency) if due > 0 else None


def _kept(paid: Paid, refund: Money | None) -> Money | None:
    kept = paid.left - refund if refund is not None else paid.left
    return None if kept.is_zero else kept


def _credit(visit: BookedVisit, paid: Paid | None, fee: Fee | None) -> CreditOutcome | None:
    """What the system of record does with the credit: documented only for a cancellation that it does not charge as a late one."""
    if not used_credit(visit, paid):
        return None
    charged_by_practice = fee is not None and fee.method is FeeMethod.BY_PRACTICE
    if visit.rules.restores_credit and not charged_by_practice:
        return CreditOutcome.GIVEN_BACK
    return CreditOutcome.LOST


def _turning_points(policy: ChangePolicy) -> list[timedelta]:
    """The notices with which terms change, the shortest first."""
    late = () if policy.late_notice is None else (policy.late_notice,)
    return sorted({timedelta(), *late, *(tier.notice for tier in policy.refunds)})
