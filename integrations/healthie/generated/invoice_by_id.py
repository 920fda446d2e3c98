from typing import Optional

from pydantic import Field

from .base_model import BaseModel
from .fragments import Invoice


class InvoiceById(BaseModel):
    requested_payment: Optional["InvoiceByIdRequestedPayment"] = Field(
        alias="requestedPayment"
    )


InvoiceByIdRequestedPayment = Invoice
InvoiceById.model_rebuild()
