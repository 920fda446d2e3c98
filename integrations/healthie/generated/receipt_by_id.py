from typing import Optional

from pydantic import Field

from .base_model import BaseModel
from .fragments import Receipt


class ReceiptById(BaseModel):
    billing_item: Optional["ReceiptByIdBillingItem"] = Field(alias="billingItem")
    current_user: Optional["ReceiptByIdCurrentUser"] = Field(alias="currentUser")


ReceiptByIdBillingItem = Receipt


class ReceiptByIdCurrentUser(BaseModel):
    default_currency: Optional[str]


ReceiptById.model_rebuild()
