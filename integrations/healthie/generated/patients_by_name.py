from typing import Optional

from .base_model import BaseModel
from .fragments import More, PatientSearched


class PatientsByName(BaseModel):
    active: "PatientsByNameActive"
    archived: "PatientsByNameArchived"


class PatientsByNameActive(BaseModel):
    nodes: Optional[list[Optional["PatientsByNameActiveNodes"]]]
    page_info: "PatientsByNameActivePageInfo"


PatientsByNameActiveNodes = PatientSearched
PatientsByNameActivePageInfo = More


class PatientsByNameArchived(BaseModel):
    nodes: Optional[list[Optional["PatientsByNameArchivedNodes"]]]
    page_info: "PatientsByNameArchivedPageInfo"


PatientsByNameArchivedNodes = PatientSearched
PatientsByNameArchivedPageInfo = More
PatientsByName.model_rebuild()
PatientsByNameActive.model_rebuild()
PatientsByNameArchived.model_rebuild()
