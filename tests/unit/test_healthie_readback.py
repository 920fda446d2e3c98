"""What was asked is compared with what came back: of every mutation, every argument, or it is said why not."""

from collections.abc import Awaitable, Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from graphql import (
    FieldNode,
    ObjectValueNode,
    OperationDefinitionNode,
    OperationType,
    parse,
)

import integrations.healthie
from booking.catalog.model import ContactType
from booking.errors import OutcomeUnknown
from booking.models import Charge, GuestDetails
from booking.system_of_record import SystemOfRecord
from integrations.healthie.readback import READ_BACKS, Comparison, only_logged
from integrations.upstream.errors import SilentNoOp
from tests.unit.healthie_script import Script, a_checkout, a_payment, a_slot, a_visit, charged, usd

OPERATIONS = {
    each.name.value: each
    for path in (Path(integrations.healthie.__file__).parent / "operations").glob("*.graphql")
    for each in parse(path.read_text()).definitions
    if isinstance(each, OperationDefinitionNode) and each.name
}
MUTATIONS = {name: each for name, each in OPERATIONS.items() if each.operation is OperationType.MUTATION}
PARTS = [(operation, part) for operation, each in READ_BACKS.items() for part in each.compared]

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
RUNNING = {"recurring_payment": SERIES}


def attached(card: Any) -> Any:
    return {
        "createStripeCustomerDetail": {"stripe_customer_detail": card, "messages": None, "stripeError": None}
    }


def paid(**changes: Any) -> Any:
    return {"billingItem": a_payment(**changes)}


def booked(**changes: Any) -> Any:
    return {"appointment": a_visit(**(IN_PERSON | changes))}


def webhooks(**changes: Any) -> Any:
    return {
        "webhooks": {
            "nodes": [WEBHOOK | changes],
            "page_info": {"has_next_page": False, "end_cursor": None},
        }
    }


BOOKED = {"createAppointment": {"appointment": {"id": "901"}, "messages": None}}

