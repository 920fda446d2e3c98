"""A patient books a visit with a credit of a package, through the public API; the practice's ledger says what became of it."""

import asyncio
from uuid import uuid4

import pytest

from booking.principals import PrincipalKind
from tests.acceptance import documents
from tests.acceptance.app import App
from tests.acceptance.booked import set_rules
from tests.acceptance.credited import VISIT, left, patient_of
from tests.plugins.stack import Stack

QUOTE = f"""query Quote($visitTypeId: ID!, $useCredit: Boolean!) {{
  quote(visitTypeId: $visitTypeId, useCredit: $useCredit) {{
    __typename
    ... on QuoteSuccess {{ creditsLeft quote {{ id usesCredit listPrice {{ amount }} dueToday {{ amount }} }} }}
    {documents.PROBLEM}
  }}
}}"""
GIVE = """mutation Give($input: updateClientInput!) {
  updateClient(input: $input) { user { id } messages { field message } }
}"""


async def give(stack: Stack, patient_id: str, many: int, visit: str = VISIT) -> None:
    """Staff set the number of the patient's credits."""
    credit = {"appointment_type_id": stack.visit(visit), "quantity": str(many)}
    done = await stack.emulator.ask(
        GIVE, input={"id": patient_id, "appointment_type_credits_attributes": [credit]}
    )
    assert done["updateClient"]["messages"] is None, done


async def offered(stack: Stack, app: App, *, use: bool = False) -> dict[str, object]:
    """The answer to the question what the visit costs."""
    asked = {"visitTypeId": stack.visit(VISIT), "useCredit": use}
    return dict((await app.ask(QUOTE, asked))["quote"])


async def test_a_quote_offers_the_credit_to_its_patient_alone(stack: Stack) -> None:
    patient_id, app = patient_of(stack)
    assert (await offered(stack, app))["creditsLeft"] == 0
    await give(stack, patient_id, 2)
    assert (await offered(stack, app))["creditsLeft"] == 2
    by_credit = await offered(stack, app, use=True)
    assert by_credit["quote"]["dueToday"]["amount"] == "0.00"  # type: ignore[index]
    visitor = await stack.visitor()
    assert (await offered(stack, visitor))["creditsLeft"] == 0
    assert (await offered(stack, visitor, use=True))["code"] == "SIGN_IN_REQUIRED"
    other = stack.patient(str(stack.practice["patients"][1]["id"]))
    assert (await offered(stack, other))["creditsLeft"] == 0
    assert (await offered(stack, other, use=True))["code"] == "NO_CREDIT_LEFT"


@pytest.mark.parametrize("visit", [VISIT, "Follow-up Visit"], ids=["priced", "of plans only"])
async def test_the_last_credit_books_one_visit_without_card_charge_or_invoice(
    stack: Stack, visit: str
) -> None:
    patient_id, app = patient_of(stack)
    await give(stack, patient_id, 1, visit)
    checkout_id = await app.own_checkout((await stack.slot(visit))["id"], useCredit=True)
    key = str(uuid4())
    confirmed = await app.confirm(checkout_id, key=key)
    assert confirmed["checkout"]["status"] == "CONFIRMED"
    assert await app.confirm(checkout_id, key=key) == confirmed, "a replay uses no second credit"
    made = await stack.made()
    assert [each["credit_was_used"] for each in made["appointments"]] == [True]
    assert made["charges"] == made["requested_payments"] == []
    assert await left(stack, patient_id, visit) == 0
    hold_id = await app.held((await stack.slot(visit, ahead=4))["id"])
    refused = await app.do(documents.START, holdId=hold_id, useCredit=True)
    assert (refused["code"], refused["retryable"]) == ("NO_CREDIT_LEFT", False)


async def test_a_guest_signs_in_to_use_a_credit(stack: Stack) -> None:
    visitor = await stack.visitor()
    hold_id = await visitor.held((await stack.slot(VISIT))["id"])
    refused = await visitor.do(documents.START, holdId=hold_id, useCredit=True)
    assert refused["code"] == "SIGN_IN_REQUIRED"


async def test_a_practice_without_credits_offers_none(stack: Stack) -> None:
    patient_id, app = patient_of(stack)
    await give(stack, patient_id, 1)
    await set_rules(stack, use_client_credit_system=False)
    assert (await offered(stack, app))["creditsLeft"] == 0
    assert (await offered(stack, app, use=True))["code"] == "NO_CREDIT_LEFT"


