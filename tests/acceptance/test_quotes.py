"""What a patient is told a visit costs, and that they are held to nothing else."""

import pytest

from tests.acceptance import documents
from tests.acceptance.app import GUEST, Json
from tests.plugins.stack import Stack


async def quoted(
    stack: Stack, plan: str | None = None, visit: str | None = None, code: str | None = None
) -> Json:
    """Answer the result of the quote."""
    asked = {
        "planId": stack.plan(plan) if plan else None,
        "visitTypeId": stack.visit(visit) if visit else None,
        "promoCode": code,
    }
    return (await (await stack.visitor()).ask(documents.QUOTE, asked))["quote"]


@pytest.mark.parametrize(
    ("plan", "code", "amounts"),
    [
        ("First Visit", None, ("149.00", "0.00", "149.00")),
        ("First Visit", "WELCOME20", ("149.00", "29.80", "119.20")),
        ("First Visit", " welcome20 ", ("149.00", "29.80", "119.20")),
        ("First Visit", "MINUS25", ("149.00", "25.00", "124.00")),
        ("Starter Plan", "WELCOME20", ("399.00", "79.80", "319.20")),
        ("Monthly Care", "MONTHLY10", ("149.00", "14.90", "134.10")),
    ],
)
async def test_a_plan_costs_its_price_less_the_promo_code(
    stack: Stack, plan: str, code: str | None, amounts: tuple[str, str, str]
) -> None:
    quote = (await quoted(stack, plan, "Initial Visit", code))["quote"]
    assert (quote["listPrice"]["amount"], quote["discount"]["amount"], quote["dueToday"]["amount"]) == amounts
    assert quote["listPrice"]["currency"] == "USD"


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("EXPIRED10", "This promo code has expired."),
        ("USEDUP50", "This promo code has reached its usage limit."),
        ("NOSUCHCODE", "This promo code is not valid."),
        ("MONTHLY10", "This promo code does not apply to this package."),
    ],
)
async def test_a_code_that_does_not_apply_says_why_in_the_practices_words(
    stack: Stack, code: str, reason: str
) -> None:
    result = await quoted(stack, "First Visit", "Initial Visit", code)
    assert (result["code"], result["reason"]) == ("PROMO_INVALID", reason)
    app = await stack.visitor()
    hold_id = await app.held((await stack.slot())["id"])
    given: Json = {"holdId": hold_id, "planId": stack.plan("First Visit"), "guest": GUEST}
    assert (await app.do(documents.START, **given, promoCode=code))["reason"] == reason
    assert (await app.do(documents.START, **given))["__typename"] == "StartCheckoutSuccess"


async def test_a_recurring_plan_says_so_and_is_not_sold_unless_accepted(stack: Stack) -> None:
    quote = (await quoted(stack, "Monthly Care", "Initial Visit"))["quote"]
    assert quote["recurrence"] == {
        "frequency": "MONTHLY",
        "amount": {"amount": "99.00"},
        "payments": None,
        "discount": None,
    }
    assert quote["dueToday"]["amount"] == "149.00"
    app = await stack.visitor()
    hold_id = await app.held((await stack.slot())["id"])
    given: Json = {"holdId": hold_id, "planId": stack.plan("Monthly Care"), "guest": GUEST}
    assert (await app.do(documents.START, **given))["code"] == "RECURRENCE_NOT_ACCEPTED"
    accepted = await app.do(documents.START, **given, acceptRecurrence=True)
    assert accepted["checkout"]["quote"]["recurrence"]["frequency"] == "MONTHLY"


@pytest.mark.parametrize(
    ("code", "discount"),
    [
        ("MONTHLY10", {"amount": {"amount": "89.10"}, "payments": 3, "certain": True}),
        ("WELCOME20", {"amount": {"amount": "79.20"}, "payments": None, "certain": False}),
        (None, None),
    ],
)
async def test_a_code_that_lasts_is_in_the_terms_of_later_payments(
    stack: Stack, code: str | None, discount: Json
) -> None:
    quote = (await quoted(stack, "Monthly Care", "Initial Visit", code))["quote"]
    assert quote["recurrence"]["amount"]["amount"] == "99.00"
    assert quote["recurrence"]["discount"] == discount


