from typing import Optional

from pydantic import Field

from .base_model import BaseModel


class CreditsLeft(BaseModel):
    user: Optional["CreditsLeftUser"]
    appointment_setting: Optional["CreditsLeftAppointmentSetting"] = Field(
        alias="appointmentSetting"
    )


class CreditsLeftUser(BaseModel):
    id: str
    appointment_type_credits: list["CreditsLeftUserAppointmentTypeCredits"]


class CreditsLeftUserAppointmentTypeCredits(BaseModel):
    appointment_type_id: Optional[str]
    user_id: Optional[int]
    quantity: Optional[str]


class CreditsLeftAppointmentSetting(BaseModel):
    use_client_credit_system: Optional[bool]


CreditsLeft.model_rebuild()
CreditsLeftUser.model_rebuild()
