from typing import Optional

from pydantic import Field

from .base_model import BaseModel
from .fragments import More, Place


class MoreLocations(BaseModel):
    appointment_locations: Optional["MoreLocationsAppointmentLocations"] = Field(
        alias="appointmentLocations"
    )


class MoreLocationsAppointmentLocations(BaseModel):
    nodes: Optional[list[Optional["MoreLocationsAppointmentLocationsNodes"]]]
    page_info: "MoreLocationsAppointmentLocationsPageInfo"


MoreLocationsAppointmentLocationsNodes = Place
MoreLocationsAppointmentLocationsPageInfo = More
MoreLocations.model_rebuild()
MoreLocationsAppointmentLocations.model_rebuild()
