"""The GraphQL type of money."""

from decimal import Decimal

import strawberry
from strawberry import field

from schema.permissions import reached


@reached
@strawberry.type(description="An exact amount in one currency.")
class Money:
    """`booking.money.Money`."""

    amount: Decimal = field(description="The amount, with the currency's usual decimals.")
    currency: str = field(description="The currency, ISO 4217: `USD`.")
