from typing import Optional

from pydantic import Field

from .base_model import BaseModel


class CreatePatient(BaseModel):
    create_client: Optional["CreatePatientCreateClient"] = Field(alias="createClient")


class CreatePatientCreateClient(BaseModel):
    user: Optional["CreatePatientCreateClientUser"]
    messages: Optional[list[Optional["CreatePatientCreateClientMessages"]]]


class CreatePatientCreateClientUser(BaseModel):
    id: str
    email: Optional[str]
    first_name: Optional[str]
    last_name: Optional[str]


class CreatePatientCreateClientMessages(BaseModel):
    field: Optional[str]
    message: str


CreatePatient.model_rebuild()
CreatePatientCreateClient.model_rebuild()
