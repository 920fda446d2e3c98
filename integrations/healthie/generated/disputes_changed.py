from typing import Annotated, Optional

from integrations.healthie.scalars import Moment, parse_moment
from pydantic import BeforeValidator, Field

from .base_model import BaseModel
from .fragments import More


class DisputesChanged(BaseModel):
    charge_backs: Optional["DisputesChangedChargeBacks"] = Field(alias="chargeBacks")


class DisputesChangedChargeBacks(BaseModel):
    nodes: Optional[list[Optional["DisputesChangedChargeBacksNodes"]]]
    page_info: "DisputesChangedChargeBacksPageInfo"


class DisputesChangedChargeBacksNodes(BaseModel):
    id: str
    updated_at: Annotated[Moment, BeforeValidator(parse_moment)]


DisputesChangedChargeBacksPageInfo = More
DisputesChanged.model_rebuild()
DisputesChangedChargeBacks.model_rebuild()
