from typing import Optional

from .base_model import BaseModel
from .fragments import More


class PatientsByEmail(BaseModel):
    users: "PatientsByEmailUsers"


class PatientsByEmailUsers(BaseModel):
    nodes: Optional[list[Optional["PatientsByEmailUsersNodes"]]]
    page_info: "PatientsByEmailUsersPageInfo"


class PatientsByEmailUsersNodes(BaseModel):
    id: str
    email: Optional[str]
    first_name: Optional[str]
    last_name: Optional[str]


PatientsByEmailUsersPageInfo = More
PatientsByEmail.model_rebuild()
PatientsByEmailUsers.model_rebuild()
