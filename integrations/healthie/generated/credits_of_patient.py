from typing import Optional

from .base_model import BaseModel


class CreditsOfPatient(BaseModel):
    user: Optional["CreditsOfPatientUser"]


class CreditsOfPatientUser(BaseModel):
    id: str
    appointment_type_credits: list["CreditsOfPatientUserAppointmentTypeCredits"]


class CreditsOfPatientUserAppointmentTypeCredits(BaseModel):
    appointment_type_id: Optional[str]
    appointment_type: Optional[
        "CreditsOfPatientUserAppointmentTypeCreditsAppointmentType"
    ]
    quantity: Optional[str]
    user_id: Optional[int]


class CreditsOfPatientUserAppointmentTypeCreditsAppointmentType(BaseModel):
    id: str
    name: Optional[str]


CreditsOfPatient.model_rebuild()
CreditsOfPatientUser.model_rebuild()
CreditsOfPatientUserAppointmentTypeCredits.model_rebuild()
