from typing import Optional

from pydantic import Field

from .base_model import BaseModel


class MoveVisit(BaseModel):
    update_appointment: Optional["MoveVisitUpdateAppointment"] = Field(
        alias="updateAppointment"
    )


class MoveVisitUpdateAppointment(BaseModel):
    messages: Optional[list[Optional["MoveVisitUpdateAppointmentMessages"]]]


class MoveVisitUpdateAppointmentMessages(BaseModel):
    field: Optional[str]
    message: str


MoveVisit.model_rebuild()
MoveVisitUpdateAppointment.model_rebuild()
