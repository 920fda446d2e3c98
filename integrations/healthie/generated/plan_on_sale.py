from typing import Optional

from pydantic import Field

from .base_model import BaseModel
from .fragments import Package


class PlanOnSale(BaseModel):
    offering: Optional["PlanOnSaleOffering"]
    current_user: Optional["PlanOnSaleCurrentUser"] = Field(alias="currentUser")


PlanOnSaleOffering = Package


class PlanOnSaleCurrentUser(BaseModel):
    default_currency: Optional[str]


PlanOnSale.model_rebuild()
