"""What was asked is compared with what came back: of every mutation, every argument, or it is said why not."""

from collections.abc import Awaitable, Callable
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
from booking.errors import OutcomeUnknown
from integrations.healthie.readback import READ_BACKS, Comparison, only_logged
from integrations.upstream.errors import SilentNoOp
from tests.doubles.healthie_changes import a_booked_visit
from tests.doubles.healthie_mutations import (
    AS_ASKED,
    CALLS,
    CARD,
    INVOICE,
    PERSON,
    RUNNING,
    attached,
    booked,
    membership,
    moved,
    paid,
    webhooks,
)
from tests.doubles.healthie_script import Script, a_payment, charged

OPERATIONS = {
    each.name.value: each
    for path in (Path(integrations.healthie.__file__).parent / "operations").glob("*.graphql")
    for each in parse(path.read_text()).definitions
    if isinstance(each, OperationDefinitionNode) and each.name
}
MUTATIONS = {name: each for name, each in OPERATIONS.items() if each.operation is OperationType.MUTATION}
PARTS = [(operation, part) for operation, each in READ_BACKS.items() for part in each.compared]

# What comes back when only this part of it was not done as asked.
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
    ("SetRecurringPaused", "paused"): {"MembershipStanding": membership()},
    ("CloseInvoice", "paid"): {"InvoiceById": {"requestedPayment": INVOICE}},
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
    ("CancelVisit", "status"): {"BookedVisit": a_booked_visit()},
    ("MoveVisit", "time"): {"BookedVisit": [a_booked_visit(), moved(date="2026-11-24 12:00:00 -0500")]},
    ("MoveVisit", "clinician"): {
        "BookedVisit": [a_booked_visit(), moved(provider={"id": "12", "full_name": None})]
    },
    ("MoveVisit", "contact_type"): {"BookedVisit": [a_booked_visit(), moved(contact_type="Phone Call")]},
    ("MoveVisit", "location"): {"BookedVisit": [a_booked_visit(), moved(appointment_location_id="32")]},
    ("SubscribeWebhook", "address"): {"WebhookSubscriptions": webhooks(url="https://other.example/")},
    ("SubscribeWebhook", "events"): {
        "WebhookSubscriptions": webhooks(event_type="PATIENT_MERGED", webhook_events=[])
    },
    ("SubscribeWebhook", "live"): {"WebhookSubscriptions": webhooks(should_retry=False)},
    ("EnableWebhook", "live"): {"WebhookSubscriptions": webhooks(is_enabled=False)},
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
    reported: list[SilentNoOp] = []
    script = Script(answers=dict(AS_ASKED[operation]))
    async with script.connected(noticed=_recorder(reported)) as healthie:
        await CALLS[operation](healthie)

    assert reported == []
    assert script.of(operation)
    assert script.of(READ_BACKS[operation].seen_in)


@pytest.mark.parametrize(("operation", "part"), PARTS)
async def test_a_difference_in_one_part_is_told_and_leaves_the_outcome_unknown(
    operation: str, part: str
) -> None:
    reported: list[SilentNoOp] = []
    script = Script(answers=AS_ASKED[operation] | DIFFERENT[operation, part])
    async with script.connected(noticed=_recorder(reported)) as healthie:
        with pytest.raises(OutcomeUnknown) as caught:
            await CALLS[operation](healthie)

    (difference,) = reported
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
        await Comparison(only_logged).check("Book", time=True)


def _recorder(reported: list[SilentNoOp]) -> Callable[[SilentNoOp], Awaitable[None]]:
    async def report(difference: SilentNoOp) -> None:
        reported.append(difference)

    return report
