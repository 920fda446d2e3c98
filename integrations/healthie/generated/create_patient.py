from typing import Optional

from pydantic import Field

from .base_model import BaseModel
from .fragments import PatientFound


class CreatePatient(BaseModel):
    create_client: Optional["CreatePatientCreateClient"] = Field(alias="createClient")


class CreatePatientCreateClient(BaseModel):
    user: Optional["CreatePatientCreateClientUser"]
    messages: Optional[list[Optional["CreatePatientCreateClientMessages"]]]


CreatePatientCreateClientUser = PatientFound


class CreatePatientCreateClientMessages(BaseModel):
    field: Optional[str]
    message: str


CreatePatient.model_rebuild()
CreatePatientCreateClient.model_rebuild()
