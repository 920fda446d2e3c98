"""Every mutation once, through the whole API, on both databases."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select, text, update
from sqlalchemy.ext.asyncio import AsyncEngine

from booking.errors import OutcomeUnknown, UpstreamUnavailable
from integrations.database.idempotency import IdempotencyKeys
from integrations.database.tables.callers import idempotency_keys
from tests.doubles.booking_upstream import AnswerLost
from tests.doubles.booking_world import PLANNED, a_slot
from tests.integration.graphql_world import (
    CANCEL,
    CONFIRM,
    EXTEND,
    GUEST,
    HOLD,
    IN_FLIGHT,
    RELEASE,
    START,
    Answer,
    Api,
    api_on,
)

KEY = "one-attempt"


@pytest.fixture
async def api(engine: AsyncEngine) -> AsyncIterator[Api]:
    async with api_on(engine) as one:
        yield one


def replayed(answer: Answer) -> bool:
    return answer.http.headers.get("Idempotent-Replayed") == "true"


async def started(app: Api) -> tuple[str, Api]:
    hold = (await app.hold(a_slot().id)).data["hold"]
    begun = (await app.do(START, holdId=hold["id"], guest=GUEST)).data
    return begun["checkout"]["id"], app.bearer(begun["guestToken"])


async def test_a_mutation_without_a_key_is_not_executed(api: Api) -> None:
    given = {"slotId": a_slot().id, "timeZone": "UTC"}
    answer = await api.visitor().ask(HOLD, {"input": given})
    assert (answer.http.status_code, answer.code) == (400, "IDEMPOTENCY_KEY_REQUIRED")
    assert "data" not in answer.body
    assert api.world.holds.live == []


@pytest.mark.parametrize("key", ["", "  ", "k" * 256, "tab\there"], ids=["empty", "blank", "long", "control"])
async def test_a_malformed_key_is_refused(api: Api, key: str) -> None:
    given = {"slotId": a_slot().id, "timeZone": "UTC"}
    answer = await api.visitor().ask(HOLD, {"input": given}, extensions={"idempotencyKey": key})
    assert (answer.http.status_code, answer.code) == (400, "IDEMPOTENCY_KEY_INVALID")
    assert api.world.holds.live == []


async def test_a_key_that_is_no_string_is_refused(api: Api) -> None:
    given = {"slotId": a_slot().id, "timeZone": "UTC"}
    answer = await api.visitor().ask(HOLD, {"input": given}, extensions={"idempotencyKey": 7})
    assert answer.code == "IDEMPOTENCY_KEY_INVALID"


async def test_header_and_extensions_must_agree(api: Api) -> None:
    given = {"slotId": a_slot().id, "timeZone": "UTC"}
    app, body = api.visitor(), {"idempotencyKey": "one"}
    answer = await app.ask(HOLD, {"input": given}, {"Idempotency-Key": "other"}, extensions=body)
    assert answer.code == "IDEMPOTENCY_KEY_INVALID"
    answer = await app.ask(HOLD, {"input": given}, {"Idempotency-Key": "one"}, extensions=body)
    assert answer.data["__typename"] == "HoldSlotSuccess"


async def test_a_header_quoted_as_the_draft_has_it_is_the_same_key(api: Api) -> None:
    """draft-ietf-httpapi-idempotency-key-header, section 2.1: an Item Structured Header that is a String."""
    app = api.visitor()
    await app.hold(a_slot().id, key='"a \\"quoted\\" \\\\ key"')
    again = await app.hold(a_slot().id, key='a "quoted" \\ key')
    assert replayed(again)


async def test_a_key_in_the_extensions_counts_as_one_in_the_header(api: Api) -> None:
    app, given = api.visitor(), {"slotId": a_slot().id, "timeZone": "America/New_York"}
    first = await app.ask(HOLD, {"input": given}, extensions={"idempotencyKey": KEY})
    again = await app.hold(a_slot().id, key=KEY)
    assert replayed(again)
    assert again.data == first.data


async def test_the_same_attempt_has_the_same_hold_even_after_it_expired(api: Api) -> None:
    app = api.visitor()
    first = await app.hold(a_slot().id, key=KEY)
    api.world.clock.advance(hours=1)
    again = await app.hold(a_slot().id, key=KEY)
    assert not replayed(first)
    assert replayed(again)
    assert again.data == first.data
    assert api.world.holds.live == []


async def test_a_replay_answers_the_selection_of_the_new_document(api: Api) -> None:
    app = api.visitor()
    await app.hold(a_slot().id, key=KEY)
    document = """mutation ($slot: ID!, $zone: String!) {
      other: holdSlot(input: {timeZone: $zone, slotId: $slot}) { ... on HoldSlotSuccess { hold { slot { minutes } } } }
    }"""
    given = {"slot": a_slot().id, "zone": "America/New_York"}
    again = await app.ask(document, given, {"Idempotency-Key": KEY})
    assert replayed(again)
    assert again.data == {"hold": {"slot": {"minutes": 30}}}


async def test_a_problem_is_replayed_as_it_was(api: Api) -> None:
    other, app = api.visitor(), api.visitor()
    await other.hold(a_slot().id)
    first = await app.hold(a_slot().id, key=KEY)
    api.world.clock.advance(hours=1)  # the slot is free again, yet this attempt has had its answer
    again = await app.hold(a_slot().id, key=KEY)
    assert first.data["code"] == "SLOT_TAKEN"
    assert replayed(again)
    assert again.data == first.data


HELD = "{ __typename ... on HoldSlotSuccess { hold { id } } }"


@pytest.mark.parametrize(
    ("document", "variables"),
    [
        (f"mutation ($input: HoldSlotInput!) {{ again: holdSlot(input: $input) {HELD} }}", ("input",)),
        (f'mutation ($s: ID!) {{ holdSlot(input: {{timeZone: "UTC", slotId: $s}}) {HELD} }}', ("s",)),
        (
            f'mutation ($s: ID!, $z: String! = "UTC") {{ holdSlot(input: {{slotId: $s, timeZone: $z}}) {HELD} }}',
            ("s",),
        ),
        (
            f"fragment H on Mutation {{ holdSlot(input: $input) {HELD} }} mutation ($input: HoldSlotInput!) {{ ...H }}",
            ("input",),
        ),
        (
            f"mutation A($input: HoldSlotInput!) {{ ... on Mutation {{ holdSlot(input: $input) {HELD} }} }}",
            ("input",),
        ),
    ],
    ids=["alias", "order in the document", "default", "fragment", "inline fragment"],
)
async def test_however_it_is_written_it_is_the_same_attempt(
    api: Api, document: str, variables: tuple[str, ...]
) -> None:
    app = api.visitor()
    first = await app.do(HOLD, key=KEY, slotId=a_slot().id, timeZone="UTC")
    values = {"input": {"timeZone": "UTC", "slotId": a_slot().id}, "s": a_slot().id}
    given = {name: values[name] for name in variables}
    again = await app.ask(document, given, {"Idempotency-Key": KEY})
    assert replayed(again)
    assert again.data["hold"]["id"] == first.data["hold"]["id"]


async def test_the_same_input_to_another_field_is_another_attempt(api: Api) -> None:
    app = api.visitor()
    hold = (await app.hold(a_slot().id)).data["hold"]
    extended = await app.do(EXTEND, key=KEY, holdId=hold["id"])
    released = await app.do(RELEASE, key=KEY, holdId=hold["id"])
    assert extended.data["__typename"] == "ExtendHoldSuccess"
    assert not replayed(released)
    assert released.data["__typename"] == "ReleaseHoldSuccess"


async def test_other_arguments_under_the_same_key_are_refused(api: Api) -> None:
    app = api.visitor()
    await app.hold(a_slot().id, key=KEY)
    answer = await app.hold(a_slot(hours=48).id, key=KEY)
    assert (answer.http.status_code, answer.code) == (422, "IDEMPOTENCY_KEY_PARAMETER_MISMATCH")
    assert len(api.world.holds.live) == 1


async def test_an_argument_left_out_is_the_same_as_its_default(api: Api) -> None:
    app = api.visitor()
    hold = (await app.hold(a_slot().id)).data["hold"]
    given = {"holdId": hold["id"], "guest": GUEST}
    first = await app.do(START, key=KEY, **given)
    again = await app.do(START, key=KEY, **given, acceptRecurrence=False)
    assert replayed(again)
    assert again.data["guestToken"] == first.data["guestToken"]


async def test_somebody_else_with_the_same_key_gets_nothing_of_the_first(api: Api) -> None:
    first = await api.visitor().hold(a_slot().id, key=KEY)
    other = await api.visitor().hold(a_slot().id, key=KEY)
    assert first.data["__typename"] == "HoldSlotSuccess"
    assert not replayed(other)
    assert other.data["code"] == "SLOT_TAKEN"


async def test_another_patient_with_the_same_key_and_input_gets_nothing_of_the_first(api: Api) -> None:
    first, other = api.patient("p-sample"), api.patient("p-other")
    hold = (await first.hold(a_slot().id, key=KEY)).data["hold"]
    begun = await first.do(START, key=KEY, holdId=hold["id"])
    checkout_id = begun.data["checkout"]["id"]
    for answer in (
        await other.do(START, key=KEY, holdId=hold["id"]),
        await other.do(CONFIRM, key=KEY, **other.accepting(checkout_id), cardOnFileId="card-1"),
        await other.do(CANCEL, key=KEY, checkoutId=checkout_id),
    ):
        assert not replayed(answer)
        assert checkout_id not in answer.http.text
    paid = await first.do(CONFIRM, key=KEY, **first.accepting(checkout_id), cardOnFileId="card-1")
    assert paid.data["__typename"] == "ConfirmCheckoutSuccess"


async def test_a_replayed_start_hands_out_the_same_guest_token_whatever_became_of_it(api: Api) -> None:
    app = api.visitor()
    hold = (await app.hold(a_slot().id)).data["hold"]
    first = (await app.do(START, key=KEY, holdId=hold["id"], guest=GUEST)).data
    guest = app.bearer(first["guestToken"])
    await guest.do(CONFIRM, **guest.accepting(first["checkout"]["id"]), cardToken="tok_ok_1")
    again = await app.do(START, key=KEY, holdId=hold["id"], guest=GUEST)
    assert replayed(again)
    assert again.data["guestToken"] == first["guestToken"]
    assert again.data["checkout"]["status"] == "CONFIRMED"


async def test_a_patient_who_joined_a_checkout_begun_as_a_guest_gets_the_same_answer_again(api: Api) -> None:
    visitor = api.visitor()
    hold = (await visitor.hold(a_slot().id)).data["hold"]
    await visitor.do(START, holdId=hold["id"], guest=GUEST)
    signed_in = replace(visitor, headers={**visitor.headers, **api.patient().headers})
    first = await signed_in.do(START, key=KEY, holdId=hold["id"])
    again = await signed_in.do(START, key=KEY, holdId=hold["id"])
    assert replayed(again)
    assert again.data == first.data


async def test_a_replayed_confirm_calls_nobody(api: Api) -> None:
    checkout_id, guest = await started(api.visitor())
    first = await guest.do(CONFIRM, key=KEY, **guest.accepting(checkout_id), cardToken="tok_ok_1")
    calls = api.world.tape.calls()
    again = await guest.do(CONFIRM, key=KEY, **guest.accepting(checkout_id), cardToken="tok_ok_1")
    assert replayed(again)
    assert again.data == first.data
    assert api.world.tape.calls() == calls


async def test_a_confirm_of_another_quote_is_replayed_with_the_present_one_and_nothing_of_it_is_kept(
    api: Api,
) -> None:
    visitor = api.visitor()
    hold = (await visitor.hold(a_slot(PLANNED).id)).data["hold"]
    begun = (await visitor.do(START, holdId=hold["id"], guest=GUEST, planId="once", promoCode="TENOFF")).data
    guest, shown = visitor.bearer(begun["guestToken"]), begun["checkout"]
    monthly: dict[str, Any] = {"planId": "monthly", "acceptRecurrence": True}
    await visitor.do(START, holdId=hold["id"], guest=GUEST, **monthly)  # in another tab
    given = {"checkoutId": shown["id"], "quoteId": shown["quote"]["id"], "cardToken": "tok_ok_1"}
    first = await guest.do(CONFIRM, key=KEY, **given)
    again = await guest.do(CONFIRM, key=KEY, **given)
    assert replayed(again)
    assert again.data == first.data
    present = first.data.pop("quote")
    assert first.data == {"__typename": "QuoteChanged", "code": "QUOTE_CHANGED", "retryable": False}
    assert present == {
        "id": guest.accepting(shown["id"])["quoteId"],
        "dueToday": {"amount": "99.00"},
        "recurrence": {"frequency": "MONTHLY"},
    }
    assert api.world.tape.calls() == []
    paid = await guest.do(CONFIRM, **{**given, "quoteId": present["id"]})
    assert paid.data["__typename"] == "ConfirmCheckoutSuccess"
    assert replayed(await guest.do(CONFIRM, key=KEY, **given))


async def test_a_decline_is_replayed_and_a_new_card_takes_a_new_key(api: Api) -> None:
    checkout_id, guest = await started(api.visitor())
    given = {**guest.accepting(checkout_id), "cardToken": "tok_declined_1"}
    first = await guest.do(CONFIRM, key=KEY, **given)
    again = await guest.do(CONFIRM, key=KEY, **given)
    assert replayed(again)
    assert again.data == first.data
    assert api.world.tape.calls().count("charge") == 1
    mismatch = await guest.do(CONFIRM, key=KEY, **guest.accepting(checkout_id), cardToken="tok_ok_1")
    assert mismatch.code == "IDEMPOTENCY_KEY_PARAMETER_MISMATCH"


async def test_a_confirm_that_is_under_way_is_asked_again_until_its_outcome_is_known(api: Api) -> None:
    checkout_id, guest = await started(api.visitor())
    api.world.books.fail("charge", AnswerLost())
    given = {**guest.accepting(checkout_id), "cardToken": "tok_ok_1"}
    first = await guest.do(CONFIRM, key=KEY, **given)
    assert first.data["__typename"] == "CheckoutProcessing"
    assert (await guest.do(CONFIRM, key=KEY, **guest.accepting(checkout_id))).http.status_code == 422
    api.world.clock.advance(minutes=2)
    again = await guest.do(CONFIRM, key=KEY, **given)
    assert not replayed(again)
    assert again.data["__typename"] == "ConfirmCheckoutSuccess"
    assert replayed(await guest.do(CONFIRM, key=KEY, **given))
    assert len(api.world.books.charges) == 1


async def test_the_twin_of_a_running_request_waits_for_its_answer(engine: AsyncEngine) -> None:
    async with api_on(engine, patience=timedelta(seconds=20)) as api:
        app = api.visitor()
        entered, go = asyncio.Event(), asyncio.Event()

        async def hesitate() -> None:
            entered.set()
            await go.wait()

        api.world.offer.during_slots = hesitate
        first = asyncio.create_task(app.hold(a_slot().id, key=KEY))
        await entered.wait()
        twin = asyncio.create_task(app.hold(a_slot().id, key=KEY))
        done, _ = await asyncio.wait({twin}, timeout=0.2)
        assert not done
        go.set()
        assert (await first).data == (await twin).data
        assert replayed(await twin)
        assert len(api.world.holds.live) == 1


async def test_the_twin_of_a_slow_request_is_told_to_come_back(api: Api) -> None:
    app = api.visitor()
    entered, go = asyncio.Event(), asyncio.Event()

    async def hesitate() -> None:
        entered.set()
        await go.wait()

    api.world.offer.during_slots = hesitate
    first = asyncio.create_task(app.hold(a_slot().id, key=KEY))
    await entered.wait()
    twin = await app.hold(a_slot().id, key=KEY)
    assert (twin.http.status_code, twin.code) == (409, "IDEMPOTENCY_CONCURRENT_REQUEST")
    assert twin.http.headers["Retry-After"] == "1"
    go.set()
    assert (await first).data["__typename"] == "HoldSlotSuccess"


async def test_what_a_killed_process_left_is_taken_up_after_its_time(api: Api, engine: AsyncEngine) -> None:
    app = api.visitor()
    first = await app.hold(a_slot().id, key=KEY)
    async with engine.begin() as connection:  # as if the process had died before it stored the outcome
        await connection.execute(text("UPDATE idempotency_keys SET completed = false, reference = NULL"))
    assert (await app.hold(a_slot().id, key=KEY)).http.status_code == 409
    api.world.clock.at += IN_FLIGHT
    again = await app.hold(a_slot().id, key=KEY)
    assert not replayed(again)
    assert again.data["hold"]["id"] == first.data["hold"]["id"]
    assert len(api.world.holds.live) == 1


async def test_a_mutation_that_takes_long_keeps_its_key(engine: AsyncEngine) -> None:
    in_flight = timedelta(milliseconds=300)
    async with api_on(engine, in_flight=in_flight) as api:
        app = api.visitor()
        entered, go = asyncio.Event(), asyncio.Event()

        async def hesitate() -> None:
            entered.set()
            await go.wait()

        api.world.offer.during_slots = hesitate
        first = asyncio.create_task(app.hold(a_slot().id, key=KEY))
        await entered.wait()
        claimed_at = api.world.clock.now()
        api.world.clock.at += in_flight
        async with asyncio.timeout(10):
            while await in_flight_until(engine) == claimed_at + in_flight:  # noqa: ASYNC110 - a database tells nobody
                await asyncio.sleep(0.02)
        assert await in_flight_until(engine) == api.world.clock.now() + in_flight
        assert (await app.hold(a_slot().id, key=KEY)).http.status_code == 409
        go.set()
        assert (await first).data["__typename"] == "HoldSlotSuccess"


async def in_flight_until(engine: AsyncEngine) -> datetime:
    async with engine.connect() as connection:
        moment: datetime = (await connection.execute(select(idempotency_keys.c.in_flight_until))).scalar_one()
    return moment


async def test_a_claim_that_cannot_be_renewed_changes_no_answer(
    engine: AsyncEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried = asyncio.Event()

    async def fail(*_: object, **__: object) -> bool:
        tried.set()
        raise ConnectionError

    monkeypatch.setattr(IdempotencyKeys, "renew", fail)
    async with api_on(engine, in_flight=timedelta(milliseconds=30)) as api:
        app = api.visitor()

        async def hesitate() -> None:
            await tried.wait()

        api.world.offer.during_slots = hesitate
        first = await app.hold(a_slot().id, key=KEY)
        assert first.data["__typename"] == "HoldSlotSuccess"
        again = await app.hold(a_slot().id, key=KEY)
    assert replayed(again)


async def test_an_extension_whose_process_was_killed_counts_once(api: Api, engine: AsyncEngine) -> None:
    app = api.visitor()
    hold = (await app.hold(a_slot().id)).data["hold"]
    api.world.clock.advance(minutes=2)
    first = await app.do(EXTEND, key=KEY, holdId=hold["id"])
    async with engine.begin() as connection:
        await connection.execute(text("UPDATE idempotency_keys SET completed = false, reference = NULL"))
    api.world.clock.advance(seconds=20)  # more than a claim lasts that nobody renews
    async with engine.begin() as connection:
        now = api.world.clock.now()
        await connection.execute(update(idempotency_keys).values(in_flight_until=now))
    again = await app.do(EXTEND, key=KEY, holdId=hold["id"])
    assert not replayed(again)
    assert again.data == first.data
    assert again.data["hold"]["extensions"] == 1


async def test_bad_input_leaves_the_key_free_for_the_corrected_attempt(api: Api) -> None:
    app = api.visitor()
    assert (await app.hold("no slot", key=KEY)).code == "BAD_USER_INPUT"
    assert (await app.hold(a_slot().id, key=KEY)).data["__typename"] == "HoldSlotSuccess"


@pytest.mark.parametrize(
    ("fault", "code", "corrected"),
    [
        (UpstreamUnavailable("slots"), "UPSTREAM_UNAVAILABLE", 200),
        (OutcomeUnknown("slots"), "OUTCOME_UNKNOWN", 422),
        (RuntimeError("sample.patient@example.com"), "INTERNAL", 422),
    ],
    ids=["nothing done", "unknown", "fault"],
)
async def test_after_an_error_the_same_attempt_runs_again(
    api: Api, fault: Exception, code: str, corrected: int
) -> None:
    async def fail() -> None:
        raise fault

    app = api.visitor()
    api.world.offer.during_slots = fail
    assert (await app.hold(a_slot().id, key=KEY)).code == code
    api.world.offer.during_slots = None
    other = await app.hold(a_slot(hours=48).id, key=KEY)  # other arguments only where nothing was done
    assert other.http.status_code == corrected
    if corrected != 200:
        assert (await app.hold(a_slot().id, key=KEY)).data["__typename"] == "HoldSlotSuccess"


TWO = "{ one: holdSlot(input: $a) { __typename } two: holdSlot(input: $a) { __typename } }"
ANOTHER = '{ releaseHold(input: {holdId: "h"}) { __typename } }'


@pytest.mark.parametrize(
    "document",
    [
        f"mutation ($a: HoldSlotInput!) {TWO}",
        f"mutation ($a: HoldSlotInput!) {{ ...Both }} fragment Both on Mutation {TWO}",
        f"mutation ($a: HoldSlotInput!) {{ holdSlot(input: $a) {{ __typename }} ... on Mutation {ANOTHER} }}",
    ],
    ids=["aliases", "fragment", "inline fragment"],
)
async def test_one_mutation_field_a_document(api: Api, document: str) -> None:
    given = {"a": {"slotId": a_slot().id, "timeZone": "UTC"}}
    answer = await api.visitor().ask(document, given, {"Idempotency-Key": KEY})
    assert (answer.http.status_code, answer.code) == (400, "ONE_MUTATION_PER_REQUEST")
    assert api.world.holds.live == []


async def test_the_type_name_is_no_second_mutation(api: Api) -> None:
    document = "mutation ($a: HoldSlotInput!) { __typename holdSlot(input: $a) { __typename } }"
    given = {"a": {"slotId": a_slot().id, "timeZone": "UTC"}}
    answer = await api.visitor().ask(document, given, {"Idempotency-Key": KEY})
    assert answer.body["data"]["holdSlot"]["__typename"] == "HoldSlotSuccess"


async def test_a_mutation_from_nobody_is_told_how_to_become_a_visitor(api: Api) -> None:
    answer = await api.hold(a_slot().id)
    assert (answer.http.status_code, answer.code) == (400, "VISITOR_TOKEN_REQUIRED")
    assert "newVisitorToken" in answer.body["errors"][0]["message"]


async def test_no_patients_data_is_stored_with_a_key(api: Api, engine: AsyncEngine) -> None:
    checkout_id, guest = await started(api.visitor())
    await guest.do(CONFIRM, key="sample-key", **guest.accepting(checkout_id), cardToken="tok_ok_secret")
    await guest.do(CANCEL, checkoutId=checkout_id)
    async with engine.connect() as connection:
        rows = (await connection.execute(text("SELECT * FROM idempotency_keys"))).all()
    stored = repr(rows)
    assert len(rows) == 4
    assert checkout_id in stored
    for secret in (*GUEST.values(), "tok_ok_secret", "sample-key", "fdg_"):
        assert secret not in stored
