"""GraphQL types of quotes: prices and terms."""

import strawberry
from strawberry import field

from schema.catalog import BillingFrequency, BookingPolicy
from schema.money import Money
from schema.permissions import reached


@reached
@strawberry.type(description="A promo code that lowers later payments too.")
class LastingDiscount:
    """`booking.models.LastingDiscount`."""

    amount: Money = field(description="Of each later payment while it lasts.")
    payments: int | None = field(
        description="For how many payments in all, today's included; null: for every one."
    )
    certain: bool = field(
        description="False: the practice's system does not say how long it lasts. It may end after any payment; "
        "none is higher than the recurrence's `amount`."
    )


@reached
@strawberry.type(description="How a plan bills after today, without asking again.")
class Recurrence:
    """`booking.models.Recurrence`."""

    frequency: BillingFrequency = field(description="How often.")
    amount: Money = field(description="Of each later payment without a discount.")
    payments: int | None = field(description="How many in all, today's included; null: until cancelled.")
    discount: LastingDiscount | None = field(
        description="Of the promo code on later payments; null: each is the full `amount`."
    )


@reached
@strawberry.type(description="What will be charged, and on which terms. A checkout freezes its quote.")
class Quote:
    """`booking.models.Quote`."""

    id: strawberry.ID = field(
        description="Names these amounts and terms; `confirmCheckout` takes that of the checkout, to say which were accepted."
    )
    plan_id: strawberry.ID | None = field(description="The plan; null for a single visit.")
    visit_type_id: strawberry.ID | None = field(description="The kind of visit; null for a plan alone.")
    description: str = field(description="The plan's or the visit type's name.")
    list_price: Money = field(description="The price of today's payment before the discount.")
    discount: Money = field(description="What the promo code or the credit takes off.")
    due_today: Money = field(description="What the card is charged today: list price less discount.")
    promo_code: str | None = field(description="The promo code that applies.")
    recurrence: Recurrence | None = field(description="The later payments; null: there are none.")
    uses_credit: bool = field(
        description="Whether a credit of a package pays: nothing is due, and no card is asked for."
    )
    policy: BookingPolicy = field(description="The practice's rules that go with it.")
