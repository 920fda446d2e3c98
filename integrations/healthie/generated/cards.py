from typing import Optional

from pydantic import Field

from .base_model import BaseModel
from .fragments import CardOnFile, More


class Cards(BaseModel):
    stripe_customer_details: Optional["CardsStripeCustomerDetails"] = Field(
        alias="stripeCustomerDetails"
    )


class CardsStripeCustomerDetails(BaseModel):
    nodes: Optional[list[Optional["CardsStripeCustomerDetailsNodes"]]]
    page_info: "CardsStripeCustomerDetailsPageInfo"


CardsStripeCustomerDetailsNodes = CardOnFile
CardsStripeCustomerDetailsPageInfo = More
Cards.model_rebuild()
CardsStripeCustomerDetails.model_rebuild()
