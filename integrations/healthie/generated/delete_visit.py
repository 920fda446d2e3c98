from typing import Optional

from pydantic import Field

from .base_model import BaseModel


class DeleteVisit(BaseModel):
    delete_appointment: Optional["DeleteVisitDeleteAppointment"] = Field(
        alias="deleteAppointment"
    )


class DeleteVisitDeleteAppointment(BaseModel):
    messages: Optional[list[Optional["DeleteVisitDeleteAppointmentMessages"]]]


class DeleteVisitDeleteAppointmentMessages(BaseModel):
    field: Optional[str]
    message: str


DeleteVisit.model_rebuild()
DeleteVisitDeleteAppointment.model_rebuild()
