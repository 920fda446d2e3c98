from typing import Optional

from pydantic import Field

from .base_model import BaseModel


class PracticeSettings(BaseModel):
    appointment_setting: Optional["PracticeSettingsAppointmentSetting"] = Field(
        alias="appointmentSetting"
    )
    current_user: Optional["PracticeSettingsCurrentUser"] = Field(alias="currentUser")


class PracticeSettingsAppointmentSetting(BaseModel):
    minimum_advance_schedule_time: Optional[int]
    minimum_advance_cancel_time: Optional[int]
    late_cancellation_fee: Optional[int]
    no_show_fee: Optional[int]


class PracticeSettingsCurrentUser(BaseModel):
    default_currency: Optional[str]


PracticeSettings.model_rebuild()
