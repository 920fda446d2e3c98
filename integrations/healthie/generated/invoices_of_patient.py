from typing import Optional

from pydantic import Field

from .base_model import BaseModel
from .fragments import More, OwedInvoice


class InvoicesOfPatient(BaseModel):
    requested_payments: Optional["InvoicesOfPatientRequestedPayments"] = Field(
        alias="requestedPayments"
    )
    current_user: Optional["InvoicesOfPatientCurrentUser"] = Field(alias="currentUser")


class InvoicesOfPatientRequestedPayments(BaseModel):
    nodes: Optional[list[Optional["InvoicesOfPatientRequestedPaymentsNodes"]]]
    page_info: "InvoicesOfPatientRequestedPaymentsPageInfo"


InvoicesOfPatientRequestedPaymentsNodes = OwedInvoice
InvoicesOfPatientRequestedPaymentsPageInfo = More


class InvoicesOfPatientCurrentUser(BaseModel):
    default_currency: Optional[str]


InvoicesOfPatient.model_rebuild()
InvoicesOfPatientRequestedPayments.model_rebuild()
