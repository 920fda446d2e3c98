"""A patient without an account: from a free slot to a paid and booked visit."""

import dataclasses
from datetime import datetime, timedelta

import pytest
from redis.asyncio import Redis

from integrations.database.migrations import migrate
from tests.acceptance import documents
from tests.acceptance.app import GUEST
from tests.plugins.emulator import API_VERSIONS
from tests.plugins.stack import Stack, Stacks

COUPONS = "query { offeringCoupons { nodes { code number_of_times_used } } }"


async def test_a_guest_is_declined_pays_with_another_card_and_has_the_visit(stack: Stack) -> None:
    await main_journey(stack)


@pytest.mark.postgres
@pytest.mark.redis
async def test_the_same_on_postgresql_and_redis(
    empty_postgres_url: str, redis_url: str, tenant: str, stacks: Stacks
) -> None:
    await migrate(empty_postgres_url)
    stack = await stacks.start(database_url=empty_postgres_url, redis_url=redis_url, tenant=tenant)
    await (await stack.visitor()).held((await stack.slot("Follow-up Visit", clinician=3))["id"])
    async with Redis.from_url(redis_url) as redis:
        assert [key async for key in redis.scan_iter(f"frontdoor:{tenant}:*")]
    await main_journey(stack)


@pytest.mark.parametrize(("version", "gone_remain"), API_VERSIONS)
async def test_the_same_on_each_version_of_healthies_api(
    stacks: Stacks, version: str, *, gone_remain: bool
) -> None:
    stack = await stacks.start(healthie_api_version=version)
    await stack.emulator.control.switches(gone_fields_remain=gone_remain)
    await main_journey(stack)
    requests = await stack.emulator.control.requests()
    assert {one["version"] for one in requests if one["operation"]} == {version}


async def main_journey(practice: Stack) -> None:
    """Every step of it, and what the practice and the bank know afterwards."""
    app = await practice.visitor()
    slot = await practice.slot()
    guest, checkout_id = await app.guest_checkout(
        slot["id"], planId=practice.plan("First Visit"), promoCode="WELCOME20"
    )
    declined = await guest.confirm(checkout_id, cardToken="tok_chargeCustomerFail")
    assert (declined["code"], declined["reason"]) == ("CARD_DECLINED", "TRY_ANOTHER_CARD")
    waiting = await guest.checkout(checkout_id)
    assert (waiting["status"], waiting["declined"]) == ("OPEN", "TRY_ANOTHER_CARD")
    assert datetime.fromisoformat(waiting["holdExpiresAt"]) > practice.clock.now()

    confirmed = (await guest.confirm(checkout_id, cardToken="tok_visa"))["checkout"]
    assert (confirmed["status"], confirmed["holdExpiresAt"]) == ("CONFIRMED", None)
    assert confirmed["appointment"]["clinician"]["id"] == practice.clinician(1)
    assert confirmed["appointment"]["start"] == slot["start"]

    made = await practice.made()
    (patient,) = made["patients"]
    assert (patient["email"], patient["first_name"]) == (GUEST["email"], GUEST["firstName"])
    (charge,) = made["charges"]
    assert (charge["amount"], charge["customer"], charge["refunded"]) == (11_920, patient["id"], 0)
    assert len(made["declines"]) == 1
    (visit,) = made["appointments"]
    assert visit["id"] == confirmed["appointment"]["id"]
    assert (visit["provider_id"], visit["user_id"]) == (practice.clinician(1), patient["id"])
    assert visit["appointment_type_id"] == practice.visit("Initial Visit")
    assert datetime.fromisoformat(visit["starts_at"]) == datetime.fromisoformat(slot["start"])
    (package,) = made["package_selections"]
    assert (package["offering_id"], package["user_id"]) == (practice.plan("First Visit"), patient["id"])
    assert made["recurring_payments"] == made["requested_payments"] == []
    uses = {
        one["code"]: one["number_of_times_used"]
        for one in (await practice.emulator.ask(COUPONS))["offeringCoupons"]["nodes"]
    }
    assert uses["WELCOME20"] == 1


