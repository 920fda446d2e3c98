"""What the names of arguments ask for, where the name of a type does not say it."""

import re
from typing import Any

# Records whose class in the emulator is called other than their type in the schema.
TYPES = {
    "Card": "StripeCustomerDetail",
    "Coupon": "OfferingCoupon",
    "Opening": "Availability",
    "PackageSelection": "UserPackageSelection",
}

# Names of arguments that do not say of what type the record is that they name.
NAMED = {
    "appt_type_id": "AppointmentType",
    "appt_loc_id": "AppointmentLocation",
    "closed_by_id": "Provider",
    "custom_module_form_id": "CustomModuleForm",
    "dietitian_id": "Provider",
    "filler_id": "User",
    "form": "CustomModuleForm",
    "id_list": "CustomModuleForm",
    "invoice_id": "",  # a number that people read, no id
    "item_id": "CustomModuleForm",
    "other_party_id": "Provider",
    "owner_id": "Provider",
    "provider_id": "Provider",
    "provider_ids": "Provider",
    "recurringFormId": "",
    "stripe_idempotency_key": "",
}
PATIENTS = frozenset(
    {
        "attendee_ids",
        "user_id",
        "client_id",
        "patient_id",
        "userId",
        "viewable_user_id",
        "taggable_user_id",
        "recipient_ids",
    }
)

# Who pays is the sender of a billing item, and the recipient of an invoice.
PAYERS = {"BillingItem": ("sender_id", "recipient_id"), "RequestedPayment": ("recipient_id", "sender_id")}

SAMPLE_FILE = b"A sample file"  # what stands in the place of an upload

# What an input is given if a request takes it whole.
SAID = frozenset(
    [
        "amount_paid",
        "appointment_type_id",
        "billing_frequency",
        "contact_type",
        "content",
        "conversation_id",
        "custom_module_form_id",
        "date",
        "datetime",
        "day_of_week",
        "email",
        "event_type",
        "file",
        "finished",
        "first_name",
        "id",
        "ids",
        "item_type",
        "last_name",
        "length",
        "name",
        "onboarding_flow_id",
        "price",
        "recipient_id",
        "recipient_ids",
        "sender_id",
        "taggable_user_id",
        "timezone",
        "token",
        "user_id",
    ]
)

OF_PROVIDERS = frozenset({"Availability"})  # whose `user_id` is no patient's

TIMES = {
    re.compile(r"(^|_)datetime$"): " 09:00",
    re.compile(r"(^|_)(range_start|range_end|date|startDate|endDate|specificDay|scheduled_at|ends_on)$"): "",
}

TEXTS: dict[str, Any] = {
    "amount_paid": "25.00",
    "billing_frequency": "One-Time",
    "city": "Sampletown",
    "contact_type": "Healthie Video Call",
    "content": "A sample message",
    "conversation_type": "individual",
    "day_of_week": 1,
    "display_name": "Sample document",
    "email": "another.sample@example.com",
    "first_name": "Sample",
    "frequency": "Once",
    "invoice_type": "other",
    "is_skippable": False,
    "item_type": "form",
    "last_name": "Person",
    "legal_name": "Sample Person",
    "length": 30,
    "line1": "1 Sample Street",
    "minute": "00",
    "mod_type": "text",
    "name": "Sample",
    "npi": "1234567893",
    "password": "A-sample-password-1",
    "phone_number": "555-0100",
    "price": "25.00",
    "services_provided": "A sample visit",
    "time": "09:00",
    "end_time": "12:00",
    "role": "patient",
    "state": "NY",
    "timezone": "America/New_York",
    "token": "tok_visa",
    "zip": "10001",
}
