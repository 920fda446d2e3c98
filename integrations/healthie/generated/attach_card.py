from typing import Optional

from pydantic import Field

from .base_model import BaseModel
from .fragments import CardOnFile


class AttachCard(BaseModel):
    create_stripe_customer_detail: Optional["AttachCardCreateStripeCustomerDetail"] = (
        Field(alias="createStripeCustomerDetail")
    )


class AttachCardCreateStripeCustomerDetail(BaseModel):
    stripe_customer_detail: Optional[
        "AttachCardCreateStripeCustomerDetailStripeCustomerDetail"
    ]
    messages: Optional[list[Optional["AttachCardCreateStripeCustomerDetailMessages"]]]
    stripe_error: Optional[str] = Field(alias="stripeError")


AttachCardCreateStripeCustomerDetailStripeCustomerDetail = CardOnFile


class AttachCardCreateStripeCustomerDetailMessages(BaseModel):
    field: Optional[str]
    message: str


AttachCard.model_rebuild()
AttachCardCreateStripeCustomerDetail.model_rebuild()
