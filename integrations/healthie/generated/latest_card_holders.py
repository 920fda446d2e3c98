from typing import Optional

from .base_model import BaseModel
from .fragments import CardHolder


class LatestCardHolders(BaseModel):
    active: "LatestCardHoldersActive"
    archived: "LatestCardHoldersArchived"


class LatestCardHoldersActive(BaseModel):
    nodes: Optional[list[Optional["LatestCardHoldersActiveNodes"]]]


LatestCardHoldersActiveNodes = CardHolder


class LatestCardHoldersArchived(BaseModel):
    nodes: Optional[list[Optional["LatestCardHoldersArchivedNodes"]]]


LatestCardHoldersArchivedNodes = CardHolder
LatestCardHolders.model_rebuild()
LatestCardHoldersActive.model_rebuild()
LatestCardHoldersArchived.model_rebuild()
