from typing import Optional

from pydantic import Field

from .base_model import BaseModel
from .fragments import AutomaticCharging, More


class AutomaticCharges(BaseModel):
    current_user: Optional["AutomaticChargesCurrentUser"] = Field(alias="currentUser")
    appointment_types: Optional["AutomaticChargesAppointmentTypes"] = Field(
        alias="appointmentTypes"
    )


class AutomaticChargesCurrentUser(BaseModel):
    appointment_setting: Optional["AutomaticChargesCurrentUserAppointmentSetting"]


AutomaticChargesCurrentUserAppointmentSetting = AutomaticCharging


class AutomaticChargesAppointmentTypes(BaseModel):
    nodes: Optional[list[Optional["AutomaticChargesAppointmentTypesNodes"]]]
    page_info: "AutomaticChargesAppointmentTypesPageInfo"


class AutomaticChargesAppointmentTypesNodes(BaseModel):
    id: str
    insurance_billing_enabled: Optional[bool]
    has_specific_appointment_settings: Optional[bool]
    appointment_setting: Optional[
        "AutomaticChargesAppointmentTypesNodesAppointmentSetting"
    ]


AutomaticChargesAppointmentTypesNodesAppointmentSetting = AutomaticCharging
AutomaticChargesAppointmentTypesPageInfo = More
AutomaticCharges.model_rebuild()
AutomaticChargesCurrentUser.model_rebuild()
AutomaticChargesAppointmentTypes.model_rebuild()
AutomaticChargesAppointmentTypesNodes.model_rebuild()