@pytest.mark.parametrize("below_zero", [True, False])
async def test_two_visits_at_once_on_the_last_credit_are_one_and_nothing_goes_below_zero(
    stack: Stack, *, below_zero: bool
) -> None:
    await stack.emulator.control.switches(staff_book_below_zero=below_zero)
    patient_id, app = patient_of(stack)
    await give(stack, patient_id, 1)
    ids = [
        await app.own_checkout((await stack.slot(VISIT, ahead=ahead))["id"], useCredit=True)
        for ahead in (3, 4)
    ]
    results = await asyncio.gather(*(app.confirm(each) for each in ids))
    booked = [each for each in results if each["__typename"] == "ConfirmCheckoutSuccess"]
    (other,) = [each for each in results if each not in booked]
    assert len(booked) == 1
    assert other["code"] in {"NO_CREDIT_LEFT", "PAYMENT_IN_PROGRESS"}
    if other["code"] == "PAYMENT_IN_PROGRESS":
        (waiting,) = [each for each in ids if each != booked[0]["checkout"]["id"]]
        assert (await app.confirm(waiting))["code"] == "NO_CREDIT_LEFT"
    assert await left(stack, patient_id) == 0
    assert len(await stack.landed()) == 1


@pytest.mark.parametrize("below_zero", [True, False])
async def test_a_credit_that_staff_took_back_books_nothing(stack: Stack, *, below_zero: bool) -> None:
    await stack.emulator.control.switches(staff_book_below_zero=below_zero)
    patient_id, app = patient_of(stack)
    await give(stack, patient_id, 1)
    checkout_id = await app.own_checkout((await stack.slot(VISIT))["id"], useCredit=True)
    await give(stack, patient_id, 0)
    refused = await app.confirm(checkout_id)
    assert refused["code"] == "NO_CREDIT_LEFT"
    assert (await app.checkout(checkout_id))["endReason"] == "NO_CREDIT_LEFT"
    assert (await left(stack, patient_id), await stack.landed()) == (0, [])


@pytest.mark.parametrize("takes", [True, False])
async def test_a_visit_that_took_no_credit_is_undone(stack: Stack, *, takes: bool) -> None:
    await stack.emulator.control.switches(credit_taken_at_booking=takes)
    patient_id, app = patient_of(stack)
    await give(stack, patient_id, 1)
    checkout_id = await app.own_checkout((await stack.slot(VISIT))["id"], useCredit=True)
    await app.confirm(checkout_id)
    await stack.work()
    shown = await app.checkout(checkout_id)
    ended = (shown["status"], shown["endReason"])
    assert ended == (("CONFIRMED", None) if takes else ("CANCELLED", "NO_CREDIT_LEFT"))
    standing = [each for each in await stack.landed() if each["deleted_at"] is None]
    assert len(standing) == takes
    assert await left(stack, patient_id) == (0 if takes else 1)


@pytest.mark.parametrize("raised", [True, False])
async def test_an_invoice_beside_the_credit_is_on_the_attention_list(stack: Stack, *, raised: bool) -> None:
    await stack.emulator.control.switches(credit_visit_raises_invoice=raised)
    patient_id, app = patient_of(stack)
    await give(stack, patient_id, 1)
    checkout_id = await app.own_checkout((await stack.slot(VISIT))["id"], useCredit=True)
    assert (await app.confirm(checkout_id))["checkout"]["status"] == "CONFIRMED"
    operator = stack.patient("operator-1", kind=PrincipalKind.OPERATOR)
    rows = (await operator.ask(documents.LISTED))["operations"]["checkouts"]["nodes"]
    assert [row["attention"] for row in rows] == ([["open_invoice"]] if raised else [])


async def test_a_lost_answer_of_the_booking_uses_one_credit(stack: Stack) -> None:
    patient_id, app = patient_of(stack)
    await give(stack, patient_id, 2)
    checkout_id = await app.own_checkout((await stack.slot(VISIT))["id"], useCredit=True)
    await stack.fault("lost_answer", "Book")
    await app.confirm(checkout_id)
    await stack.work()
    assert (await app.checkout(checkout_id))["status"] == "CONFIRMED"
    assert await left(stack, patient_id) == 1
