"""completeCheckout: what a booking page asks for a visitor without a key, in one call."""

from typing import Any

import pytest

from tests.plugins.emulator import PATIENT_1, EmulatorClient

CHECKOUT = """mutation Checkout($input: completeCheckoutInput) { completeCheckout(input: $input) {
  appointment { id date contact_type credit_was_used provider { id full_name } appointment_type { id name length }
    requested_payment { id status } filled_embed_form { id finished } }
  billingItem { id state amount_paid } userPackageSelection { id offering { id } }
  patientEmail reassignClientProvider formAnswerGroupSaved messages { field message } } }"""

WHO = {
    "first_name": "Sample",
    "last_name": "Visitor",
    "email": "sample.visitor@example.com",
    "phone_number": "555-0123",
}
TEN = {"date": "2027-01-06 10:00:00 -0500", "timezone": "America/New_York", "contact_type": "Phone Call"}


@pytest.fixture
async def seed(emulator: EmulatorClient) -> dict[str, Any]:
    return dict(await emulator.control.seed())


async def checkout(
    emulator: EmulatorClient, seed: dict[str, Any], *, key: str | None = None, **given: Any
) -> dict[str, Any]:
    visit = {
        "appointment_type_id": seed["visit_types"]["Follow-up Visit"],
        "provider_id": seed["clinicians"][0]["id"],
        **TEN,
    }
    asked = {**WHO, **visit, **given}
    return dict((await emulator.ask(CHECKOUT, key=key, input=asked))["completeCheckout"])


async def booked_now(emulator: EmulatorClient) -> list[dict[str, Any]]:
    appointments: list[dict[str, Any]] = (await emulator.control.books())["appointments"]
    return appointments[3:]


async def test_a_visitor_books_and_becomes_a_patient(emulator: EmulatorClient, seed: dict[str, Any]) -> None:
    made = await checkout(emulator, seed)
    assert made["messages"] is None  # an empty list would be read as a failure by Healthie's own widget
    assert made["appointment"]["provider"] == {
        "id": seed["clinicians"][0]["id"],
        "full_name": "Ada Sample-Rivers",
    }
    assert (made["patientEmail"], made["reassignClientProvider"]) == (WHO["email"], True)
    patient = (await emulator.control.books())["patients"][-1]
    assert (patient["email"], patient["dietitian_id"]) == (WHO["email"], seed["clinicians"][0]["id"])


async def test_a_patient_who_is_known_by_email_is_not_made_again(
    emulator: EmulatorClient, seed: dict[str, Any]
) -> None:
    """Healthie's guide: the names and the email match an existing client, or make one."""
    known = {"email": "Sample.Patient.One@example.com", "last_name": "Patient One"}
    made = await checkout(emulator, seed, **known)
    assert made["reassignClientProvider"] is False
    assert len((await emulator.control.books())["patients"]) == 3
    assert (await booked_now(emulator))[0]["user_id"] == seed["patients"][0]["id"]


async def test_of_two_with_one_email_it_is_the_one_of_that_name(
    emulator: EmulatorClient, seed: dict[str, Any]
) -> None:
    add = """mutation Add { createClient(input: {first_name: "Other", last_name: "Patient One",
      email: "sample.patient.one@example.com"}) { user { id } messages { message } } }"""
    other = (await emulator.ask(add))["createClient"]["user"]["id"]
    named = {"email": "sample.patient.one@example.com", "first_name": "Other", "last_name": "Patient One"}
    await checkout(emulator, seed, **named)
    assert [each["user_id"] for each in await booked_now(emulator)] == [other]


async def test_with_a_patients_key_it_is_its_owner_who_books(
    emulator: EmulatorClient, seed: dict[str, Any]
) -> None:
    made = await checkout(emulator, seed, key=PATIENT_1, first_name=None, last_name=None, email=None)
    assert made["messages"] is None
    assert (await booked_now(emulator))[0]["user_id"] == seed["patients"][0]["id"]


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"date": "2027-01-06 03:00:00 -0500"}, "datetime"),
        ({"email": " "}, "email"),
        ({"contact_type": None}, "contact_type"),
        ({"contact_type": "In Person"}, "appointment_location_id"),
        ({"provider_id": "424242"}, "provider_id"),
        ({"appointment_type_id": "424242"}, "appointment_type_id"),
        ({"appointment_id": "424242"}, "appointment_id"),
        ({"offering_id": "424242"}, "offering_id"),
        ({"requested_payment_id": "424242"}, "requested_payment_id"),
    ],
)
async def test_what_cannot_be_is_refused_by_messages_and_leaves_nothing(
    emulator: EmulatorClient, seed: dict[str, Any], given: dict[str, Any], field: str
) -> None:
    refused = await checkout(emulator, seed, **given)
    assert [each["field"] for each in refused["messages"]] == [field]
    assert await booked_now(emulator) == []
    assert len((await emulator.control.books())["patients"]) == 3


