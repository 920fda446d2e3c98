from typing import Optional

from pydantic import Field

from .base_model import BaseModel


class SendReceipt(BaseModel):
    update_billing_item: Optional["SendReceiptUpdateBillingItem"] = Field(
        alias="updateBillingItem"
    )


class SendReceiptUpdateBillingItem(BaseModel):
    messages: Optional[list[Optional["SendReceiptUpdateBillingItemMessages"]]]


class SendReceiptUpdateBillingItemMessages(BaseModel):
    field: Optional[str]
    message: str


SendReceipt.model_rebuild()
SendReceiptUpdateBillingItem.model_rebuild()
