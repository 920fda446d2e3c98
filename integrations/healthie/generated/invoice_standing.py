from typing import Optional

from pydantic import Field

from .base_model import BaseModel
from .fragments import OwedInvoice


class InvoiceStanding(BaseModel):
    requested_payment: Optional["InvoiceStandingRequestedPayment"] = Field(
        alias="requestedPayment"
    )
    current_user: Optional["InvoiceStandingCurrentUser"] = Field(alias="currentUser")


InvoiceStandingRequestedPayment = OwedInvoice


class InvoiceStandingCurrentUser(BaseModel):
    default_currency: Optional[str]


InvoiceStanding.model_rebuild()
