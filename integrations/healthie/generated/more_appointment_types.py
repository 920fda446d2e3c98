from typing import Optional

from pydantic import Field

from .base_model import BaseModel
from .fragments import More, VisitKind


class MoreAppointmentTypes(BaseModel):
    appointment_types: Optional["MoreAppointmentTypesAppointmentTypes"] = Field(
        alias="appointmentTypes"
    )


class MoreAppointmentTypesAppointmentTypes(BaseModel):
    nodes: Optional[list[Optional["MoreAppointmentTypesAppointmentTypesNodes"]]]
    page_info: "MoreAppointmentTypesAppointmentTypesPageInfo"


MoreAppointmentTypesAppointmentTypesNodes = VisitKind
MoreAppointmentTypesAppointmentTypesPageInfo = More
MoreAppointmentTypes.model_rebuild()
MoreAppointmentTypesAppointmentTypes.model_rebuild()
