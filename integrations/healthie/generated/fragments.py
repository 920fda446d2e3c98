from typing import Annotated, Optional, Union

from integrations.healthie.scalars import (
    Json,
    Moment,
    parse_json,
    parse_moment,
)
from pydantic import BeforeValidator, Field

from .base_model import BaseModel
from .enums import BillingItemState, WebhookEventType


class AutomaticCharging(BaseModel):
    auto_schedule_charges_for_late_cancellation_no_show: Optional[bool]
    charge_for_occurred_appts: Optional[bool]
    late_cancellation_fee: Optional[int]
    no_show_fee: Optional[int]


class BoughtPackage(BaseModel):
    id: str
    created_at: Annotated[Moment, BeforeValidator(parse_moment)]
    billing_item_id: Optional[str]
    requested_payment_id: Optional[str]
    initial_price_with_offering_coupon: Optional[str]
    user: Optional["BoughtPackageUser"]
    recurring_payment: Optional["BoughtPackageRecurringPayment"]
    offering: Optional["BoughtPackageOffering"]


class BoughtPackageUser(BaseModel):
    id: str


class BoughtPackageRecurringPayment(BaseModel):
    id: str


class BoughtPackageOffering(BaseModel):
    id: str
    name: Optional[str]
    currency: Optional[str]
    offering_includes: Optional[list["BoughtPackageOfferingOfferingIncludes"]]


class BoughtPackageOfferingOfferingIncludes(BaseModel):
    appointment_type_id: Optional[str]
    appointment_type: Optional["BoughtPackageOfferingOfferingIncludesAppointmentType"]
    quantity: Optional[str]
    is_repeating: bool
    expires_in: Optional[str]


class BoughtPackageOfferingOfferingIncludesAppointmentType(BaseModel):
    id: str
    name: Optional[str]


class CardHolder(BaseModel):
    id: str
    stripe_customer_details: Optional[list["CardHolderStripeCustomerDetails"]]


class CardHolderStripeCustomerDetails(BaseModel):
    id: str
    created_at: Optional[Annotated[Moment, BeforeValidator(parse_moment)]]


class CardOnFile(BaseModel):
    id: str
    card_type: Optional[str]
    last_four: Optional[str]
    expiration: Optional[Annotated[Moment, BeforeValidator(parse_moment)]]
    source_status: Optional[str]
    user_id: Optional[str]


class ChangeRules(BaseModel):
    allow_clients_to_cancel_appt: Optional[bool]
    allow_clients_to_reschedule_appt: bool
    minimum_advance_cancel_time: Optional[int]
    minimum_advance_reschedule_time: Optional[int]
    cant_cancel_message: Optional[str]
    cant_reschedule_message: Optional[str]
    client_cancel_reason_required: Optional[bool]
    patient_reschedule_count_cap: Optional[str]
    late_cancellation_fee: Optional[int]
    enable_late_cancellation_status: Optional[bool]
    auto_schedule_charges_for_late_cancellation_no_show: Optional[bool]
    restore_credit_on_cancel: Optional[bool]


class Changeable(BaseModel):
    pm_status_changed_at: Optional[Annotated[Moment, BeforeValidator(parse_moment)]]
    can_client_cancel: Optional[bool]
    can_client_reschedule: Optional[bool]
    can_be_rescheduled: Optional[bool]
    patient_reschedule_count: Optional[int]
    credit_was_used: Optional[bool]
    late_cancellation_fee: Optional[int]
    is_group: Optional[bool]
    recurring_appointment: Optional["ChangeableRecurringAppointment"]
    type_policy: Optional["ChangeableTypePolicy"]


class ChangeableRecurringAppointment(BaseModel):
    id: str


class ChangeableTypePolicy(BaseModel):
    has_specific_appointment_settings: Optional[bool]
    appointment_setting: Optional["ChangeableTypePolicyAppointmentSetting"]


class ChangeableTypePolicyAppointmentSetting(ChangeRules):
    pass


class GroupVisit(BaseModel):
    id: str
    date: Optional[Annotated[Moment, BeforeValidator(parse_moment)]]
    length: Optional[int]
    contact_type: Optional[str]
    appointment_location_id: Optional[str]
    pm_status: Optional[str]
    is_group: Optional[bool]
    max_attendees: Optional[str]
    provider: Optional["GroupVisitProvider"]
    appointment_type: Optional["GroupVisitAppointmentType"]
    attended_clients: Optional[list["GroupVisitAttendedClients"]]


