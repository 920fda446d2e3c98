"""What is somebody else's looks as if it were not there, and nothing personal stays in logs or rows."""

import base64
import hashlib
import logging
import re
import sqlite3
from collections.abc import Callable
from datetime import timedelta

import pytest
from structlog.testing import capture_logs

from booking.checkout.access import READABLE_FOR
from gateway.callers.tokens import GatewayTokens, derive_key
from tests.acceptance import documents
from tests.acceptance.app import GUEST, Json
from tests.plugins.emulator import CLINICIAN_1, OWNER
from tests.plugins.stack import SECRET, Stack

CARD = "tok_visa_canary-of-the-card"


async def test_what_is_foreign_and_what_is_missing_answer_byte_for_byte_alike(stack: Stack) -> None:
    app = await stack.visitor()
    guest, checkout_id = await app.guest_checkout(
        (await stack.slot())["id"], planId=stack.plan("First Visit")
    )
    hold_id = await app.held((await stack.slot("Follow-up Visit"))["id"])
    assert await guest.checkout(checkout_id) is not None
    stranger = await stack.visitor()
    other_guest, _ = await stranger.guest_checkout((await stack.slot("Free Consultation", ahead=4))["id"])
    patient = stack.patient(str(stack.practice["patients"][0]["id"]))
    missing_hold = f"hold_{'x' * (len(hold_id) - 5)}"
    missing_checkout = f"chk_{'x' * (len(checkout_id) - 4)}"
    attempts: list[tuple[str, str, str, Callable[[str], Json]]] = [
        (documents.HOLD_OF, hold_id, missing_hold, lambda name: {"id": name}),
        (documents.CHECKOUT_OF, checkout_id, missing_checkout, lambda name: {"id": name}),
        (documents.EXTEND, hold_id, missing_hold, lambda name: {"input": {"holdId": name}}),
        (documents.RELEASE, hold_id, missing_hold, lambda name: {"input": {"holdId": name}}),
        (documents.START, hold_id, missing_hold, lambda name: {"input": {"holdId": name, "guest": GUEST}}),
        (
            documents.CONFIRM,
            checkout_id,
            missing_checkout,
            lambda name: {"input": {**guest.accepting(checkout_id), "checkoutId": name, "cardToken": CARD}},
        ),
        (
            documents.CANCEL,
            checkout_id,
            missing_checkout,
            lambda name: {"input": {"checkoutId": name}},
        ),
    ]
    for someone in (stranger, other_guest, patient):
        for number, (document, foreign, missing, variables) in enumerate(attempts):
            answers = [
                await someone.post(document, variables(name), key=f"key-{number}-{name[:4]}-{at}")
                for at, name in enumerate((foreign, missing))
            ]
            assert answers[0].content == answers[1].content, document
            assert answers[0].status_code == answers[1].status_code
            assert foreign.encode() not in answers[0].content
    assert (await guest.checkout(checkout_id))["status"] == "OPEN"
    assert (await app.ask(documents.HOLD_OF, {"id": hold_id}))["hold"]["id"] == hold_id
    assert not (await stack.made())["charges"]


async def test_a_guest_token_opens_its_checkout_and_no_other_of_the_same_person(stack: Stack) -> None:
    first, first_id = await (await stack.visitor()).guest_checkout(
        (await stack.slot("Free Consultation"))["id"]
    )
    second, second_id = await (await stack.visitor()).guest_checkout(
        (await stack.slot("Free Consultation"))["id"]
    )
    assert (await first.checkout(first_id))["id"] == first_id
    assert await first.checkout(second_id) is None
    assert await second.checkout(first_id) is None
    forged = first.bearer(first.headers["Authorization"].split()[1].replace(first_id, second_id))
    assert (await forged.post(documents.CHECKOUT_OF, {"id": second_id})).status_code == 401


async def test_a_guest_token_ends_with_its_checkout_and_then_opens_what_never_was(stack: Stack) -> None:
    guest, checkout_id = await (await stack.visitor()).guest_checkout(
        (await stack.slot("Free Consultation"))["id"]
    )
    assert (await guest.do(documents.CANCEL, checkoutId=checkout_id))["__typename"] == "CancelCheckoutSuccess"
    await stack.pass_time(READABLE_FOR - timedelta(minutes=5))
    assert (await guest.checkout(checkout_id))["status"] == "CANCELLED"
    await stack.pass_time(timedelta(minutes=10))
    missing = f"chk_{'x' * (len(checkout_id) - 4)}"
    attempts: list[tuple[str, Callable[[str], Json]]] = [
        (documents.CHECKOUT_OF, lambda name: {"id": name}),
        (documents.CONFIRM, lambda name: {"input": {**guest.accepting(name), "cardToken": CARD}}),
        (documents.CANCEL, lambda name: {"input": {"checkoutId": name}}),
    ]
    for number, (document, variables) in enumerate(attempts):
        own, none = [
            await guest.post(document, variables(name), key=f"key-{number}-{at}")
            for at, name in enumerate((checkout_id, missing))
        ]
        assert own.content == none.content, document
        assert own.status_code == none.status_code


