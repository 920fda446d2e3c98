from typing import Optional

from pydantic import Field

from .base_model import BaseModel
from .fragments import Member, More


class MoreMembers(BaseModel):
    organization_members: Optional["MoreMembersOrganizationMembers"] = Field(
        alias="organizationMembers"
    )


class MoreMembersOrganizationMembers(BaseModel):
    nodes: Optional[list[Optional["MoreMembersOrganizationMembersNodes"]]]
    page_info: "MoreMembersOrganizationMembersPageInfo"


MoreMembersOrganizationMembersNodes = Member
MoreMembersOrganizationMembersPageInfo = More
MoreMembers.model_rebuild()
MoreMembersOrganizationMembers.model_rebuild()