async def test_another_gateway_goes_on_where_one_was_stopped(stack: Stack, stacks: Stacks) -> None:
    """Holds, checkouts, tokens and keys live in the database and the secret, in no process."""
    guest, checkout_id = await (await stack.visitor()).guest_checkout(
        (await stack.slot())["id"], planId=stack.plan("First Visit")
    )
    other = await stacks.another(stack)
    guest = dataclasses.replace(guest, http=other.http)
    assert (await guest.checkout(checkout_id))["status"] == "OPEN"
    assert (await guest.confirm(checkout_id, cardToken="tok_visa"))["checkout"]["status"] == "CONFIRMED"


DECLINES = {
    "tok_chargeDeclined": "TRY_ANOTHER_CARD",
    "tok_chargeDeclinedInsufficientFunds": "INSUFFICIENT_FUNDS",
    "tok_chargeDeclinedLostCard": "TRY_ANOTHER_CARD",
    "tok_chargeDeclinedStolenCard": "TRY_ANOTHER_CARD",
    "tok_chargeDeclinedExpiredCard": "CARD_EXPIRED",
    "tok_chargeDeclinedIncorrectCvc": "CHECK_CARD_DETAILS",
    "tok_chargeDeclinedProcessingError": "TRY_AGAIN",
    "tok_chargeDeclinedFraudulent": "TRY_ANOTHER_CARD",
    "tok_chargeDeclinedVelocityLimitExceeded": "CALL_YOUR_BANK",
    "tok_chargeCustomerFail": "TRY_ANOTHER_CARD",
    "tok_threeDSecure2Required": "AUTHENTICATION_REQUIRED",
    "tok_authenticationRequired": "AUTHENTICATION_REQUIRED",
}


async def test_every_documented_decline_has_a_reason_to_act_on_and_tells_no_thief(stack: Stack) -> None:
    """One checkout survives them all, and is paid at last."""
    guest, checkout_id = await (await stack.visitor()).guest_checkout(
        (await stack.slot())["id"], planId=stack.plan("First Visit")
    )
    told = {token: await guest.confirm(checkout_id, cardToken=token) for token in DECLINES}
    assert {token: result["reason"] for token, result in told.items()} == DECLINES
    lost, plain = told["tok_chargeDeclinedLostCard"], told["tok_chargeDeclined"]
    assert lost == told["tok_chargeDeclinedStolenCard"] == plain
    assert all(result["retryable"] for result in told.values())
    assert not (await stack.made())["charges"]
    assert (await guest.confirm(checkout_id, cardToken="tok_visa"))["__typename"] == "ConfirmCheckoutSuccess"
    assert len((await stack.made())["charges"]) == 1


async def test_a_free_consultation_is_booked_without_any_payment(stack: Stack) -> None:
    guest, checkout_id = await (await stack.visitor()).guest_checkout(
        (await stack.slot("Free Consultation"))["id"]
    )
    confirmed = await guest.confirm(checkout_id)
    assert confirmed["checkout"]["appointment"]["visitTypeId"] == stack.visit("Free Consultation")
    made = await stack.made()
    assert len(made["appointments"]) == 1
    assert made["charges"] == made["billing_items"] == made["cards"] == []


async def test_a_single_visit_charges_its_own_price(stack: Stack) -> None:
    guest, checkout_id = await (await stack.visitor()).guest_checkout(
        (await stack.slot("Single Visit"))["id"]
    )
    assert (await guest.confirm(checkout_id))["code"] == "CARD_REQUIRED"
    assert (await guest.confirm(checkout_id, cardToken="tok_visa"))["checkout"]["status"] == "CONFIRMED"
    made = await stack.made()
    assert [charge["amount"] for charge in made["charges"]] == [12_000]
    assert len(made["appointments"]) == 1


async def test_a_recurring_plan_begins_what_was_quoted_and_nothing_else(stack: Stack) -> None:
    guest, checkout_id = await (await stack.visitor()).guest_checkout(
        (await stack.slot())["id"], planId=stack.plan("Monthly Care"), acceptRecurrence=True
    )
    assert (await guest.confirm(checkout_id, cardToken="tok_visa"))["checkout"]["status"] == "CONFIRMED"
    made = await stack.made()
    assert [charge["amount"] for charge in made["charges"]] == [14_900]
    (series,) = made["recurring_payments"]
    assert (series["amount"], series["billing_frequency"]) == (9_900, "Monthly")
    assert not series["is_canceled"]