async def test_who_has_the_database_cannot_make_a_guest_token(stack: Stack) -> None:
    """Nothing in it is the token, the key that signs it, or the secret behind that."""
    guest, checkout_id = await (await stack.visitor()).guest_checkout(
        (await stack.slot())["id"], planId=stack.plan("First Visit")
    )
    await guest.confirm(checkout_id, cardToken=CARD)
    token = guest.headers["Authorization"].split()[1]
    assert token == GatewayTokens(secret=SECRET).guest(checkout_id), "this is how it is made"
    with sqlite3.connect(str(stack.settings.database_url).removeprefix("sqlite:///")) as connection:
        kept = "\n".join(connection.iterdump())
        tables = [
            name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
        ]
        values = {
            value for name in tables for row in connection.execute(f"SELECT * FROM {name}") for value in row
        }
    connection.close()
    assert checkout_id in kept
    key = derive_key(SECRET, "guest-token")
    forms = [token, token.rpartition(".")[2], SECRET, key.hex(), base64.b64encode(key).decode().rstrip("=")]
    forms += [hashlib.sha256(token.encode()).hexdigest(), base64.urlsafe_b64encode(key).decode().rstrip("=")]
    assert [form for form in forms if form.casefold() in kept.casefold()] == []
    words = {word for value in values for word in re.findall(r"[\w+/=-]{8,}", str(value))}
    assert len(words) > 50, "there is something to try"
    assert [word for word in words if GatewayTokens(secret=word).guest(checkout_id) == token] == []


async def test_logs_name_no_patient_no_token_and_no_key(
    stack: Stack, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    """A whole journey with a decline, an unknown outcome, bad input and a worker, every log kept."""
    caplog.set_level(logging.INFO)
    person = {
        "email": "canary.email@example.com",
        "firstName": "CanaryFirst",
        "lastName": "CanaryLast",
        "phone": "555-0177",
        "birthDate": "1979-11-23",
    }
    with capture_logs() as events:
        app = await stack.visitor()
        guest, checkout_id = await app.guest_checkout(
            (await stack.slot())["id"], guest=person, planId=stack.plan("First Visit"), promoCode="MINUS25"
        )
        await guest.confirm(checkout_id, cardToken="tok_chargeDeclined_canary-of-the-card")
        await stack.fault("lost_answer", "Charge")
        await stack.fault("truncated", "Book")
        await guest.confirm(checkout_id, cardToken=CARD)
        await stack.work()
        await stack.work()
        assert (await guest.checkout(checkout_id))["status"] == "CONFIRMED"
        patient_id = (await stack.made())["patients"][0]["id"]
        patient = stack.patient(patient_id)
        await patient.ask(documents.ME)
        bad = {**person, "email": "canary.email at example.com", "phone": "canary-phone"}
        await app.post(
            documents.START, {"input": {"holdId": "hold_1", "guest": bad}}, key="canary-idempotency"
        )
        await app.post(documents.START, {"input": {"holdId": 1, "guest": person}}, key="canary-idempotency")
    assert any(event["event"] == "checkout.parked" for event in events), "the journey was logged at all"
    kept = "\n".join([*map(repr, events), caplog.text, *capfd.readouterr()])
    canaries = [
        *person.values(),
        "canary",
        "canary-of-the-card",
        guest.headers["Authorization"].split()[1],
        guest.headers["Frontdoor-Visitor"],
        patient.headers["Authorization"].split()[1],
        OWNER,
        CLINICIAN_1,
        SECRET,
    ]
    assert [canary for canary in canaries if canary.casefold() in kept.casefold()] == []


async def test_rows_never_show_the_guest_and_forget_them_and_the_card_once_it_is_over(stack: Stack) -> None:
    database = str(stack.settings.database_url).removeprefix("sqlite:///")

    def rows() -> str:
        with sqlite3.connect(database) as connection:
            found = "\n".join(connection.iterdump())
        connection.close()
        return found

    guest, checkout_id = await (await stack.visitor()).guest_checkout(
        (await stack.slot())["id"], planId=stack.plan("First Visit")
    )
    sealed = '"box"'
    assert sealed in rows(), "before the patient is known upstream there is no other place"
    assert GUEST["email"] not in rows()
    await guest.confirm(checkout_id, cardToken=CARD)
    kept = rows()
    assert checkout_id in kept
    assert sealed not in kept
    secrets = [
        GUEST["email"],
        GUEST["phone"],
        f'"{GUEST["lastName"]}"',
        CARD,
        guest.headers["Authorization"][7:],
    ]
    assert [each for each in secrets if each in kept] == []
