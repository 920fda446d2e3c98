"""Visits that cost nothing are free to take, and so they are counted: what guests get, what the practice is alerted to, what it may ask for."""

import asyncio
import dataclasses
from datetime import timedelta

import pytest

from booking.operations.model import AttentionReason
from gateway.runtime.composition import compose
from tests.acceptance import documents
from tests.acceptance.app import GUEST, App, Json
from tests.plugins.stack import Stack, Stacks

# As they are by default: a network, a clinician's day, all guests together.
NETWORK, DAY, GUESTS = 5, 8, 60

ADDRESS = "X-Forwarded-For"
FREE = "Free Consultation"


@pytest.fixture
async def stack(stacks: Stacks) -> Stack:
    return await stacks.start(
        unpaid_per_network=NETWORK,
        unpaid_per_clinician_day=DAY,
        unpaid_of_guests=GUESTS,
        client_address_header=ADDRESS,
        holds_per_client=1000,
    )


async def booked(stack: Stack, number: int, *, address: str | None = None, ahead: int = 3) -> Json:
    """A guest of their own name books a free visit; answers the result."""
    app = await stack.visitor()
    app = dataclasses.replace(app, headers={**app.headers, **({ADDRESS: address} if address else {})})
    guest, checkout_id = await started(stack, app, number, ahead=ahead)
    return await guest.confirm(checkout_id)


async def started(stack: Stack, app: App, number: int, *, ahead: int = 3) -> tuple[App, str]:
    slot = await stack.slot(FREE, clinician=1 + number % 3, ahead=ahead, nth=number // 3)
    guest = {**GUEST, "email": f"sample.guest.{number}@example.com"}
    return await app.guest_checkout(slot["id"], guest=guest)


def codes(answers: list[Json]) -> list[str]:
    return [answer.get("code", "BOOKED") for answer in answers]


async def alerts(stack: Stack) -> list[str]:
    async with compose(stack.settings, clock=stack.clock) as system, system.units() as unit:
        waiting = await unit.alerts.due(stack.clock.now() + timedelta(minutes=1), limit=50)
        return [one.subject for one in waiting if one.reason == AttentionReason.UNPAID_VISITS]


class TestSomebodyWhoFillsTheCalendars:
    async def test_from_one_address_gets_a_few_and_makes_as_many_records(self, stack: Stack) -> None:
        told = codes([await booked(stack, n, address="203.0.113.9") for n in range(NETWORK + 3)])
        assert told == ["BOOKED"] * NETWORK + ["UNPAID_VISITS_USED_UP"] * 3
        made = await stack.made()
        assert (len(made["appointments"]), len(made["patients"])) == (NETWORK, NETWORK)
        assert len(await alerts(stack)) == 1
        assert codes([await booked(stack, 9, address="198.51.100.7")]) == ["BOOKED"]

    async def test_at_once_gets_no_more(self, stack: Stack) -> None:
        told = await asyncio.gather(*(booked(stack, n, address="203.0.113.9") for n in range(NETWORK + 3)))
        assert sorted(codes(told)) == ["BOOKED"] * NETWORK + ["UNPAID_VISITS_USED_UP"] * 3

    async def test_with_an_ipv6_site_of_their_own_gets_as_many_as_three_networks(self, stack: Stack) -> None:
        told = [
            await booked(stack, n, address=f"2001:db8:1:{n}::1", ahead=3 + n // 9)
            for n in range(3 * NETWORK + 2)
        ]
        assert codes(told) == ["BOOKED"] * (3 * NETWORK) + ["UNPAID_VISITS_USED_UP"] * 2

    async def test_with_many_addresses_gets_a_part_of_each_clinicians_day(self, stacks: Stacks) -> None:
        stack = await stacks.start(
            unpaid_per_network=NETWORK, unpaid_per_clinician_day=2, unpaid_of_guests=GUESTS
        )
        told = codes([await booked(stack, n) for n in range(9)])
        assert told == ["BOOKED"] * 6 + ["UNPAID_VISITS_USED_UP"] * 3  # two with each of three clinicians

    async def test_is_refused_with_all_guests_after_the_practice_was_told(self, stacks: Stacks) -> None:
        stack = await stacks.start(
            unpaid_per_network=NETWORK, unpaid_per_clinician_day=DAY, unpaid_of_guests=4
        )
        told: list[str] = []
        for n in range(6):
            told += codes([await booked(stack, n)])
            if n in {0, 1}:
                assert len(await alerts(stack)) == n  # halfway
        assert told == ["BOOKED"] * 4 + ["UNPAID_VISITS_USED_UP"] * 2

    async def test_may_come_again_the_next_day_and_patients_go_on(self, stack: Stack) -> None:
        for n in range(NETWORK):
            await booked(stack, n, address="203.0.113.9")
        patient = stack.patient(str(stack.practice["patients"][0]["id"]))
        mine = await patient.own_checkout((await stack.slot(FREE, ahead=5))["id"])
        assert (await patient.confirm(mine))["checkout"]["status"] == "CONFIRMED"
        await stack.pass_time(timedelta(days=1))
        assert codes([await booked(stack, 8, address="203.0.113.9", ahead=7)]) == ["BOOKED"]


class TestWhatThePracticeMayAskFor:
    async def test_a_card_that_is_put_on_file_and_not_charged(self, stacks: Stacks) -> None:
        stack = await stacks.start(unpaid_visits="card")
        guest, checkout_id = await started(stack, await stack.visitor(), 0)
        assert (await guest.confirm(checkout_id))["code"] == "CARD_REQUIRED"
        paid = await guest.confirm(checkout_id, cardToken="tok_visa")
        assert paid["checkout"]["status"] == "CONFIRMED"
        made = await stack.made()
        assert (len(made["cards"]), made["charges"], len(made["appointments"])) == (1, [], 1)

    async def test_to_sign_in(self, stacks: Stacks) -> None:
        stack = await stacks.start(unpaid_visits="signed_in")
        app = await stack.visitor()
        hold = await app.held((await stack.slot(FREE))["id"])
        refused = await app.do(documents.START, holdId=hold, guest=GUEST)
        assert (refused["code"], refused["retryable"]) == ("SIGN_IN_REQUIRED", False)
        patient = stack.patient(str(stack.practice["patients"][0]["id"]))
        mine = await patient.own_checkout((await stack.slot(FREE, ahead=5))["id"])
        assert (await patient.confirm(mine))["checkout"]["status"] == "CONFIRMED"

    async def test_an_email_that_was_verified(self, stacks: Stacks) -> None:
        stack = await stacks.start(
            unpaid_visits="verified_email", smtp_url="smtps://mail.invalid", mail_from="practice@example.com"
        )
        guest, checkout_id = await started(stack, await stack.visitor(), 0)
        assert (await guest.confirm(checkout_id))["code"] == "EMAIL_VERIFICATION_REQUIRED"
        assert (await stack.made())["appointments"] == []
