"""Each mutation that we send, answered as a success by an emulator that does nothing: none is believed."""

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace

import pytest

from booking.checkout.model import Checkout
from booking.errors import OutcomeUnknown
from booking.models import Recurrence
from integrations.healthie.readback import READ_BACKS
from integrations.upstream.errors import SilentNoOp
from tests.integration.changes_on_emulator import a_cancellation, a_pause, a_reschedule
from tests.integration.healthie_on_emulator import GUEST, Practice, practice
from tests.plugins.emulator import EmulatorClient

reported: list[SilentNoOp] = []


async def report(difference: SilentNoOp) -> None:
    reported.append(difference)


@pytest.fixture
async def here() -> AsyncIterator[Practice]:
    reported.clear()
    async with practice(noticed=report) as opened:
        yield opened


async def ready(here: Practice) -> Checkout:
    """A checkout of the monthly plan, charged and booked."""
    plan, checkout = await here.plan("Monthly Care"), await here.checkout("Monthly Care")
    recurs = Recurrence(frequency=plan.frequency, amount=plan.price, payments=None)
    checkout = replace(checkout, quote=replace(checkout.quote, recurrence=recurs))
    charge = await here.healthie.billing.charge(checkout)
    visit = await here.healthie.scheduling.book(checkout)
    return replace(checkout, charge=charge, appointment_id=visit.id)


HOOK, EVENTS = "https://gateway.example/webhooks/healthie", frozenset({"patient.updated"})


async def enabled_again(here: Practice) -> None:
    """A webhook that Healthie disabled is brought back."""
    await here.healthie.subscriptions.subscribe(HOOK, EVENTS)
    (webhook,) = here.world.webhooks
    here.world.webhooks.change(webhook.id, is_enabled=False)
    await here.healthie.subscriptions.enable(webhook.id)


async def closed(here: Practice, row: Checkout) -> None:
    """An invoice that asks for just what was charged is closed."""
    assert row.charge is not None
    invoice = here.world.requested_payments.add(
        sender_id=row.slot.clinician_id,
        recipient_id=str(row.patient_id),
        price=int(row.charge.net.amount * 100),
        appointment_id=row.appointment_id,
    )
    await here.healthie.invoices.close(row, invoice.id)


async def moved(here: Practice, row: Checkout) -> None:
    """The visit is moved to the last free time."""
    await here.healthie.visit_changes.move(a_reschedule(row, (await here.free())[-1]))


Call = Callable[[Practice, Checkout], Awaitable[object]]

CALLS: dict[str, tuple[str, Call]] = {
    "Charge": ("createBillingItem", lambda here, row: here.healthie.billing.charge(replace(row, attempt=2))),
    "Refund": ("updateBillingItem", lambda here, row: here.healthie.billing.refund(row)),
    "CancelRecurring": (
        "cancelRecurringPayment",
        lambda here, row: here.healthie.billing.cancel_recurring(row),
    ),
    "SetRecurringPaused": (
        "updateBillingItem",
        lambda here, row: here.healthie.membership_changes.pause(a_pause(row)),
    ),
    "CloseInvoice": ("updateRequestedPayment", closed),
    "AttachCard": (
        "createStripeCustomerDetail",
        lambda here, row: here.healthie.cards.attach(
            patient_id=here.patient(1), token="tok_visa", make_default=False, clinician_id=here.clinician(1)
        ),
    ),
    "CreatePatient": (
        "createClient",
        lambda here, row: here.healthie.patients.create(
            GUEST, clinician_id=here.clinician(1), time_zone="UTC", reference="chk_sample"
        ),
    ),
    "Book": ("createAppointment", lambda here, row: here.healthie.scheduling.book(row)),
    "DeleteVisit": ("deleteAppointment", lambda here, row: here.healthie.scheduling.delete(row)),
    "CancelVisit": (
        "updateAppointment",
        lambda here, row: here.healthie.visit_changes.cancel(a_cancellation(row)),
    ),
    "MoveVisit": ("updateAppointment", moved),
    "SubscribeWebhook": (
        "createWebhook",
        lambda here, row: here.healthie.subscriptions.subscribe(HOOK, EVENTS),
    ),
    "EnableWebhook": ("updateWebhook", lambda here, row: enabled_again(here)),
}


@pytest.mark.parametrize("operation", READ_BACKS)
async def test_a_success_that_did_nothing_is_noticed(here: Practice, operation: str) -> None:
    mutation, call = CALLS[operation]
    row = await ready(here)
    here.world.switches.silent_noop.add(mutation)

    with pytest.raises(OutcomeUnknown):
        await call(here, row)

    assert [each.operation for each in reported] == [operation]


async def test_a_list_is_taken_only_with_its_last_comma(emulator: EmulatorClient) -> None:
    seed = await emulator.control.seed()
    first, second = (each["id"] for each in seed["clinicians"][:2])
    document = """mutation Book($input: createAppointmentInput!) {
      createAppointment(input: $input) { appointment { providers { id } } messages { message } }
    }"""
    given = {
        "user_id": seed["patients"][0]["id"],
        "other_party_id": first,
        "appointment_type_id": seed["visit_types"]["Initial Visit"],
        "contact_type": "Healthie Video Call",
        "datetime": "2027-01-11T15:00:00Z",
    }
    taken = []
    for text in (second, f"{second},"):
        answer = await emulator.ask(document, input=given | {"providers": text})
        assert answer["createAppointment"]["messages"] is None
        taken.append(
            second in {each["id"] for each in answer["createAppointment"]["appointment"]["providers"]}
        )

    assert taken == [False, True]