class GroupVisitProvider(BaseModel):
    id: str


class GroupVisitAppointmentType(BaseModel):
    id: str


class GroupVisitAttendedClients(BaseModel):
    cancelled: Optional[bool]


class Invoice(BaseModel):
    id: str
    status: Optional[str]
    paid_at: Optional[Annotated[Moment, BeforeValidator(parse_moment)]]
    price: Optional[str]
    currency: Optional[str]
    recipient_id: Optional[str]
    appointment_id: Optional[str]
    billing_items: list["InvoiceBillingItems"]


class InvoiceBillingItems(BaseModel):
    id: str


class Member(BaseModel):
    id: str
    full_name: Optional[str]
    first_name: Optional[str]
    last_name: Optional[str]
    qualifications: Optional[str]
    timezone: Optional[str]
    active: bool
    state_licenses: Optional[list["MemberStateLicenses"]]


class MemberStateLicenses(BaseModel):
    state: Optional[str]


class More(BaseModel):
    has_next_page: bool
    end_cursor: Optional[str]


class OwedInvoice(BaseModel):
    id: str
    invoice_id: Optional[str]
    status: Optional[str]
    price: Optional[str]
    balance_due: Optional[float]
    currency: Optional[str]
    created_at: Annotated[Moment, BeforeValidator(parse_moment)]
    paid_at: Optional[Annotated[Moment, BeforeValidator(parse_moment)]]
    service_date: Optional[Annotated[Moment, BeforeValidator(parse_moment)]]
    services_provided: Optional[str]
    is_preview: bool
    is_manually_paid: Optional[bool]
    recipient_id: Optional[str]
    sender_id: Optional[str]
    appointment_id: Optional[str]
    offering_id: Optional[str]
    offering: Optional["OwedInvoiceOffering"]
    billing_items: list["OwedInvoiceBillingItems"]


class OwedInvoiceOffering(BaseModel):
    id: str
    name: Optional[str]
    billing_frequency: Optional[str]


class OwedInvoiceBillingItems(BaseModel):
    id: str


class Package(BaseModel):
    id: str
    name: Optional[str]
    description: Optional[str]
    price: Optional[str]
    initial_payment_amount: Optional[str]
    initial_price_with_taxes: Optional[str]
    currency: Optional[str]
    billing_frequency: Optional[str]
    repeat_times: Optional[int]
    archived: bool
    show_offering: bool
    visibility_status: str
    under_purchase_cap: Optional[bool]
    offering_includes: Optional[list["PackageOfferingIncludes"]]


class PackageOfferingIncludes(BaseModel):
    appointment_type_id: Optional[str]
    quantity: Optional[str]


class PatientFound(BaseModel):
    id: str
    email: Optional[str]
    first_name: Optional[str]
    last_name: Optional[str]
    metadata: Optional[str]


class PatientSearched(PatientFound):
    created_at: Optional[Annotated[Moment, BeforeValidator(parse_moment)]]


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
    requested_payment_id: Optional[str]
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
    billing_frequency: Optional[str]


class PaymentUserPackageSelection(BaseModel):
    id: str


class Permitted(BaseModel):
    can_add_clients: bool
    can_add_own_appointments: Optional[bool]
    can_charge_clients: bool
    can_edit_calendar: Optional[bool]
    can_see_billing: Optional[bool]
    can_see_calendar: Optional[bool]
    can_see_clients: Optional[bool]
    is_developer: Optional[bool]
    sees_all_billing: Optional[bool]
    sees_all_clients: Optional[bool]


class Place(BaseModel):
    id: str
    location: Optional[str]
    clients_can_book: bool


