"""Maps quotes from the domain to the API."""

from strawberry import ID

from booking import models as domain
from resolvers.catalog import to_id, to_money, to_policy
from schema import quotes as api
from schema.catalog import BillingFrequency


def to_quote(quote: domain.Quote) -> api.Quote:
    """Map a quote."""
    return api.Quote(
        id=ID(quote.id),
        plan_id=to_id(quote.plan_id),
        visit_type_id=to_id(quote.visit_type_id),
        description=quote.description,
        list_price=to_money(quote.list_price),
        discount=to_money(quote.discount),
        due_today=to_money(quote.due_today),
        promo_code=quote.promo_code,
        recurrence=_to_recurrence(quote.recurrence) if quote.recurrence else None,
        uses_credit=quote.uses_credit,
        policy=to_policy(quote.policy),
    )


def _to_recurrence(recurrence: domain.Recurrence) -> api.Recurrence:
    return api.Recurrence(
        frequency=BillingFrequency[recurrence.frequency.name],
        amount=to_money(recurrence.amount),
        payments=recurrence.payments,
        discount=_to_discount(recurrence.discount) if recurrence.discount else None,
    )


def _to_discount(discount: domain.LastingDiscount) -> api.LastingDiscount:
    return api.LastingDiscount(
        amount=to_money(discount.amount), payments=discount.payments, certain=discount.certain
    )
