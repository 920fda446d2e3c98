from typing import Annotated, Optional

from integrations.healthie.scalars import Moment, parse_moment
from pydantic import BeforeValidator, Field

from .base_model import BaseModel
from .fragments import More


class WatchedCards(BaseModel):
    stripe_customer_details: Optional["WatchedCardsStripeCustomerDetails"] = Field(
        alias="stripeCustomerDetails"
    )


class WatchedCardsStripeCustomerDetails(BaseModel):
    nodes: Optional[list[Optional["WatchedCardsStripeCustomerDetailsNodes"]]]
    page_info: "WatchedCardsStripeCustomerDetailsPageInfo"


class WatchedCardsStripeCustomerDetailsNodes(BaseModel):
    id: str
    user_id: Optional[str]
    created_at: Optional[Annotated[Moment, BeforeValidator(parse_moment)]]


WatchedCardsStripeCustomerDetailsPageInfo = More
WatchedCards.model_rebuild()
WatchedCardsStripeCustomerDetails.model_rebuild()
