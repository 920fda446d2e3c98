from typing import Annotated, Optional

from integrations.healthie.scalars import Moment, parse_moment
from pydantic import BeforeValidator, Field

from .base_model import BaseModel


class WatchedDispute(BaseModel):
    charge_back: Optional["WatchedDisputeChargeBack"] = Field(alias="chargeBack")


class WatchedDisputeChargeBack(BaseModel):
    id: str
    status: Optional[str]
    created_at: Annotated[Moment, BeforeValidator(parse_moment)]
    updated_at: Annotated[Moment, BeforeValidator(parse_moment)]
    billing_item: Optional["WatchedDisputeChargeBackBillingItem"]


class WatchedDisputeChargeBackBillingItem(BaseModel):
    id: str
    sender_id: Optional[str]


WatchedDispute.model_rebuild()
WatchedDisputeChargeBack.model_rebuild()
