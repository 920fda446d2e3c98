from typing import Optional

from .base_model import BaseModel
from .fragments import More, PatientSearched


class PatientsByEmail(BaseModel):
    active: "PatientsByEmailActive"
    archived: "PatientsByEmailArchived"


class PatientsByEmailActive(BaseModel):
    nodes: Optional[list[Optional["PatientsByEmailActiveNodes"]]]
    page_info: "PatientsByEmailActivePageInfo"


PatientsByEmailActiveNodes = PatientSearched
PatientsByEmailActivePageInfo = More


class PatientsByEmailArchived(BaseModel):
    nodes: Optional[list[Optional["PatientsByEmailArchivedNodes"]]]
    page_info: "PatientsByEmailArchivedPageInfo"


PatientsByEmailArchivedNodes = PatientSearched
PatientsByEmailArchivedPageInfo = More
PatientsByEmail.model_rebuild()
PatientsByEmailActive.model_rebuild()
PatientsByEmailArchived.model_rebuild()
