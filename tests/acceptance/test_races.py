"""Many at once, and the same again: one slot, one charge, one visit."""

import asyncio
import uuid
from collections import Counter

import httpx2

from tests.acceptance import documents
from tests.acceptance.app import GUEST, App
from tests.plugins.stack import Stack, Stacks


async def outcomes(apps: list[App], slot_ids: list[str]) -> Counter[str]:
    """What comes of everybody holding at once."""
    held = await asyncio.gather(*(app.hold(slot_id) for app, slot_id in zip(apps, slot_ids, strict=True)))
    return Counter(result["__typename"] for result in held)


async def test_of_twenty_who_want_a_slot_one_has_it(stack: Stack) -> None:
    slot = await stack.slot()
    apps = [await stack.visitor() for _ in range(20)]
    assert await outcomes(apps, [slot["id"]] * 20) == {"HoldSlotSuccess": 1, "SlotTaken": 19}


async def test_of_overlapping_visits_of_different_kinds_one_is_held(stack: Stack) -> None:
    """Everything that shares one moment of the clinician's, at once."""
    app, moment = await stack.visitor(), (await stack.slot("Follow-up Visit", nth=1))["start"]
    overlapping = [
        slot
        for visit in ("Initial Visit", "Follow-up Visit", "Free Consultation", "Single Visit")
        for slot in await app.slots(
            stack.day(3), stack.day(3), visitTypeId=stack.visit(visit), clinicianIds=[stack.clinician(1)]
        )
        if slot["start"] <= moment < slot["end"]
    ]
    assert len({slot["visitTypeId"] for slot in overlapping}) == 4
    assert len({slot["start"] for slot in overlapping}) > 1
    apps = [await stack.visitor() for _ in overlapping]
    results = await outcomes(apps, [slot["id"] for slot in overlapping])
    assert results == {"HoldSlotSuccess": 1, "SlotTaken": len(overlapping) - 1}


async def test_two_gateways_sell_a_slot_once(stack: Stack, stacks: Stacks) -> None:
    other = await stacks.another(stack)
    slot = await stack.slot()
    apps = [await one.visitor() for one in (stack, other) for _ in range(5)]
    assert await outcomes(apps, [slot["id"]] * 10) == {"HoldSlotSuccess": 1, "SlotTaken": 9}


async def test_a_double_tap_with_two_keys_is_one_checkout_one_charge_one_visit(
    stack: Stack, stacks: Stacks
) -> None:
    """Through two gateways, at every step."""
    other = await stacks.another(stack)
    app = await stack.visitor()
    twin = App(http=other.http, headers=app.headers)
    slot = await stack.slot()
    holds = await asyncio.gather(app.hold(slot["id"]), twin.hold(slot["id"]))
    assert len({held["hold"]["id"] for held in holds}) == 1
    given = {"holdId": holds[0]["hold"]["id"], "planId": stack.plan("First Visit"), "guest": GUEST}
    started = await asyncio.gather(app.do(documents.START, **given), twin.do(documents.START, **given))
    assert started[0] == started[1]
    token, checkout_id = started[0]["guestToken"], started[0]["checkout"]["id"]
    confirmed = await asyncio.gather(
        app.bearer(token).confirm(checkout_id, cardToken="tok_visa_first"),
        twin.bearer(token).confirm(checkout_id, cardToken="tok_visa_second"),
    )
    assert [each["checkout"]["status"] for each in confirmed] == ["CONFIRMED", "CONFIRMED"]
    made = await stack.made()
    assert (len(made["charges"]), len(made["appointments"]), len(made["patients"])) == (1, 1, 1)


async def test_two_who_give_the_same_details_at_once_write_into_no_record_of_the_other(stack: Stack) -> None:
    """One person in two tabs, or two persons: who has not verified the email address gets a record of their own, and staff see both."""
    checkouts = [
        await (await stack.visitor()).guest_checkout((await stack.slot("Free Consultation"))["id"])
        for _ in range(2)
    ]
    answers = await asyncio.gather(*(guest.confirm(checkout_id) for guest, checkout_id in checkouts))
    assert [answer["checkout"]["status"] for answer in answers] == ["CONFIRMED", "CONFIRMED"]
    made = await stack.made()
    assert sorted(patient["email"] or "" for patient in made["patients"]) == ["", GUEST["email"]]
    assert {visit["user_id"] for visit in made["appointments"]} == {one["id"] for one in made["patients"]}


