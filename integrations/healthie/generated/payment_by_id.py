from typing import Optional

from pydantic import Field

from .base_model import BaseModel
from .fragments import Payment


class PaymentById(BaseModel):
    billing_item: Optional["PaymentByIdBillingItem"] = Field(alias="billingItem")


PaymentByIdBillingItem = Payment
PaymentById.model_rebuild()
