from typing import Optional

from pydantic import Field

from .base_model import BaseModel
from .fragments import ChangeRules


class VisitRules(BaseModel):
    appointment_setting: Optional["VisitRulesAppointmentSetting"] = Field(
        alias="appointmentSetting"
    )
    current_user: Optional["VisitRulesCurrentUser"] = Field(alias="currentUser")


VisitRulesAppointmentSetting = ChangeRules


class VisitRulesCurrentUser(BaseModel):
    default_currency: Optional[str]


VisitRules.model_rebuild()
