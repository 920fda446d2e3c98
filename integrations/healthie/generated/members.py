from typing import Optional

from pydantic import Field

from .base_model import BaseModel


class Members(BaseModel):
    organization_members: Optional["MembersOrganizationMembers"] = Field(
        alias="organizationMembers"
    )


class MembersOrganizationMembers(BaseModel):
    nodes: Optional[list[Optional["MembersOrganizationMembersNodes"]]]
    page_info: "MembersOrganizationMembersPageInfo"


class MembersOrganizationMembersNodes(BaseModel):
    id: str
    full_name: Optional[str]
    first_name: Optional[str]
    last_name: Optional[str]
    qualifications: Optional[str]
    timezone: Optional[str]
    active: bool
    is_active_provider: Optional[bool]
    state_licenses: Optional[list["MembersOrganizationMembersNodesStateLicenses"]]


class MembersOrganizationMembersNodesStateLicenses(BaseModel):
    state: Optional[str]


class MembersOrganizationMembersPageInfo(BaseModel):
    has_next_page: bool
    end_cursor: Optional[str]


Members.model_rebuild()
MembersOrganizationMembers.model_rebuild()
MembersOrganizationMembersNodes.model_rebuild()
