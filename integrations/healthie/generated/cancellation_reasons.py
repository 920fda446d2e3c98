from typing import Optional

from .base_model import BaseModel


class CancellationReasons(BaseModel):
    organization: Optional["CancellationReasonsOrganization"]


class CancellationReasonsOrganization(BaseModel):
    cancellation_reasons: list["CancellationReasonsOrganizationCancellationReasons"]


class CancellationReasonsOrganizationCancellationReasons(BaseModel):
    id: str
    label: str


CancellationReasons.model_rebuild()
CancellationReasonsOrganization.model_rebuild()
