from typing import Optional

from pydantic import Field

from .base_model import BaseModel
from .fragments import Payment


class Charge(BaseModel):
    create_billing_item: Optional["ChargeCreateBillingItem"] = Field(
        alias="createBillingItem"
    )


class ChargeCreateBillingItem(BaseModel):
    billing_item: Optional["ChargeCreateBillingItemBillingItem"] = Field(
        alias="billingItem"
    )
    messages: Optional[list[Optional["ChargeCreateBillingItemMessages"]]]
    stripe_error: Optional[str] = Field(alias="stripeError")


ChargeCreateBillingItemBillingItem = Payment


class ChargeCreateBillingItemMessages(BaseModel):
    field: Optional[str]
    message: str


Charge.model_rebuild()
ChargeCreateBillingItem.model_rebuild()
