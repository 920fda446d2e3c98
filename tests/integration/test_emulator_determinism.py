"""Two emulators with the same seed, the same clock and the same requests give the same answers."""

import re
from typing import Any

import httpx2

from integrations.healthie_emulator.app import create_app
from tests.plugins.emulator import CLINICIAN_1, PATIENT_1, STILL, EmulatorClient

VISITS = """mutation Book($user: ID, $type: ID, $time: String) {
  createAppointment(input: {user_id: $user, appointment_type_id: $type, datetime: $time, metadata: {n: 1},
    contact_type: "Healthie Video Call", enforce_availability: true}) {
    appointment { id created_at date requested_payment { id } } messages { message } } }"""

PAY = """mutation Pay($user: ID, $plan: ID, $token: String) {
  createStripeCustomerDetail(input: {user_id: $user, token: $token, is_default: true}) {
    stripe_customer_detail { id stripe_id } stripeError }
  createBillingItem(input: {sender_id: $user, amount_paid: "99", should_charge: true, offering_id: $plan,
    stripe_idempotency_key: "k"}) { billingItem { id stripe_charge_id recurring_payment { id } } stripeError } }"""


async def play(seed: int) -> list[Any]:
    """Live a small life and give everything that was answered, faults by chance included."""
    transport = httpx2.ASGITransport(app=create_app())
    async with httpx2.AsyncClient(transport=transport, base_url="http://emulator.invalid") as client:
        emulator = EmulatorClient(url="", client=client)
        who = await emulator.control.reset(seed=seed, clock=STILL, stopped=True)
        await emulator.control.faults({"kind": "http_5xx", "operation": "Book", "probability": 0.3})
        user, answers = who["patients"][1]["id"], [who]
        for hour in range(9, 17):
            booked = await emulator.send(
                VISITS,
                key=CLINICIAN_1,
                user=user,
                type=who["visit_types"]["Single Visit"],
                time=f"2027-01-07 {hour:02}:00",
            )
            answers.append(booked.text)
        await emulator.control.clock(advance=61.5)
        for token in ("tok_visa", "tok_chargeCustomerFail", "tok_chargeDeclined"):
            paid = await emulator.send(
                PAY, key=CLINICIAN_1, user=user, plan=who["plans"]["Monthly Care"], token=token
            )
            answers.append(paid.text)
        answers.append((await emulator.send("{ currentUser { id created_at } }", key=PATIENT_1)).text)
        return [*answers, await emulator.control.books()]


async def test_the_same_seed_clock_and_requests_give_the_same_answers() -> None:
    assert await play(7) == await play(7)


async def test_another_seed_gives_other_answers() -> None:
    first, second = await play(7), await play(8)
    assert not set(re.findall(r"ch_\w+", str(first))) & set(re.findall(r"ch_\w+", str(second)))
