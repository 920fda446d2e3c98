from typing import Optional

from .base_model import BaseModel
from .fragments import More, PatientFound


class PatientsByEmail(BaseModel):
    users: "PatientsByEmailUsers"


class PatientsByEmailUsers(BaseModel):
    nodes: Optional[list[Optional["PatientsByEmailUsersNodes"]]]
    page_info: "PatientsByEmailUsersPageInfo"


PatientsByEmailUsersNodes = PatientFound
PatientsByEmailUsersPageInfo = More
PatientsByEmail.model_rebuild()
PatientsByEmailUsers.model_rebuild()
