from typing import Optional

from pydantic import Field

from .base_model import BaseModel


class ValidateCoupon(BaseModel):
    validate_coupon: Optional["ValidateCouponValidateCoupon"] = Field(
        alias="validateCoupon"
    )


class ValidateCouponValidateCoupon(BaseModel):
    fail_reason: Optional[str]
    new_price: Optional[str]
    new_first_price: Optional[str]
    first_amount: Optional[str]
    repeat_times: Optional[str]


ValidateCoupon.model_rebuild()
