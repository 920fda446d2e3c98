from typing import Optional

from pydantic import Field

from .base_model import BaseModel


class Locations(BaseModel):
    appointment_locations: Optional["LocationsAppointmentLocations"] = Field(
        alias="appointmentLocations"
    )


class LocationsAppointmentLocations(BaseModel):
    nodes: Optional[list[Optional["LocationsAppointmentLocationsNodes"]]]
    page_info: "LocationsAppointmentLocationsPageInfo"


class LocationsAppointmentLocationsNodes(BaseModel):
    id: str
    location: Optional[str]
    clients_can_book: bool


class LocationsAppointmentLocationsPageInfo(BaseModel):
    has_next_page: bool
    end_cursor: Optional[str]


Locations.model_rebuild()
LocationsAppointmentLocations.model_rebuild()
