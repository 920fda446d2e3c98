from typing import Optional

from pydantic import Field

from .base_model import BaseModel
from .fragments import CardOnFile, More


class Cards(BaseModel):
    stripe_customer_details: Optional["CardsStripeCustomerDetails"] = Field(
        alias="stripeCustomerDetails"
    )
    user: Optional["CardsUser"]


class CardsStripeCustomerDetails(BaseModel):
    nodes: Optional[list[Optional["CardsStripeCustomerDetailsNodes"]]]
    page_info: "CardsStripeCustomerDetailsPageInfo"


CardsStripeCustomerDetailsNodes = CardOnFile
CardsStripeCustomerDetailsPageInfo = More


class CardsUser(BaseModel):
    id: str
    stripe_customer_detail: Optional["CardsUserStripeCustomerDetail"]


class CardsUserStripeCustomerDetail(BaseModel):
    id: str


Cards.model_rebuild()
CardsStripeCustomerDetails.model_rebuild()
CardsUser.model_rebuild()
