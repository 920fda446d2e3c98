from typing import Optional

from pydantic import Field

from .base_model import BaseModel


class Book(BaseModel):
    create_appointment: Optional["BookCreateAppointment"] = Field(
        alias="createAppointment"
    )


class BookCreateAppointment(BaseModel):
    appointment: Optional["BookCreateAppointmentAppointment"]
    messages: Optional[list[Optional["BookCreateAppointmentMessages"]]]


class BookCreateAppointmentAppointment(BaseModel):
    id: str


class BookCreateAppointmentMessages(BaseModel):
    field: Optional[str]
    message: str


Book.model_rebuild()
BookCreateAppointment.model_rebuild()
