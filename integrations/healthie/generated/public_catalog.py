from typing import Optional

from pydantic import Field

from .base_model import BaseModel
from .fragments import Member, More, Package, Place, VisitKind


class PublicCatalog(BaseModel):
    offerings: Optional["PublicCatalogOfferings"]
    appointment_types: Optional["PublicCatalogAppointmentTypes"] = Field(
        alias="appointmentTypes"
    )
    organization_members: Optional["PublicCatalogOrganizationMembers"] = Field(
        alias="organizationMembers"
    )
    appointment_locations: Optional["PublicCatalogAppointmentLocations"] = Field(
        alias="appointmentLocations"
    )
    current_user: Optional["PublicCatalogCurrentUser"] = Field(alias="currentUser")


class PublicCatalogOfferings(BaseModel):
    nodes: Optional[list[Optional["PublicCatalogOfferingsNodes"]]]
    page_info: "PublicCatalogOfferingsPageInfo"


PublicCatalogOfferingsNodes = Package
PublicCatalogOfferingsPageInfo = More


class PublicCatalogAppointmentTypes(BaseModel):
    nodes: Optional[list[Optional["PublicCatalogAppointmentTypesNodes"]]]
    page_info: "PublicCatalogAppointmentTypesPageInfo"


PublicCatalogAppointmentTypesNodes = VisitKind
PublicCatalogAppointmentTypesPageInfo = More


class PublicCatalogOrganizationMembers(BaseModel):
    nodes: Optional[list[Optional["PublicCatalogOrganizationMembersNodes"]]]
    page_info: "PublicCatalogOrganizationMembersPageInfo"


PublicCatalogOrganizationMembersNodes = Member
PublicCatalogOrganizationMembersPageInfo = More


class PublicCatalogAppointmentLocations(BaseModel):
    nodes: Optional[list[Optional["PublicCatalogAppointmentLocationsNodes"]]]
    page_info: "PublicCatalogAppointmentLocationsPageInfo"


PublicCatalogAppointmentLocationsNodes = Place
PublicCatalogAppointmentLocationsPageInfo = More


class PublicCatalogCurrentUser(BaseModel):
    default_currency: Optional[str]
    appointment_setting: Optional["PublicCatalogCurrentUserAppointmentSetting"]


class PublicCatalogCurrentUserAppointmentSetting(BaseModel):
    minimum_advance_schedule_time: Optional[int]
    minimum_advance_cancel_time: Optional[int]
    late_cancellation_fee: Optional[int]
    no_show_fee: Optional[int]


PublicCatalog.model_rebuild()
PublicCatalogOfferings.model_rebuild()
PublicCatalogAppointmentTypes.model_rebuild()
PublicCatalogOrganizationMembers.model_rebuild()
PublicCatalogAppointmentLocations.model_rebuild()
PublicCatalogCurrentUser.model_rebuild()