# What comes back when the mutation did what was asked, and what when only this part of it did not.
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
    "AttachCard": {"AttachCard": attached(CARD)},
    "CreatePatient": {"CreatePatient": {"createClient": {"user": PERSON, "messages": None}}},
    "Book": {"Book": BOOKED, "VisitById": booked()},
    "DeleteVisit": {
        "DeleteVisit": {"deleteAppointment": SUCCESS},
        "VisitById": [booked(), booked(deleted_at="2026-11-21 12:00:00 -0500")],
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
DIFFERENT: dict[tuple[str, str], dict[str, Any]] = {
    ("Charge", "state"): {"Charge": charged(a_payment(state="SCHEDULED"))},
    ("Charge", "sender"): {"Charge": charged(a_payment(sender_id="502"))},
    # Without our reference nobody knows whose it is; with it, it is a charge on other terms.
    ("Charge", "amount"): {"Charge": charged(a_payment(net_payment="120.00", note=None))},
    ("Charge", "card"): {"Charge": charged(a_payment(card_last4="0002", note=None))},
    ("Charge", "plan"): {"Charge": charged(a_payment(offering_id="41", note=None))},
    ("Charge", "recurrence"): {"Charge": charged(a_payment(**RUNNING, note=None))},
    ("Refund", "refunded"): {"PaymentById": [paid(), paid(refund_amount="40.00")]},
    ("CancelRecurring", "stopped"): {"PaymentById": paid(**RUNNING)},
    ("AttachCard", "card"): {"AttachCard": attached(None)},
    ("AttachCard", "owner"): {"AttachCard": attached(CARD | {"user_id": "502"})},
    ("CreatePatient", "person"): {
        "CreatePatient": {"createClient": {"user": PERSON | {"last_name": "Other"}, "messages": None}}
    },
    ("Book", "time"): {"VisitById": booked(date="2026-11-24 13:00:00 -0500")},
    ("Book", "visit_type"): {"VisitById": booked(appointment_type={"id": "71", "name": None})},
    ("Book", "patient"): {"VisitById": booked(user={"id": "502"})},
    ("Book", "contact_type"): {"VisitById": booked(contact_type="Phone Call")},
    ("Book", "location"): {"VisitById": booked(appointment_location_id="32")},
    ("DeleteVisit", "gone"): {"VisitById": booked()},
    ("SubscribeWebhook", "address"): {"WebhookSubscriptions": webhooks(url="https://other.example/")},
    ("SubscribeWebhook", "events"): {
        "WebhookSubscriptions": webhooks(event_type="PATIENT_MERGED", webhook_events=[])
    },
    ("SubscribeWebhook", "live"): {"WebhookSubscriptions": webhooks(should_retry=False)},
    ("EnableWebhook", "live"): {"WebhookSubscriptions": webhooks(is_enabled=False)},
}

CHECKOUT = a_checkout(
    charge=CHARGE,
    appointment_id="901",
    slot=a_slot(contact_type=ContactType.IN_PERSON, location_id="31"),
)
CALLS: dict[str, Callable[[SystemOfRecord], Awaitable[object]]] = {
    "Charge": lambda healthie: healthie.billing.charge(CHECKOUT),
    "Refund": lambda healthie: healthie.billing.refund(CHECKOUT),
    "CancelRecurring": lambda healthie: healthie.billing.cancel_recurring(CHECKOUT),
    "AttachCard": lambda healthie: healthie.cards.attach(
        patient_id="501", token="tok_sample", make_default=True, clinician_id="11"
    ),
    "CreatePatient": lambda healthie: healthie.patients.create(
        GUEST, clinician_id="11", time_zone="America/New_York", reference="chk_sample"
    ),
    "Book": lambda healthie: healthie.scheduling.book(CHECKOUT),
    "DeleteVisit": lambda healthie: healthie.scheduling.delete(CHECKOUT),
    "SubscribeWebhook": lambda healthie: healthie.subscriptions.subscribe(
        "https://gateway.example/webhooks/healthie", frozenset({"patient.updated"})
    ),
    "EnableWebhook": lambda healthie: healthie.subscriptions.enable("1001"),
}


def arguments(mutation: OperationDefinitionNode) -> set[str]:
    """The fields of the mutation's input."""
    (field,) = mutation.selection_set.selections
    assert isinstance(field, FieldNode)
    (given,) = field.arguments or ()
    assert isinstance(given.value, ObjectValueNode)
    return {each.name.value for each in given.value.fields}


def test_every_mutation_has_a_read_back_and_every_read_back_a_mutation() -> None:
    assert MUTATIONS.keys() == READ_BACKS.keys()
    assert {each.seen_in for each in READ_BACKS.values()} <= OPERATIONS.keys()


@pytest.mark.parametrize("operation", MUTATIONS)
def test_every_argument_is_compared_or_it_is_said_why_not(operation: str) -> None:
    declared = READ_BACKS[operation]
    compared = {name for names in declared.compared.values() for name in names}

    assert compared | declared.believed.keys() == arguments(MUTATIONS[operation])
    assert not compared & declared.believed.keys()
    assert all(declared.believed.values())


@pytest.mark.parametrize("operation", MUTATIONS)
async def test_what_was_done_as_asked_is_believed_and_nobody_is_told(operation: str) -> None:
    told: list[SilentNoOp] = []
    script = Script(answers=dict(AS_ASKED[operation]))
    async with script.connected(noticed=_teller(told)) as healthie:
        await CALLS[operation](healthie)

    assert told == []
    assert script.of(READ_BACKS[operation].seen_in)


@pytest.mark.parametrize(("operation", "part"), PARTS)
async def test_a_difference_in_one_part_is_told_and_leaves_the_outcome_unknown(
    operation: str, part: str
) -> None:
    told: list[SilentNoOp] = []
    script = Script(answers=AS_ASKED[operation] | DIFFERENT[operation, part])
    async with script.connected(noticed=_teller(told)) as healthie:
        with pytest.raises(OutcomeUnknown) as caught:
            await CALLS[operation](healthie)

    (difference,) = told
    assert caught.value.__cause__ is difference
    assert difference.operation == operation
    assert part in difference.parts


async def test_a_difference_that_cannot_be_told_is_not_passed_over() -> None:
    async def down(_: SilentNoOp) -> None:
        raise OSError("no room")

    script = Script(answers=AS_ASKED["Book"] | DIFFERENT["Book", "time"])
    async with script.connected(noticed=down) as healthie:
        with pytest.raises(OSError, match="no room"):
            await CALLS["Book"](healthie)


async def test_a_comparison_names_all_of_its_parts() -> None:
    with pytest.raises(AssertionError):
        await Comparison(only_logged).hold("Book", time=True)


def _teller(told: list[SilentNoOp]) -> Callable[[SilentNoOp], Awaitable[None]]:
    async def tell(difference: SilentNoOp) -> None:
        told.append(difference)

    return tell
