"""Every mutation that we send to Healthie: the call of ours that sends it, and what comes back when it did as asked."""

from collections.abc import Awaitable, Callable
from datetime import date
from typing import Any

from booking.catalog.model import ContactType
from booking.changes.model import Action, ActionKind, ChangeKind
from booking.models import Charge, GuestDetails
from booking.system_of_record import SystemOfRecord
from tests.doubles.healthie_changes import NEW_START, a_booked_visit, a_change, a_move
from tests.doubles.healthie_script import a_checkout, a_payment, a_slot, a_visit, charged, usd

GUEST = GuestDetails(
    email="sample.guest@example.com",
    first_name="Sample",
    last_name="Guest",
    phone="555-0199",
    birth_date=date(1990, 1, 2),
)
CHARGE = Charge(
    billing_item_id="801",
    charge_id="ch_sample",
    net=usd("100"),
    card_id="301",
    recurring_payment_id="701",
    package_id="601",
)
CARD = {
    "id": "301",
    "card_type": "Visa",
    "last_four": "4242",
    "expiration": "2029-11-01T00:00:00Z",
    "source_status": "chargeable",
    "user_id": "501",
}
PERSON = {"id": "501", "email": GUEST.email, "first_name": "Sample", "last_name": "Guest", "metadata": None}
INVOICE: dict[str, Any] = {
    "id": "77",
    "status": "Not Yet Paid",
    "paid_at": None,
    "price": "100.00",
    "currency": "USD",
    "recipient_id": "501",
    "appointment_id": "901",
    "billing_items": [],
}
IN_PERSON = {"contact_type": "In Person", "appointment_location_id": "31"}
WEBHOOK = {
    "id": "1001",
    "url": "https://gateway.example/webhooks/healthie",
    "is_enabled": True,
    "should_retry": True,
    "warned_at": None,
    "signature_secret": "whsec_sample",
    "event_type": "PATIENT_UPDATED",
    "webhook_events": [{"event_type": "PATIENT_UPDATED", "first_failed_at": None}],
}
SUCCESS = {"messages": None}
SERIES = {"id": "701", "is_canceled": False, "billing_frequency": "Monthly"}
PAUSED_AT = "2026-11-20T17:00:00Z"
RUNNING = {"recurring_payment": SERIES}


def attached(card: Any) -> Any:
    return {
        "createStripeCustomerDetail": {"stripe_customer_detail": card, "messages": None, "stripeError": None}
    }


def paid(**changes: Any) -> Any:
    return {"billingItem": a_payment(**changes)}


def membership(**changes: Any) -> Any:
    """A recurring payment of the patient's, as it stands."""
    standing = {
        "id": "701",
        "is_canceled": False,
        "is_paused": False,
        "paused_at": None,
        "next_payment_date": "2026-12-24T17:00:00Z",
        "has_next_payment_date": True,
        "next_restart_payment_date": None,
        "payments_remaining": "Until Canceled",
        "amount_to_pay": "100.00",
        "offering_name": "Sample monthly",
        "sender_id": "501",
        "recipient_id": "11",
        "last_billing_item": {"id": "801", "sender_id": "501", "currency": "USD"},
    }
    return {"recurringPayment": standing | changes}


def booked(**changes: Any) -> Any:
    return {"appointment": a_visit(**(IN_PERSON | changes))}


def webhooks(**changes: Any) -> Any:
    return {
        "webhooks": {
            "nodes": [WEBHOOK | changes],
            "page_info": {"has_next_page": False, "end_cursor": None},
        }
    }


def moved(**changes: Any) -> Any:
    """The visit after it was moved to a day later, in person."""
    return a_booked_visit(**(IN_PERSON | {"date": "2026-11-25 12:00:00 -0500"} | changes))


BOOKED = {"createAppointment": {"appointment": {"id": "901"}, "messages": None}}