class TestTheSameKeyAgain:
    async def test_answers_the_same_and_reaches_nobody(self, stack: Stack) -> None:
        guest, checkout_id = await (await stack.visitor()).guest_checkout(
            (await stack.slot())["id"], planId=stack.plan("First Visit")
        )
        variables = {"input": {**guest.accepting(checkout_id), "cardToken": "tok_visa"}}
        first = await guest.post(documents.CONFIRM, variables, key="one-attempt")
        assert "Idempotent-Replayed" not in first.headers
        await stack.emulator.control.forget_requests()
        again = await guest.post(documents.CONFIRM, variables, key="one-attempt")
        assert again.headers["Idempotent-Replayed"] == "true"
        assert again.json() == first.json()
        assert await stack.upstream() == []

    async def test_at_the_same_time_charges_once(self, stack: Stack) -> None:
        guest, checkout_id = await (await stack.visitor()).guest_checkout(
            (await stack.slot())["id"], planId=stack.plan("First Visit")
        )
        variables = {"input": {**guest.accepting(checkout_id), "cardToken": "tok_visa"}}

        async def confirmed() -> httpx2.Response:
            answer = await guest.post(documents.CONFIRM, variables, key="one-attempt")
            # The first takes longer than one waits for it: come again when told to.
            while answer.status_code == 409:
                await asyncio.sleep(int(answer.headers["Retry-After"]))
                answer = await guest.post(documents.CONFIRM, variables, key="one-attempt")
            return answer

        answers = await asyncio.gather(*(confirmed() for _ in range(5)))
        assert {answer.status_code for answer in answers} == {200}
        assert len({answer.content for answer in answers}) == 1
        assert sum("Idempotent-Replayed" in answer.headers for answer in answers) == 4
        assert len((await stack.made())["charges"]) == 1

    async def test_with_other_arguments_is_refused(self, stack: Stack) -> None:
        app, key = await stack.visitor(), str(uuid.uuid4())
        slot = await stack.slot()
        await app.hold(slot["id"], key=key)
        await stack.emulator.control.forget_requests()
        other = {"input": {"slotId": slot["id"], "timeZone": "UTC"}}
        answer = await app.post(documents.HOLD, other, key=key)
        assert answer.status_code == 422
        assert answer.json()["errors"][0]["extensions"]["code"] == "IDEMPOTENCY_KEY_PARAMETER_MISMATCH"
        assert await stack.upstream() == []

    async def test_of_another_visitor_is_another_key(self, stack: Stack) -> None:
        slot = await stack.slot()
        assert (await (await stack.visitor()).hold(slot["id"], key="1"))["__typename"] == "HoldSlotSuccess"
        assert (await (await stack.visitor()).hold(slot["id"], key="1"))["__typename"] == "SlotTaken"


async def test_a_mutation_without_a_key_or_without_anybody_reaches_nobody(stack: Stack) -> None:
    slot = await stack.slot()
    app = await stack.visitor()
    variables = {"input": {"slotId": slot["id"], "timeZone": "UTC"}}
    await stack.emulator.control.forget_requests()
    keyless = await app.post(documents.HOLD, variables)
    assert keyless.status_code == 400
    assert keyless.json()["errors"][0]["extensions"]["code"] == "IDEMPOTENCY_KEY_REQUIRED"
    nobody = await App(http=stack.http).post(documents.HOLD, variables, key="1")
    assert nobody.status_code in {400, 401}
    assert "VISITOR" in nobody.json()["errors"][0]["extensions"]["code"]
    assert await stack.upstream() == []
    assert (await app.hold(slot["id"]))["__typename"] == "HoldSlotSuccess"


async def test_a_visitor_holds_no_more_slots_by_starting_a_checkout_on_each(stack: Stack) -> None:
    """The hold is the guest's from then on, and goes on counting for whoever took it."""
    app = await stack.visitor()
    slots = [await stack.slot(clinician=clinician, ahead=ahead) for clinician in (1, 2) for ahead in (3, 4)]
    started = [await app.guest_checkout(slot["id"], planId=stack.plan("First Visit")) for slot in slots[:3]]
    refused = await app.hold(slots[3]["id"])
    assert refused["__typename"] == "HoldLimitReached"
    guest, checkout_id = started[0]
    await guest.do(documents.CANCEL, checkoutId=checkout_id)
    assert (await app.hold(slots[3]["id"]))["__typename"] == "HoldSlotSuccess"
