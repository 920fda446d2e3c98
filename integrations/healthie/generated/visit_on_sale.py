from typing import Optional

from pydantic import Field

from .base_model import BaseModel
from .fragments import VisitKind


class VisitOnSale(BaseModel):
    appointment_type: Optional["VisitOnSaleAppointmentType"] = Field(
        alias="appointmentType"
    )
    current_user: Optional["VisitOnSaleCurrentUser"] = Field(alias="currentUser")


VisitOnSaleAppointmentType = VisitKind


class VisitOnSaleCurrentUser(BaseModel):
    default_currency: Optional[str]


VisitOnSale.model_rebuild()
