from typing import Optional

from .base_model import BaseModel
from .fragments import More, PatientFound


class PatientsByName(BaseModel):
    users: "PatientsByNameUsers"


class PatientsByNameUsers(BaseModel):
    nodes: Optional[list[Optional["PatientsByNameUsersNodes"]]]
    page_info: "PatientsByNameUsersPageInfo"


PatientsByNameUsersNodes = PatientFound
PatientsByNameUsersPageInfo = More
PatientsByName.model_rebuild()
PatientsByNameUsers.model_rebuild()