async def test_a_taken_time_is_refused(emulator: EmulatorClient, seed: dict[str, Any]) -> None:
    await checkout(emulator, seed)
    second = await checkout(emulator, seed, email="sample.second@example.com")
    assert second["messages"] == [{"field": "datetime", "message": "This time is not available"}]
    assert len(await booked_now(emulator)) == 1


async def test_a_type_that_clients_may_not_book_is_refused(
    emulator: EmulatorClient, seed: dict[str, Any]
) -> None:
    internal = {
        "appointment_type_id": seed["visit_types"]["Team Meeting"],
        "contact_type": "Healthie Video Call",
    }
    assert (await checkout(emulator, seed, **internal))["messages"][0]["field"] == "appointment_type_id"


async def test_a_plan_is_bought_and_its_credit_pays_the_visit_in_one_call(
    emulator: EmulatorClient, seed: dict[str, Any]
) -> None:
    plan = seed["plans"]["Starter Plan"]
    made = await checkout(emulator, seed, offering_id=plan, token="tok_visa")
    assert made["messages"] is None
    assert (made["billingItem"]["state"], made["billingItem"]["amount_paid"]) == ("SUCCEEDED", "399.0")
    assert made["userPackageSelection"]["offering"] == {"id": plan}
    assert made["appointment"]["credit_was_used"] is True


async def test_a_promo_code_lowers_what_a_plan_costs(emulator: EmulatorClient, seed: dict[str, Any]) -> None:
    only = {"appointment_type_id": None, "date": None, "offering_id": seed["plans"]["First Visit"]}
    made = await checkout(emulator, seed, **only, token="tok_visa", coupon_code="welcome20")
    assert (made["billingItem"]["amount_paid"], made["appointment"]) == ("119.2", None)
    wrong = await checkout(emulator, seed, **only, coupon_code="NOSUCH")
    assert wrong["messages"][0]["field"] == "offering_coupon_id"


async def test_a_priced_visit_is_charged_to_the_card_and_its_invoice_is_paid(
    emulator: EmulatorClient, seed: dict[str, Any]
) -> None:
    priced = {"appointment_type_id": seed["visit_types"]["Single Visit"]}
    made = await checkout(emulator, seed, **priced, token="tok_visa")
    assert made["billingItem"]["amount_paid"] == "120.0"
    assert made["appointment"]["requested_payment"]["status"] == "Paid"
    open_ = await checkout(
        emulator, seed, **priced, date="2027-01-07 10:00:00 -0500", email="sample.b@example.com"
    )
    assert (open_["billingItem"], open_["appointment"]["requested_payment"]["status"]) == (
        None,
        "Not Yet Paid",
    )


@pytest.mark.parametrize("token", ["tok_chargeDeclined", "tok_chargeCustomerFail"])
async def test_a_card_that_is_declined_books_nothing(
    emulator: EmulatorClient, seed: dict[str, Any], token: str
) -> None:
    asked = {"offering_id": seed["plans"]["First Visit"], "token": token}
    refused = await checkout(emulator, seed, **asked)
    assert refused["messages"]
    assert await booked_now(emulator) == []
    assert (await emulator.control.books())["charges"] == []


async def test_a_type_that_wants_a_card_is_not_booked_without_one(
    emulator: EmulatorClient, seed: dict[str, Any]
) -> None:
    await emulator.control.offer(visit="Follow-up Visit", require_cc_at_booking=True)
    assert (await checkout(emulator, seed))["messages"][0]["field"] == "token"
    kept = await checkout(emulator, seed, token="tok_visa", is_adding_credit_card=True)
    assert (kept["messages"], kept["billingItem"]) == (None, None)
    assert [card["last_four"] for card in (await emulator.control.books())["cards"]][1:] == ["4242"]