class Receipt(BaseModel):
    id: str
    state: Optional[Union[BillingItemState, str]]
    sender_id: Optional[str]
    created_at: Annotated[Moment, BeforeValidator(parse_moment)]
    deleted_at: Optional[Annotated[Moment, BeforeValidator(parse_moment)]]
    amount_paid: Optional[str]
    net_payment: Optional[str]
    currency: Optional[str]
    refund_amount: Optional[str]
    refund_items: Optional[list["ReceiptRefundItems"]]
    is_outside_payment: Optional[bool]
    stripe_charge_id: Optional[str]
    card_brand: Optional[str]
    card_last_4: Optional[str] = Field(alias="card_last4")
    shown_description: Optional[str]
    offering_id: Optional[str]
    requested_payment_id: Optional[str]
    receipt_last_sent_at: Optional[Annotated[Moment, BeforeValidator(parse_moment)]]
    recurring_payment: Optional["ReceiptRecurringPayment"]


class ReceiptRefundItems(BaseModel):
    id: str
    refund_amount: Optional[str]
    refund_date: Optional[Annotated[Moment, BeforeValidator(parse_moment)]]
    status: Optional[str]
    currency: Optional[str]


class ReceiptRecurringPayment(BaseModel):
    id: str


class Series(BaseModel):
    id: str
    sender_id: Optional[str]
    created_at: Annotated[Moment, BeforeValidator(parse_moment)]
    start_at: Optional[Annotated[Moment, BeforeValidator(parse_moment)]]
    offering_id: Optional[str]
    offering_name: Optional[str]
    billing_frequency: Optional[str]
    amount_to_pay: Optional[str]
    next_payment_date: Optional[Annotated[Moment, BeforeValidator(parse_moment)]]
    next_restart_payment_date: Optional[
        Annotated[Moment, BeforeValidator(parse_moment)]
    ]
    payments_remaining: Optional[str]
    is_canceled: bool
    canceled_at: Optional[Annotated[Moment, BeforeValidator(parse_moment)]]
    is_paused: bool
    paused_at: Optional[Annotated[Moment, BeforeValidator(parse_moment)]]
    last_billing_item: Optional["SeriesLastBillingItem"]


class SeriesLastBillingItem(BaseModel):
    id: str
    currency: Optional[str]


class Subscription(BaseModel):
    id: str
    url: Optional[str]
    is_enabled: bool
    should_retry: bool
    warned_at: Optional[Annotated[Moment, BeforeValidator(parse_moment)]]
    signature_secret: Optional[str]
    event_type: Optional[Union[WebhookEventType, str]]
    webhook_events: Optional[list["SubscriptionWebhookEvents"]]


class SubscriptionWebhookEvents(BaseModel):
    event_type: Union[WebhookEventType, str]
    first_failed_at: Optional[Annotated[Moment, BeforeValidator(parse_moment)]]


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
    price: Optional[str]
    currency: Optional[str]


class VisitKind(BaseModel):
    id: str
    name: Optional[str]
    client_facing_display_name: Optional[str]
    client_display_description: Optional[str]
    length: Optional[int]
    clients_can_book: bool
    deleted_at: Optional[Annotated[Moment, BeforeValidator(parse_moment)]]
    is_group: bool
    is_waitlist_enabled: bool
    bookable_by_groups: Optional[bool]
    available_contact_types: Optional[list[Optional[str]]]
    pricing_info: Optional["VisitKindPricingInfo"]
    require_specific_providers: bool
    provider_appt_type_connections: Optional[
        list["VisitKindProviderApptTypeConnections"]
    ]
    has_specific_appointment_settings: Optional[bool]
    appointment_setting: Optional["VisitKindAppointmentSetting"]


class VisitKindPricingInfo(BaseModel):
    price: Optional[str]


class VisitKindProviderApptTypeConnections(BaseModel):
    user_id: Optional[str]


class VisitKindAppointmentSetting(BaseModel):
    minimum_advance_schedule_time: Optional[int]


AutomaticCharging.model_rebuild()
BoughtPackage.model_rebuild()
CardHolder.model_rebuild()
CardOnFile.model_rebuild()
ChangeRules.model_rebuild()
Changeable.model_rebuild()
GroupVisit.model_rebuild()
Invoice.model_rebuild()
Member.model_rebuild()
More.model_rebuild()
OwedInvoice.model_rebuild()
Package.model_rebuild()
PatientFound.model_rebuild()
PatientSearched.model_rebuild()
Payment.model_rebuild()
Permitted.model_rebuild()
Place.model_rebuild()
Receipt.model_rebuild()
Series.model_rebuild()
Subscription.model_rebuild()
Visit.model_rebuild()
VisitKind.model_rebuild()
