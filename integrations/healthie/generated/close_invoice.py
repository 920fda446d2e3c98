from typing import Optional

from pydantic import Field

from .base_model import BaseModel
from .fragments import Invoice


class CloseInvoice(BaseModel):
    update_requested_payment: Optional["CloseInvoiceUpdateRequestedPayment"] = Field(
        alias="updateRequestedPayment"
    )


class CloseInvoiceUpdateRequestedPayment(BaseModel):
    requested_payment: Optional["CloseInvoiceUpdateRequestedPaymentRequestedPayment"]
    messages: Optional[list[Optional["CloseInvoiceUpdateRequestedPaymentMessages"]]]


CloseInvoiceUpdateRequestedPaymentRequestedPayment = Invoice


class CloseInvoiceUpdateRequestedPaymentMessages(BaseModel):
    field: Optional[str]
    message: str


CloseInvoice.model_rebuild()
CloseInvoiceUpdateRequestedPayment.model_rebuild()
