from typing import Optional

from pydantic import Field

from .base_model import BaseModel


class CancelRecurring(BaseModel):
    cancel_recurring_payment: Optional["CancelRecurringCancelRecurringPayment"] = Field(
        alias="cancelRecurringPayment"
    )


class CancelRecurringCancelRecurringPayment(BaseModel):
    messages: Optional[list[Optional["CancelRecurringCancelRecurringPaymentMessages"]]]


class CancelRecurringCancelRecurringPaymentMessages(BaseModel):
    field: Optional[str]
    message: str


CancelRecurring.model_rebuild()
CancelRecurringCancelRecurringPayment.model_rebuild()
