from typing import Optional

from pydantic import Field

from .base_model import BaseModel
from .fragments import More


class LastingCoupons(BaseModel):
    offering_coupons: Optional["LastingCouponsOfferingCoupons"] = Field(
        alias="offeringCoupons"
    )


class LastingCouponsOfferingCoupons(BaseModel):
    nodes: Optional[list[Optional["LastingCouponsOfferingCouponsNodes"]]]
    page_info: "LastingCouponsOfferingCouponsPageInfo"


class LastingCouponsOfferingCouponsNodes(BaseModel):
    id: str
    repeat_times: Optional[int]
    is_valid: bool


LastingCouponsOfferingCouponsPageInfo = More
LastingCoupons.model_rebuild()
LastingCouponsOfferingCoupons.model_rebuild()