# What comes back, by operation, when the mutation did what was asked.
AS_ASKED: dict[str, dict[str, Any]] = {
    "Charge": {"Charge": charged(a_payment())},
    "Refund": {
        "Refund": {"updateBillingItem": SUCCESS},
        "PaymentById": [paid(), paid(refund_amount="100.00")],
    },
    "CancelRecurring": {
        "CancelRecurring": {"cancelRecurringPayment": SUCCESS},
        "PaymentById": [paid(**RUNNING), paid(recurring_payment=SERIES | {"is_canceled": True})],
    },
    "SetRecurringPaused": {
        "SetRecurringPaused": {"updateBillingItem": SUCCESS},
        "MembershipStanding": [membership(), membership(is_paused=True, paused_at=PAUSED_AT)],
    },
    "CloseInvoice": {
        "CloseInvoice": {"updateRequestedPayment": SUCCESS | {"requested_payment": None}},
        "InvoiceById": [{"requestedPayment": INVOICE}, {"requestedPayment": INVOICE | {"status": "Paid"}}],
        "PaymentById": paid(),
    },
    "AttachCard": {"AttachCard": attached(CARD)},
    "CreatePatient": {"CreatePatient": {"createClient": {"user": PERSON, "messages": None}}},
    "Book": {"Book": BOOKED, "VisitById": booked()},
    "DeleteVisit": {
        "DeleteVisit": {"deleteAppointment": SUCCESS},
        "VisitById": [booked(), booked(deleted_at="2026-11-21 12:00:00 -0500")],
    },
    "CancelVisit": {
        "CancelVisit": {"updateAppointment": SUCCESS},
        "BookedVisit": [a_booked_visit(), a_booked_visit(pm_status="Cancelled")],
    },
    "MoveVisit": {
        "MoveVisit": {"updateAppointment": SUCCESS},
        "BookedVisit": [a_booked_visit(), moved()],
    },
    "SubscribeWebhook": {
        "SubscribeWebhook": {"createWebhook": {"webhook": WEBHOOK, "messages": None}},
        "WebhookSubscriptions": webhooks(),
    },
    "EnableWebhook": {
        "EnableWebhook": {"updateWebhook": {"webhook": {"id": "1001"}, "messages": None}},
        "WebhookSubscriptions": webhooks(),
    },
}

PAUSE = a_change(
    Action(kind=ActionKind.PAUSE_RECURRING),
    kind=ChangeKind.MEMBERSHIP_PAUSE,
    appointment_id=None,
    slot=None,
    membership_id="701",
    charged_by="11",
    payment_id="801",
)
CHECKOUT = a_checkout(
    charge=CHARGE,
    appointment_id="901",
    slot=a_slot(contact_type=ContactType.IN_PERSON, location_id="31"),
)
CHANGE = a_change(reason="Sample reason", reason_id="51")
MOVE = a_move(
    new_slot=a_slot(start=NEW_START, contact_type=ContactType.IN_PERSON, location_id="31"),
)
CALLS: dict[str, Callable[[SystemOfRecord], Awaitable[object]]] = {
    "Charge": lambda healthie: healthie.billing.charge(CHECKOUT),
    "Refund": lambda healthie: healthie.billing.refund(CHECKOUT),
    "CancelRecurring": lambda healthie: healthie.billing.cancel_recurring(CHECKOUT),
    "SetRecurringPaused": lambda healthie: healthie.membership_changes.pause(PAUSE),
    "CloseInvoice": lambda healthie: healthie.invoices.close(CHECKOUT, "77"),
    "AttachCard": lambda healthie: healthie.cards.attach(
        patient_id="501", token="tok_sample", make_default=True, clinician_id="11"
    ),
    "CreatePatient": lambda healthie: healthie.patients.create(
        GUEST, clinician_id="11", time_zone="America/New_York", reference="chk_sample"
    ),
    "Book": lambda healthie: healthie.scheduling.book(CHECKOUT),
    "DeleteVisit": lambda healthie: healthie.scheduling.delete(CHECKOUT),
    "CancelVisit": lambda healthie: healthie.visit_changes.cancel(CHANGE),
    "MoveVisit": lambda healthie: healthie.visit_changes.move(MOVE),
    "SubscribeWebhook": lambda healthie: healthie.subscriptions.subscribe(
        "https://gateway.example/webhooks/healthie", frozenset({"patient.updated"})
    ),
    "EnableWebhook": lambda healthie: healthie.subscriptions.enable("1001"),
}
