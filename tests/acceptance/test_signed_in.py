"""A patient with a token of their own, and what they and others may not reach."""

from datetime import timedelta

from booking.principals import PrincipalKind
from tests.acceptance import documents
from tests.acceptance.app import App, Json
from tests.plugins.stack import Stack, Stacks


def one(stack: Stack, number: int) -> tuple[str, App]:
    """A seeded patient's id and app; the first has a card on file, the second and third have visits."""
    patient_id = str(stack.practice["patients"][number - 1]["id"])
    return patient_id, stack.patient(patient_id)


async def me(app: App) -> Json:
    return (await app.ask(documents.ME))["me"]


async def test_a_card_on_file_pays(stack: Stack) -> None:
    patient_id, app = one(stack, 1)
    (card,) = (await me(app))["cards"]
    assert card["last4"] == "4242"
    checkout_id = await app.own_checkout((await stack.slot())["id"], planId=stack.plan("First Visit"))
    confirmed = await app.confirm(checkout_id, cardOnFileId=card["id"])
    assert confirmed["checkout"]["status"] == "CONFIRMED"
    made = await stack.made()
    assert [(charge["customer"], charge["amount"]) for charge in made["charges"]] == [(patient_id, 14_900)]
    assert [visit["user_id"] for visit in made["appointments"]] == [patient_id]
    assert made["patients"] == made["cards"] == []


async def test_somebody_elses_card_is_no_card(stack: Stack) -> None:
    _, owner = one(stack, 1)
    (card,) = (await me(owner))["cards"]
    _, app = one(stack, 2)
    checkout_id = await app.own_checkout((await stack.slot())["id"], planId=stack.plan("First Visit"))
    foreign = await app.confirm(checkout_id, cardOnFileId=card["id"])
    assert foreign == await app.confirm(checkout_id, cardOnFileId="999999999")
    assert foreign["code"] == "CARD_REQUIRED"
    assert not (await stack.made())["charges"]


async def test_me_shows_ones_own_visits_and_nobody_elses(stack: Stack) -> None:
    shown = {}
    for number in (1, 2, 3):
        patient_id, app = one(stack, number)
        seen = await me(app)
        assert seen["id"] == patient_id
        shown[number] = {visit["id"] for visit in seen["appointments"]["nodes"]}
    assert (len(shown[1]), len(shown[2]), len(shown[3])) == (0, 1, 2)
    assert not shown[2] & shown[3]


async def test_a_visit_just_booked_is_among_ones_own(stack: Stack) -> None:
    _, app = one(stack, 1)
    checkout_id = await app.own_checkout((await stack.slot("Free Consultation"))["id"])
    booked = (await app.confirm(checkout_id))["checkout"]["appointment"]
    assert [visit["id"] for visit in (await me(app))["appointments"]["nodes"]] == [booked["id"]]


async def test_nobody_else_is_me(stack: Stack) -> None:
    assert await me(await stack.visitor()) is None
    assert await me(stack.patient(stack.clinician(1), kind=PrincipalKind.STAFF)) is None
    guest, checkout_id = await (await stack.visitor()).guest_checkout(
        (await stack.slot("Free Consultation"))["id"]
    )
    await guest.confirm(checkout_id)
    assert await me(guest) is None


async def test_who_signs_in_after_holding_keeps_the_hold(stack: Stack) -> None:
    visitor = await stack.visitor()
    hold_id = await visitor.held((await stack.slot("Free Consultation"))["id"])
    patient_id, patient = one(stack, 1)
    assert (await patient.do(documents.START, holdId=hold_id))["code"] == "HOLD_EXPIRED"
    app = visitor.bearer(patient.headers["Authorization"].removeprefix("Bearer "))
    started = await app.do(documents.START, holdId=hold_id)
    assert started["guestToken"] is None
    await app.confirm(started["checkout"]["id"])
    assert [visit["user_id"] for visit in (await stack.made())["appointments"]] == [patient_id]


async def test_only_one_payment_of_a_patient_at_a_time(stack: Stack) -> None:
    """The first is charged slowly; the second waits for its patient to come back, and then pays."""
    _, app = one(stack, 1)
    first = await app.own_checkout((await stack.slot())["id"], planId=stack.plan("First Visit"))
    second = await app.own_checkout((await stack.slot())["id"], planId=stack.plan("Starter Plan"))
    await stack.fault("lost_answer", "Charge")
    assert (await app.confirm(first, cardToken="tok_visa"))["__typename"] == "CheckoutProcessing"
    assert (await app.confirm(second, cardToken="tok_visa"))["code"] == "PAYMENT_IN_PROGRESS"
    await stack.work()
    assert (await app.checkout(first))["status"] == "CONFIRMED"
    assert (await app.confirm(second, cardToken="tok_visa"))["checkout"]["status"] == "CONFIRMED"
    assert sorted(charge["amount"] for charge in (await stack.made())["charges"]) == [14_900, 39_900]


async def test_a_token_that_is_over_or_forged_is_refused(stack: Stack) -> None:
    _, app = one(stack, 1)
    assert await me(app) is not None
    stack.clock.advance(timedelta(hours=1, seconds=1))
    for refused in (app, stack.patient("1").bearer("not.a.token"), App(http=stack.http).bearer("x" * 9_000)):
        answer = await refused.post(documents.ME)
        assert answer.status_code == 401
        assert answer.json()["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED"


async def test_development_tokens_open_nothing_in_production(stacks: Stacks) -> None:
    stack = await stacks.start(environment="production")
    _, app = one(stack, 1)
    assert (await app.post(documents.ME)).status_code == 401
