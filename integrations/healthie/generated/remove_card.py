from typing import Optional

from pydantic import Field

from .base_model import BaseModel


class RemoveCard(BaseModel):
    delete_stripe_customer_detail: Optional["RemoveCardDeleteStripeCustomerDetail"] = (
        Field(alias="deleteStripeCustomerDetail")
    )


class RemoveCardDeleteStripeCustomerDetail(BaseModel):
    messages: Optional[list[Optional["RemoveCardDeleteStripeCustomerDetailMessages"]]]


class RemoveCardDeleteStripeCustomerDetailMessages(BaseModel):
    field: Optional[str]
    message: str


RemoveCard.model_rebuild()
RemoveCardDeleteStripeCustomerDetail.model_rebuild()
