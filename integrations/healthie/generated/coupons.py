from typing import Optional

from pydantic import Field

from .base_model import BaseModel
from .fragments import More


class Coupons(BaseModel):
    offering_coupons: Optional["CouponsOfferingCoupons"] = Field(
        alias="offeringCoupons"
    )


class CouponsOfferingCoupons(BaseModel):
    nodes: Optional[list[Optional["CouponsOfferingCouponsNodes"]]]
    page_info: "CouponsOfferingCouponsPageInfo"


class CouponsOfferingCouponsNodes(BaseModel):
    id: str
    code: Optional[str]


CouponsOfferingCouponsPageInfo = More
Coupons.model_rebuild()
CouponsOfferingCoupons.model_rebuild()
