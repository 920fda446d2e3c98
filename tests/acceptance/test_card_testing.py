"""Stolen cards are tried at checkouts: how many come through is counted at the bank, and an ordinary patient is not in the way."""

import asyncio
import dataclasses
from datetime import timedelta

import pytest

from booking.operations.model import AttentionReason
from gateway.runtime.composition import compose
from tests.acceptance import documents
from tests.acceptance.app import GUEST, App, Json
from tests.plugins.stack import Stack, Stacks

# As they are by default: a visitor or checkout, a network, all guests together.
CALLER, NETWORK, GUESTS = 5, 20, 60

BAD = "tok_chargeCustomerFail"  # can be attached, and is then declined by the bank
ADDRESS = "X-Forwarded-For"


@pytest.fixture
async def stack(stacks: Stacks) -> Stack:
    return await stacks.start(
        cards_per_caller=CALLER,
        cards_per_network=NETWORK,
        cards_of_guests=GUESTS,
        client_address_header=ADDRESS,
        holds_per_client=1000,
    )


async def visitor(stack: Stack, address: str | None = None) -> App:
    app = await stack.visitor()
    return dataclasses.replace(app, headers={**app.headers, **({ADDRESS: address} if address else {})})


async def checkout_of(stack: Stack, app: App, number: int) -> tuple[App, str]:
    """A guest's checkout; those of different numbers are different people's, on different days or with different clinicians."""
    slot = await stack.slot(clinician=1 + number % 3, ahead=1 + number // 3)
    guest = {**GUEST, "email": f"sample.guest.{number}@example.com"}
    return await app.guest_checkout(slot["id"], guest=guest, planId=stack.plan("First Visit"))


async def declined(stack: Stack) -> int:
    """How many cards the bank was asked to charge in vain."""
    return len((await stack.made())["declines"])


async def alerts(stack: Stack) -> list[str]:
    async with compose(stack.settings, clock=stack.clock) as system, system.units() as unit:
        waiting = await unit.alerts.due(stack.clock.now() + timedelta(minutes=1), limit=50)
        return [one.subject for one in waiting if one.reason == AttentionReason.CARD_TESTING]


class TestAPatient:
    async def test_with_three_bad_cards_and_a_good_one_gets_through(self, stack: Stack) -> None:
        guest, checkout_id = await checkout_of(stack, await visitor(stack), 0)
        for _ in range(3):
            assert (await guest.confirm(checkout_id, cardToken=BAD))["code"] == "CARD_DECLINED"
        paid = await guest.confirm(checkout_id, cardToken="tok_visa")
        assert paid["checkout"]["status"] == "CONFIRMED"
        assert await alerts(stack) == []

    async def test_who_pays_again_and_again_is_never_stopped(self, stack: Stack) -> None:
        app = await visitor(stack, "203.0.113.9")
        for number in range(CALLER + 2):
            guest, checkout_id = await checkout_of(stack, app, number)
            paid = await guest.confirm(checkout_id, cardToken="tok_visa")
            assert paid["__typename"] == "ConfirmCheckoutSuccess", paid

    async def test_whose_card_could_not_be_sent_is_not_counted_however_often(self, stack: Stack) -> None:
        guest, checkout_id = await checkout_of(stack, await visitor(stack), 0)
        await stack.fault("too_many_requests", "AttachCard")  # nothing more is sent on that key for a while
        for number in range(CALLER + 2):
            confirm: Json = {**guest.accepting(checkout_id), "cardToken": BAD}
            error = await guest.error(documents.CONFIRM, {"input": confirm}, key=f"attempt-{number}")
            assert error["extensions"] == {"code": "UPSTREAM_UNAVAILABLE", "retryable": True}
        assert (await guest.checkout(checkout_id))["status"] == "OPEN"
        assert await alerts(stack) == []

    async def test_is_told_when_to_come_again_keeps_the_checkout_and_may_then(self, stack: Stack) -> None:
        guest, checkout_id = await checkout_of(stack, await visitor(stack), 0)
        for _ in range(CALLER):
            await guest.confirm(checkout_id, cardToken=BAD)
        refused = await self.ask_for_more(guest, checkout_id, key="one-attempt")
        assert (refused["code"], refused["retryable"]) == ("TOO_MANY_ATTEMPTS", True)
        assert 0 < refused["retryAfter"] <= 3600
        assert (await guest.checkout(checkout_id))["status"] == "OPEN"
        assert await self.ask_for_more(guest, checkout_id, key="one-attempt") == refused  # a replay
        await stack.pass_time(timedelta(seconds=refused["retryAfter"]))
        later, later_id = await checkout_of(stack, await visitor(stack), 1)
        assert (await later.confirm(later_id, cardToken="tok_visa"))["checkout"]["status"] == "CONFIRMED"

    @staticmethod
    async def ask_for_more(guest: App, checkout_id: str, *, key: str) -> Json:
        document = documents.CONFIRM.replace(
            "... on CardDeclined", "... on TooManyAttempts { retryAfter } ... on CardDeclined"
        )
        return await guest.do(document, key=key, **guest.accepting(checkout_id), cardToken="tok_visa")

    async def test_who_has_signed_in_pays_while_all_guests_are_stopped(self, stacks: Stacks) -> None:
        stack = await stacks.start(cards_per_caller=CALLER, cards_of_guests=CALLER)
        guest, checkout_id = await checkout_of(stack, await visitor(stack), 0)
        for _ in range(CALLER):
            await guest.confirm(checkout_id, cardToken=BAD)
        other, other_id = await checkout_of(stack, await visitor(stack), 1)
        assert (await other.confirm(other_id, cardToken="tok_visa"))["code"] == "TOO_MANY_ATTEMPTS"
        patient = stack.patient(str(stack.practice["patients"][0]["id"]))
        mine = await patient.own_checkout(
            (await stack.slot(ahead=20))["id"], planId=stack.plan("First Visit")
        )
        assert (await patient.confirm(mine, cardToken="tok_visa"))["checkout"]["status"] == "CONFIRMED"


class TestATester:
    async def test_with_many_cards_at_one_checkout_is_stopped_and_nothing_more_is_sent(
        self, stack: Stack
    ) -> None:
        guest, checkout_id = await checkout_of(stack, await visitor(stack), 0)
        told = [(await guest.confirm(checkout_id, cardToken=BAD))["code"] for _ in range(CALLER)]
        assert told == ["CARD_DECLINED"] * CALLER
        await stack.emulator.control.forget_requests()
        for _ in range(10):
            assert (await guest.confirm(checkout_id, cardToken="tok_visa"))["code"] == "TOO_MANY_ATTEMPTS"
        assert await stack.upstream() == []
        assert await declined(stack) == CALLER
        assert len(await alerts(stack)) == 1  # however often; its subject is the hour

    async def test_who_sends_the_same_attempt_again_has_tried_one_card(self, stack: Stack) -> None:
        guest, checkout_id = await checkout_of(stack, await visitor(stack), 0)
        for _ in range(10):
            again = await guest.confirm(checkout_id, key="one-attempt", cardToken=BAD)
            assert again["code"] == "CARD_DECLINED"
        told = [(await guest.confirm(checkout_id, cardToken=BAD))["code"] for _ in range(CALLER)]
        assert told == ["CARD_DECLINED"] * (CALLER - 1) + ["TOO_MANY_ATTEMPTS"]
        assert await declined(stack) == CALLER

    @pytest.mark.redis
    async def test_at_two_gateways_by_turns_gets_no_more_through(
        self, stacks: Stacks, redis_url: str, tenant: str
    ) -> None:
        stack = await stacks.start(cards_per_caller=CALLER, redis_url=redis_url, tenant=tenant)
        guest, checkout_id = await checkout_of(stack, await visitor(stack), 0)
        there = dataclasses.replace(guest, http=(await stacks.another(stack)).http)
        told = [(await by.confirm(checkout_id, cardToken=BAD))["code"] for by in (guest, there) * CALLER]
        assert told == ["CARD_DECLINED"] * CALLER + ["TOO_MANY_ATTEMPTS"] * CALLER
        assert await declined(stack) == CALLER

    async def test_with_many_checkouts_is_stopped_as_a_visitor(self, stack: Stack) -> None:
        app = await visitor(stack)
        told = []
        for number in range(3):
            guest, checkout_id = await checkout_of(stack, app, number)
            told += [(await guest.confirm(checkout_id, cardToken=BAD))["code"] for _ in range(3)]
            await guest.do(documents.CANCEL, checkoutId=checkout_id)
        assert told == ["CARD_DECLINED"] * CALLER + ["TOO_MANY_ATTEMPTS"] * 4
        assert await declined(stack) == CALLER

    async def test_with_many_visitors_is_stopped_as_a_network_and_at_once_as_well(self, stack: Stack) -> None:
        async def tries(number: int) -> list[str]:
            app = await visitor(stack, "203.0.113.9")
            guest, checkout_id = await checkout_of(stack, app, number)
            return [(await guest.confirm(checkout_id, cardToken=BAD))["code"] for _ in range(4)]

        told = [
            code for codes in await asyncio.gather(*(tries(number) for number in range(7))) for code in codes
        ]
        assert sorted(told) == ["CARD_DECLINED"] * NETWORK + ["TOO_MANY_ATTEMPTS"] * 8
        assert await declined(stack) == NETWORK
        guest, checkout_id = await checkout_of(stack, await visitor(stack, "198.51.100.7"), 8)
        assert (await guest.confirm(checkout_id, cardToken="tok_visa"))["checkout"]["status"] == "CONFIRMED"

    async def test_with_many_addresses_is_stopped_with_all_guests_after_the_practice_was_told(
        self, stacks: Stacks
    ) -> None:
        stack = await stacks.start(
            cards_per_caller=CALLER,
            cards_per_network=NETWORK,
            cards_of_guests=10,
            client_address_header=ADDRESS,
        )
        told = []
        for number in range(6):
            guest, checkout_id = await checkout_of(stack, await visitor(stack, f"203.0.113.{number}"), number)
            told += [(await guest.confirm(checkout_id, cardToken=BAD))["code"] for _ in range(2)]
            if number == 1:
                assert await alerts(stack) == []
            if number == 2:  # halfway
                assert len(await alerts(stack)) == 1
        assert told == ["CARD_DECLINED"] * 10 + ["TOO_MANY_ATTEMPTS"] * 2
        assert await declined(stack) == 10


class TestPromoCodes:
    async def test_who_guesses_is_stopped_and_nothing_more_is_asked(self, stacks: Stacks) -> None:
        stack = await stacks.start(rate_factor=1)
        app = await visitor(stack)
        plan = stack.plan("First Visit")
        for number in range(10):
            guess = {"planId": plan, "promoCode": f"GUESS{number}"}
            assert (await app.ask(documents.QUOTE, guess))["quote"]["__typename"] == "PromoInvalid"
        await stack.emulator.control.forget_requests()
        good = {"planId": plan, "promoCode": "WELCOME20"}
        assert (await app.ask(documents.QUOTE, good))["quote"]["code"] == "TOO_MANY_ATTEMPTS"
        hold = await app.held((await stack.slot())["id"])
        started = await app.do(documents.START, holdId=hold, guest=GUEST, **good)
        assert started["code"] == "TOO_MANY_ATTEMPTS"
        assert not any("oupon" in name for name in await stack.upstream())
        assert (await app.ask(documents.QUOTE, {"planId": plan}))["quote"]["__typename"] == "QuoteSuccess"
        other = await visitor(stack)
        assert (await other.ask(documents.QUOTE, good))["quote"]["__typename"] == "QuoteSuccess"
