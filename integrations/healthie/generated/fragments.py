from typing import Annotated, Optional, Union

from integrations.healthie.scalars import (
    Json,
    Moment,
    parse_json,
    parse_moment,
)
from pydantic import BeforeValidator, Field

from .base_model import BaseModel
from .enums import BillingItemState


class CardOnFile(BaseModel):
    id: str
    card_type: Optional[str]
    last_four: Optional[str]
    expiration: Optional[Annotated[Moment, BeforeValidator(parse_moment)]]
    source_status: Optional[str]
    user_id: Optional[str]


class Payment(BaseModel):
    id: str
    state: Optional[Union[BillingItemState, str]]
    amount_paid: Optional[str]
    net_payment: Optional[str]
    currency: Optional[str]
    refund_amount: Optional[str]
    is_outside_payment: Optional[bool]
    stripe_charge_id: Optional[str]
    card_last_4: Optional[str] = Field(alias="card_last4")
    note: Optional[str]
    sender_id: Optional[str]
    sender: Optional["PaymentSender"]
    offering_id: Optional[str]
    created_at: Annotated[Moment, BeforeValidator(parse_moment)]
    deleted_at: Optional[Annotated[Moment, BeforeValidator(parse_moment)]]
    recurring_payment: Optional["PaymentRecurringPayment"]
    user_package_selection: Optional["PaymentUserPackageSelection"]


class PaymentSender(BaseModel):
    stripe_customer_details: Optional[list["PaymentSenderStripeCustomerDetails"]]


class PaymentSenderStripeCustomerDetails(BaseModel):
    id: str
    last_four: Optional[str]


class PaymentRecurringPayment(BaseModel):
    id: str
    is_canceled: bool


class PaymentUserPackageSelection(BaseModel):
    id: str


class Visit(BaseModel):
    id: str
    date: Optional[Annotated[Moment, BeforeValidator(parse_moment)]]
    length: Optional[int]
    contact_type: Optional[str]
    appointment_location_id: Optional[str]
    pm_status: Optional[str]
    deleted_at: Optional[Annotated[Moment, BeforeValidator(parse_moment)]]
    metadata: Optional[Annotated[Json, BeforeValidator(parse_json)]]
    provider: Optional["VisitProvider"]
    user: Optional["VisitUser"]
    appointment_type: Optional["VisitAppointmentType"]
    requested_payment: Optional["VisitRequestedPayment"]


class VisitProvider(BaseModel):
    id: str
    full_name: Optional[str]


class VisitUser(BaseModel):
    id: str


class VisitAppointmentType(BaseModel):
    id: str
    name: Optional[str]


class VisitRequestedPayment(BaseModel):
    id: str
    status: Optional[str]
    paid_at: Optional[Annotated[Moment, BeforeValidator(parse_moment)]]


CardOnFile.model_rebuild()
Payment.model_rebuild()
Visit.model_rebuild()
