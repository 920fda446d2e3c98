from typing import Optional

from .base_model import BaseModel
from .fragments import PatientFound


class Patient(BaseModel):
    user: Optional["PatientUser"]


class PatientUser(PatientFound):
    timezone: Optional[str]
    dietitian_id: Optional[str]
    is_patient: Optional[bool]


Patient.model_rebuild()
