from typing import Optional

from pydantic import Field

from .base_model import BaseModel
from .fragments import More, Series


class MembershipsOfPatient(BaseModel):
    recurring_payments: Optional["MembershipsOfPatientRecurringPayments"] = Field(
        alias="recurringPayments"
    )
    current_user: Optional["MembershipsOfPatientCurrentUser"] = Field(
        alias="currentUser"
    )


class MembershipsOfPatientRecurringPayments(BaseModel):
    nodes: Optional[list[Optional["MembershipsOfPatientRecurringPaymentsNodes"]]]
    page_info: "MembershipsOfPatientRecurringPaymentsPageInfo"


MembershipsOfPatientRecurringPaymentsNodes = Series
MembershipsOfPatientRecurringPaymentsPageInfo = More


class MembershipsOfPatientCurrentUser(BaseModel):
    default_currency: Optional[str]


MembershipsOfPatient.model_rebuild()
MembershipsOfPatientRecurringPayments.model_rebuild()
