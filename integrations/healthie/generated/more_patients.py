from typing import Optional

from .base_model import BaseModel
from .fragments import More, PatientSearched


class MorePatients(BaseModel):
    users: "MorePatientsUsers"


class MorePatientsUsers(BaseModel):
    nodes: Optional[list[Optional["MorePatientsUsersNodes"]]]
    page_info: "MorePatientsUsersPageInfo"


MorePatientsUsersNodes = PatientSearched
MorePatientsUsersPageInfo = More
MorePatients.model_rebuild()
MorePatientsUsers.model_rebuild()