async def test_a_visit_in_person_is_booked_at_its_place(stack: Stack) -> None:
    place = next(id_ for name, id_ in stack.practice["locations"].items() if name.startswith("1 "))
    slot = await stack.slot(contactType="IN_PERSON", locationId=place)
    guest, checkout_id = await (await stack.visitor()).guest_checkout(
        slot["id"], planId=stack.plan("First Visit")
    )
    booked = (await guest.confirm(checkout_id, cardToken="tok_visa"))["checkout"]["appointment"]
    assert (booked["contactType"], booked["locationId"]) == ("IN_PERSON", place)
    (visit,) = (await stack.made())["appointments"]
    assert visit["appointment_location_id"] == place


async def test_the_last_place_of_a_plan_is_sold_once(stack: Stack) -> None:
    buyers = []
    for number in range(2):
        slot = await stack.slot("Follow-up Visit", nth=number)
        guest = {**GUEST, "email": f"sample.guest{number}@example.com"}
        app = await stack.visitor()
        buyers.append(await app.guest_checkout(slot["id"], planId=stack.plan("Early Bird Plan"), guest=guest))
    (first, paid), (second, late) = buyers
    assert (await first.confirm(paid, cardToken="tok_visa"))["checkout"]["status"] == "CONFIRMED"
    refused = await second.confirm(late, cardToken="tok_visa")
    assert refused["code"] == "TERMS_CHANGED"
    assert len((await stack.made())["charges"]) == 1


class TestHolds:
    async def test_last_as_long_as_they_say_and_can_be_extended_twice(self, stack: Stack) -> None:
        app = await stack.visitor()
        hold_id = await app.held((await stack.slot())["id"])
        await stack.pass_time(timedelta(minutes=4))
        longer = (await app.do(documents.EXTEND, holdId=hold_id))["hold"]
        assert longer["extensions"] == 1
        left = datetime.fromisoformat(longer["expiresAt"]) - stack.clock.now()
        assert timedelta(minutes=4, seconds=50) < left <= timedelta(minutes=5)
        await stack.pass_time(timedelta(minutes=4))
        await app.do(documents.EXTEND, holdId=hold_id)
        await stack.pass_time(timedelta(minutes=4))
        assert (await app.do(documents.EXTEND, holdId=hold_id))["code"] == "HOLD_EXTENSIONS_USED_UP"

    async def test_that_ran_out_give_the_slot_back_and_take_no_payment(self, stack: Stack) -> None:
        slot = await stack.slot()
        guest, checkout_id = await (await stack.visitor()).guest_checkout(
            slot["id"], planId=stack.plan("First Visit")
        )
        await stack.pass_time(timedelta(minutes=5))
        assert (await stack.slot())["id"] == slot["id"]
        expired = await guest.confirm(checkout_id, cardToken="tok_visa")
        assert expired["code"] == "HOLD_EXPIRED"
        made = await stack.made()
        assert made["charges"] == made["cards"] == made["patients"] == []
        assert (await guest.checkout(checkout_id))["status"] == "EXPIRED"

    async def test_that_were_released_are_free_for_others(self, stack: Stack) -> None:
        app, slot = await stack.visitor(), await stack.slot()
        hold_id = await app.held(slot["id"])
        assert (await app.do(documents.RELEASE, holdId=hold_id))["holdId"] == hold_id
        await (await stack.visitor()).held(slot["id"])

    async def test_under_a_checkout_are_extended_but_not_released_by_the_guest(self, stack: Stack) -> None:
        app = await stack.visitor()
        hold_id = await app.held((await stack.slot("Free Consultation"))["id"])
        started = await app.do(documents.START, holdId=hold_id, guest=GUEST)
        guest, checkout_id = app.bearer(started["guestToken"]), started["checkout"]["id"]
        assert (await guest.do(documents.RELEASE, holdId=hold_id))["code"] == "HOLD_IN_CHECKOUT"
        await stack.pass_time(timedelta(minutes=3))
        longer = (await guest.do(documents.EXTEND, holdId=hold_id))["hold"]
        assert (await guest.checkout(checkout_id))["holdExpiresAt"] == longer["expiresAt"]
        assert longer["expiresAt"] > started["checkout"]["holdExpiresAt"]

    async def test_are_bounded_so_that_nobody_locks_up_a_day(self, stack: Stack) -> None:
        app = await stack.visitor()
        for _ in range(3):
            await app.held((await stack.slot("Follow-up Visit"))["id"])
        assert (await app.hold((await stack.slot("Follow-up Visit"))["id"]))["code"] == "HOLD_LIMIT_REACHED"