@pytest.mark.parametrize(
    ("plan", "visit", "code"),
    [
        ("Founders' Plan", "Follow-up Visit", "PLAN_SOLD_OUT"),
        ("First Visit", "Follow-up Visit", "PLAN_DOES_NOT_COVER_VISIT"),
        (None, "Initial Visit", "PLAN_REQUIRED"),
    ],
)
async def test_what_cannot_be_bought_is_refused_in_the_quote_and_at_the_start(
    stack: Stack, plan: str | None, visit: str, code: str
) -> None:
    assert (await quoted(stack, plan, visit))["code"] == code
    app = await stack.visitor()
    hold_id = await app.held((await stack.slot(visit))["id"])
    given: Json = {"planId": stack.plan(plan)} if plan else {}
    assert (await app.do(documents.START, holdId=hold_id, guest=GUEST, **given))["code"] == code


@pytest.mark.parametrize(("visit", "due"), [("Free Consultation", "0.00"), ("Single Visit", "120.00")])
async def test_a_single_visit_costs_its_own_price(stack: Stack, visit: str, due: str) -> None:
    assert (await quoted(stack, visit=visit))["quote"]["dueToday"] == {"amount": due}


async def test_a_hidden_plan_cannot_be_bought(stack: Stack) -> None:
    app = await stack.visitor()
    error = await app.error(documents.QUOTE, {"planId": stack.plan("Staff Plan")})
    assert error["extensions"] == {"code": "BAD_USER_INPUT", "field": "planId"}


async def test_what_was_quoted_is_what_is_charged(stack: Stack) -> None:
    app = await stack.visitor()
    guest, checkout_id = await app.guest_checkout(
        (await stack.slot())["id"], planId=stack.plan("First Visit"), promoCode="MINUS25"
    )
    assert (await guest.checkout(checkout_id))["quote"]["dueToday"]["amount"] == "124.00"
    assert (await guest.confirm(checkout_id, cardToken="tok_visa"))["__typename"] == "ConfirmCheckoutSuccess"
    assert [charge["amount"] for charge in (await stack.made())["charges"]] == [12_400]


async def test_a_patient_pays_what_they_saw_and_not_what_another_tab_has_made_of_it(stack: Stack) -> None:
    app, slot = await stack.visitor(), await stack.slot()
    hold = await app.held(slot["id"])
    plan: Json = {"holdId": hold, "planId": stack.plan("First Visit"), "guest": GUEST}
    started = await app.do(documents.START, **plan, promoCode="MINUS25")
    shown, guest = started["checkout"], app.bearer(started["guestToken"])
    accepted = guest.accepting(shown["id"])
    await app.do(documents.START, **plan)  # in another tab, without the code
    refused = await guest.do(documents.CONFIRM, **accepted, cardToken="tok_visa")
    assert (refused["code"], refused["retryable"]) == ("QUOTE_CHANGED", False)
    due = [quote["dueToday"]["amount"] for quote in (shown["quote"], refused["quote"])]
    assert due == ["124.00", "149.00"]
    assert (await stack.made())["charges"] == []
    looked = await guest.checkout(shown["id"])
    assert (looked["status"], looked["quote"]) == ("OPEN", refused["quote"])
    assert looked["holdExpiresAt"] is not None
    paid = await guest.do(
        documents.CONFIRM, **{**accepted, "quoteId": refused["quote"]["id"]}, cardToken="tok_visa"
    )
    assert paid["checkout"]["status"] == "CONFIRMED"
    assert [charge["amount"] for charge in (await stack.made())["charges"]] == [14_900]