async def test_what_the_widget_asks_at_first(emulator: EmulatorClient, seed: dict[str, Any]) -> None:
    steps = "query Steps($where: String) { embedWidgetSteps(locationString: $where) { id title } }"
    whose = seed["clinicians"][0]["id"]
    found = await emulator.ask(steps, key=None, where=f"?dietitian_id={whose}")
    assert [step["id"] for step in found["embedWidgetSteps"]] == [
        "select_appt_type",
        "select_date_time",
        "your_information",
    ]
    assert (await emulator.ask(steps, key=None, where="?dietitian_id=424242"))["embedWidgetSteps"] == []
    config = await emulator.ask("{ sdkConfig { stripe_publishable_key } }", key=None)
    assert config["sdkConfig"]["stripe_publishable_key"].startswith("pk_test_")


class TestRequests:
    ASK = """mutation Ask($input: createAppointmentRequestInput) { createAppointmentRequest(input: $input) {
      appointmentRequest { id current_status first_name patient { id } provider { id } slots { slot_start } }
      messages { field message } } }"""
    LIST = """query Open($statuses: [AppointmentRequestStatus!]) { appointmentRequests(current_statuses: $statuses) {
      nodes { id current_status closed_by { id } first_appointment { id } } } }"""

    async def test_a_visitor_asks_and_a_booking_closes_the_request(
        self, emulator: EmulatorClient, seed: dict[str, Any]
    ) -> None:
        given = {
            "first_name": "Sample",
            "last_name": "Visitor",
            "email": WHO["email"],
            "timezone": "America/New_York",
            "reason": "Only mornings suit.",
            "provider_id": seed["clinicians"][0]["id"],
            "slots": [{"slot_start": "2027-01-06T09:00:00", "slot_end": "2027-01-06T12:00:00"}],
        }
        asked = (await emulator.ask(self.ASK, key=None, input=given))["createAppointmentRequest"]
        wish = asked["appointmentRequest"]
        assert (asked["messages"], wish["current_status"], wish["patient"]) == (None, "OPEN", None)
        book = """mutation Book($input: createAppointmentInput!) { createAppointment(input: $input) {
          appointment { id appointment_request_id } messages { message } } }"""
        visit = {
            "user_id": seed["patients"][0]["id"],
            "appointment_type_id": seed["visit_types"]["Follow-up Visit"],
            "contact_type": "Phone Call",
            "datetime": "2027-01-06T10:00:00-05:00",
            "appointment_request_id": wish["id"],
        }
        made = (await emulator.ask(book, input=visit))["createAppointment"]["appointment"]
        assert made["appointment_request_id"] == wish["id"]
        [closed] = (await emulator.ask(self.LIST, statuses=["CLOSED"]))["appointmentRequests"]["nodes"]
        assert (closed["closed_by"]["id"], closed["first_appointment"]) == (
            seed["owner"]["id"],
            {"id": made["id"]},
        )
        assert (await emulator.ask(self.LIST, statuses=["OPEN"]))["appointmentRequests"]["nodes"] == []

    async def test_a_patient_sees_only_the_own_requests(
        self, emulator: EmulatorClient, seed: dict[str, Any]
    ) -> None:
        common = {"timezone": "America/New_York", "reason": "soon"}
        for number in (0, 1):
            given = {**common, "patient_id": seed["patients"][number]["id"]}
            await emulator.ask(self.ASK, input=given)
        assert len((await emulator.ask(self.LIST, key=PATIENT_1))["appointmentRequests"]["nodes"]) == 1
        assert len((await emulator.ask(self.LIST))["appointmentRequests"]["nodes"]) == 2

    async def test_a_practice_that_takes_none_says_so(
        self, emulator: EmulatorClient, seed: dict[str, Any]
    ) -> None:
        policy = "query P($id: ID) { appointmentSetting(provider_id: $id) { id } }"
        own = (await emulator.ask(policy, id=seed["owner"]["id"]))["appointmentSetting"]["id"]
        change = """mutation C($id: ID) { updateAppointmentSetting(input: {id: $id, enable_appointment_requests: false}) {
          appointmentSetting { enable_appointment_requests } messages { message } } }"""
        await emulator.ask(change, id=own)
        given = {"timezone": "UTC", "reason": "soon", "patient_id": seed["patients"][0]["id"]}
        refused = (await emulator.ask(self.ASK, input=given))["createAppointmentRequest"]
        assert (refused["appointmentRequest"], refused["messages"][0]["field"]) == (None, "base")
