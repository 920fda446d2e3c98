from typing import Optional

from .base_model import BaseModel


class Patient(BaseModel):
    user: Optional["PatientUser"]


class PatientUser(BaseModel):
    id: str
    first_name: Optional[str]
    last_name: Optional[str]
    email: Optional[str]
    timezone: Optional[str]
    dietitian_id: Optional[str]
    is_patient: Optional[bool]


Patient.model_rebuild()
