from typing import Optional

from pydantic import Field

from .base_model import BaseModel


class CancelVisit(BaseModel):
    update_appointment: Optional["CancelVisitUpdateAppointment"] = Field(
        alias="updateAppointment"
    )


class CancelVisitUpdateAppointment(BaseModel):
    messages: Optional[list[Optional["CancelVisitUpdateAppointmentMessages"]]]


class CancelVisitUpdateAppointmentMessages(BaseModel):
    field: Optional[str]
    message: str


CancelVisit.model_rebuild()
CancelVisitUpdateAppointment.model_rebuild()
