from typing import Optional

from pydantic import Field

from .base_model import BaseModel
from .fragments import Permitted


class PermissionsOfMembers(BaseModel):
    organization_memberships: Optional[
        "PermissionsOfMembersOrganizationMemberships"
    ] = Field(alias="organizationMemberships")


class PermissionsOfMembersOrganizationMemberships(BaseModel):
    nodes: Optional[list[Optional["PermissionsOfMembersOrganizationMembershipsNodes"]]]
    page_info: "PermissionsOfMembersOrganizationMembershipsPageInfo"


class PermissionsOfMembersOrganizationMembershipsNodes(Permitted):
    user: Optional["PermissionsOfMembersOrganizationMembershipsNodesUser"]


class PermissionsOfMembersOrganizationMembershipsNodesUser(BaseModel):
    id: str
    is_owner: Optional[bool]


class PermissionsOfMembersOrganizationMembershipsPageInfo(BaseModel):
    has_next_page: bool
    end_cursor: Optional[str]


PermissionsOfMembers.model_rebuild()
PermissionsOfMembersOrganizationMemberships.model_rebuild()
PermissionsOfMembersOrganizationMembershipsNodes.model_rebuild()
