from typing import Optional

from pydantic import Field

from .base_model import BaseModel


class MakeCardDefault(BaseModel):
    update_stripe_customer_detail: Optional[
        "MakeCardDefaultUpdateStripeCustomerDetail"
    ] = Field(alias="updateStripeCustomerDetail")


class MakeCardDefaultUpdateStripeCustomerDetail(BaseModel):
    messages: Optional[
        list[Optional["MakeCardDefaultUpdateStripeCustomerDetailMessages"]]
    ]


class MakeCardDefaultUpdateStripeCustomerDetailMessages(BaseModel):
    field: Optional[str]
    message: str


MakeCardDefault.model_rebuild()
MakeCardDefaultUpdateStripeCustomerDetail.model_rebuild()
