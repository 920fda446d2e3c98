from typing import Optional

from pydantic import Field

from .base_model import BaseModel
from .fragments import Permitted


class Permissions(BaseModel):
    current_user: Optional["PermissionsCurrentUser"] = Field(alias="currentUser")


class PermissionsCurrentUser(BaseModel):
    id: str
    is_owner: Optional[bool]
    organization_membership: Optional["PermissionsCurrentUserOrganizationMembership"]


PermissionsCurrentUserOrganizationMembership = Permitted
Permissions.model_rebuild()
PermissionsCurrentUser.model_rebuild()
