from typing import Annotated, Optional

from integrations.healthie.scalars import Moment, parse_moment
from pydantic import BeforeValidator, Field

from .base_model import BaseModel


class MembershipStanding(BaseModel):
    recurring_payment: Optional["MembershipStandingRecurringPayment"] = Field(
        alias="recurringPayment"
    )


class MembershipStandingRecurringPayment(BaseModel):
    id: str
    is_canceled: bool
    is_paused: bool
    paused_at: Optional[Annotated[Moment, BeforeValidator(parse_moment)]]
    next_restart_payment_date: Optional[
        Annotated[Moment, BeforeValidator(parse_moment)]
    ]
    next_payment_date: Optional[Annotated[Moment, BeforeValidator(parse_moment)]]
    has_next_payment_date: Optional[bool]
    payments_remaining: Optional[str]
    amount_to_pay: Optional[str]
    offering_name: Optional[str]
    sender_id: Optional[str]
    recipient_id: Optional[str]
    last_billing_item: Optional["MembershipStandingRecurringPaymentLastBillingItem"]


class MembershipStandingRecurringPaymentLastBillingItem(BaseModel):
    id: str
    sender_id: Optional[str]
    currency: Optional[str]


MembershipStanding.model_rebuild()
MembershipStandingRecurringPayment.model_rebuild()
