from typing import Annotated, Optional, Union

from integrations.healthie.scalars import Moment, parse_moment
from pydantic import BeforeValidator, Field

from .base_model import BaseModel
from .enums import BillingItemState


class WatchedPayment(BaseModel):
    billing_item: Optional["WatchedPaymentBillingItem"] = Field(alias="billingItem")


class WatchedPaymentBillingItem(BaseModel):
    id: str
    state: Optional[Union[BillingItemState, str]]
    note: Optional[str]
    refund_amount: Optional[str]
    sender_id: Optional[str]
    created_at: Annotated[Moment, BeforeValidator(parse_moment)]
    updated_at: Optional[Annotated[Moment, BeforeValidator(parse_moment)]]
    deleted_at: Optional[Annotated[Moment, BeforeValidator(parse_moment)]]
    charge_backs: Optional[list["WatchedPaymentBillingItemChargeBacks"]]


class WatchedPaymentBillingItemChargeBacks(BaseModel):
    id: str


WatchedPayment.model_rebuild()
WatchedPaymentBillingItem.model_rebuild()
