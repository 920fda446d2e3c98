"""The path that a patient's first visit takes through the emulator, over a real socket."""

from datetime import timedelta

from tests.plugins.emulator import CLINICIAN_1, EmulatorClient


async def test_a_first_visit_goes_from_the_plan_to_the_appointment(emulator_server: EmulatorClient) -> None:
    seed = await emulator_server.control.seed()
    clinician, patient = seed["clinicians"][0]["id"], seed["patients"][0]["id"]
    now = await emulator_server.control.clock()
    found = await emulator_server.ask(
        """query Find($provider: ID!, $type: ID, $first: ISO8601DateTime, $last: ISO8601DateTime, $patient: ID) {
          availableSlotsForRange(provider_id: $provider, appt_type_id: $type, start_date: $first, end_date: $last,
            contact_type: "Healthie Video Call", timezone: "America/New_York") { user_id date length }
          stripeCustomerDetails(user_id: $patient) { nodes { id last_four } }
        }""",
        key=CLINICIAN_1,
        provider=clinician,
        type=seed["visit_types"]["Initial Visit"],
        first=now.isoformat(),
        last=(now + timedelta(days=7)).isoformat(),  # whatever the hour: today's may be over
        patient=patient,
    )
    slot = found["availableSlotsForRange"]
    card = found["stripeCustomerDetails"]["nodes"][0]
    assert slot
    assert card["last_four"] == "4242"
    paid = await emulator_server.ask(
        """mutation Pay($patient: ID, $clinician: ID, $card: ID, $plan: ID) {
          createBillingItem(input: {sender_id: $patient, recipient_id: $clinician, amount_paid: "149.00",
            should_charge: true, stripe_customer_detail_id: $card, offering_id: $plan}) {
            billingItem { state stripe_charge_id } messages { message } } }""",
        key=CLINICIAN_1,
        patient=patient,
        clinician=clinician,
        card=card["id"],
        plan=seed["plans"]["First Visit"],
    )
    booked = await emulator_server.ask(
        """mutation Book($patient: ID, $type: ID, $start: String) {
          createAppointment(input: {user_id: $patient, appointment_type_id: $type, datetime: $start,
            contact_type: "Healthie Video Call", enforce_availability: true, timezone: "America/New_York"}) {
            appointment { date provider { id } credit_was_used requested_payment { id } } messages { message } } }""",
        key=CLINICIAN_1,
        patient=patient,
        type=seed["visit_types"]["Initial Visit"],
        start=slot[0]["date"],
    )
    books = await emulator_server.control.books()
    assert paid["createBillingItem"]["billingItem"]["state"] == "SUCCEEDED"
    assert booked["createAppointment"]["appointment"] == {
        "date": slot[0]["date"],
        "provider": {"id": clinician},
        "credit_was_used": True,
        "requested_payment": None,
    }
    assert [charge["amount"] for charge in books["charges"]] == [149_00]
