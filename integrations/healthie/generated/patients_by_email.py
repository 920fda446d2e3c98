from typing import Optional

from .base_model import BaseModel


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


class PatientsByEmailUsersPageInfo(BaseModel):
    has_next_page: bool
    end_cursor: Optional[str]


PatientsByEmail.model_rebuild()
PatientsByEmailUsers.model_rebuild()
