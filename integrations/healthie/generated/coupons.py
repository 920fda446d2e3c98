from typing import Optional

from pydantic import Field

from .base_model import BaseModel


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


class CouponsOfferingCouponsPageInfo(BaseModel):
    has_next_page: bool
    end_cursor: Optional[str]


Coupons.model_rebuild()
CouponsOfferingCoupons.model_rebuild()
