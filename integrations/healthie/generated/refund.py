from typing import Optional

from pydantic import Field

from .base_model import BaseModel


class Refund(BaseModel):
    update_billing_item: Optional["RefundUpdateBillingItem"] = Field(
        alias="updateBillingItem"
    )


class RefundUpdateBillingItem(BaseModel):
    messages: Optional[list[Optional["RefundUpdateBillingItemMessages"]]]


class RefundUpdateBillingItemMessages(BaseModel):
    field: Optional[str]
    message: str


Refund.model_rebuild()
RefundUpdateBillingItem.model_rebuild()
