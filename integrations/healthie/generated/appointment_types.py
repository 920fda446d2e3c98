from typing import Annotated, Optional

from integrations.healthie.scalars import Moment, parse_moment
from pydantic import BeforeValidator, Field

from .base_model import BaseModel


class AppointmentTypes(BaseModel):
    appointment_types: Optional["AppointmentTypesAppointmentTypes"] = Field(
        alias="appointmentTypes"
    )


class AppointmentTypesAppointmentTypes(BaseModel):
    nodes: Optional[list[Optional["AppointmentTypesAppointmentTypesNodes"]]]
    page_info: "AppointmentTypesAppointmentTypesPageInfo"


class AppointmentTypesAppointmentTypesNodes(BaseModel):
    id: str
    name: Optional[str]
    client_facing_display_name: Optional[str]
    client_display_description: Optional[str]
    length: Optional[int]
    clients_can_book: bool
    deleted_at: Optional[Annotated[Moment, BeforeValidator(parse_moment)]]
    is_group: bool
    available_contact_types: Optional[list[Optional[str]]]
    pricing_info: Optional["AppointmentTypesAppointmentTypesNodesPricingInfo"]
    require_specific_providers: bool
    provider_appt_type_connections: Optional[
        list["AppointmentTypesAppointmentTypesNodesProviderApptTypeConnections"]
    ]


class AppointmentTypesAppointmentTypesNodesPricingInfo(BaseModel):
    price: Optional[str]


class AppointmentTypesAppointmentTypesNodesProviderApptTypeConnections(BaseModel):
    user_id: Optional[str]


class AppointmentTypesAppointmentTypesPageInfo(BaseModel):
    has_next_page: bool
    end_cursor: Optional[str]


AppointmentTypes.model_rebuild()
AppointmentTypesAppointmentTypes.model_rebuild()
AppointmentTypesAppointmentTypesNodes.model_rebuild()
