from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from booking.catalog.model import Catalog
from booking.errors import UpstreamUnavailable
from tests.doubles.booking_world import FREE, LONG, PLANNED, a_slot
from tests.integration.graphql_world import CANCEL, CONFIRM, EXTEND, GUEST, RELEASE, START, Api, api_on

SLOTS = """query Slots($filter: SlotFilter!, $from: Date!, $until: Date!) {
  slots(filter: $filter, from: $from, until: $until) {
    date
    slots { id clinicianId clinician { id name licensedIn } visitTypeId contactType start end timeZone minutes }
  }
}"""
CHECKOUT = "query Checkout($id: ID!) { checkout(id: $id) { id status refunded { amount } } }"


@pytest.fixture
async def api(sqlite_engine: AsyncEngine) -> AsyncIterator[Api]:
    async with api_on(sqlite_engine) as one:
        yield one


async def started(app: Api, *, slot_id: str = "") -> tuple[str, Api]:
    """Hold and start as a guest; answers the checkout's id and the guest's app."""
    hold = (await app.hold(slot_id or a_slot().id)).data["hold"]
    begun = (await app.do(START, holdId=hold["id"], guest=GUEST)).data
    return begun["checkout"]["id"], app.bearer(begun["guestToken"])


async def test_who_is_blocked_is_read_once_for_a_search_and_the_names_in_its_answer(api: Api) -> None:
    sought = {"visitTypeId": "v-priced", "timeZone": "UTC"}
    read = api.world.database.blocks_read
    days = (await api.ask(SLOTS, {"filter": sought, "from": "2026-06-02", "until": "2026-06-03"})).data
    assert {slot["clinician"]["name"] for day in days for slot in day["slots"]} == {"Sample c1"}
    assert api.world.database.blocks_read == read + 1


async def test_slots_are_given_in_the_zone_that_was_asked_for(api: Api) -> None:
    sought = {"visitTypeId": "v-priced", "timeZone": "America/Los_Angeles"}
    days = (await api.ask(SLOTS, {"filter": sought, "from": "2026-06-02", "until": "2026-06-03"})).data
    assert [day["date"] for day in days] == ["2026-06-02", "2026-06-03"]
    assert days[0]["slots"][0] == {
        "id": a_slot().id_in("America/Los_Angeles"),
        "clinicianId": "c1",
        "clinician": {"id": "c1", "name": "Sample c1", "licensedIn": ["NJ", "NY"]},
        "visitTypeId": "v-priced",
        "contactType": "VIDEO",
        "start": "2026-06-02T08:00:00-07:00",
        "end": "2026-06-02T08:30:00-07:00",
        "timeZone": "America/Los_Angeles",
        "minutes": 30,
    }


async def test_a_guest_holds_starts_pays_and_sees_the_visit(api: Api) -> None:
    app = api.visitor()
    hold = (await app.hold(a_slot().id)).data["hold"]
    assert hold["slot"]["timeZone"] == "America/New_York"
    begun = (await app.do(START, holdId=hold["id"], guest=GUEST)).data
    assert begun["checkout"]["status"] == "OPEN"
    assert begun["checkout"]["holdExpiresAt"] == hold["expiresAt"]
    assert begun["checkout"]["quote"]["dueToday"] == {"amount": "150.00", "currency": "USD"}
    guest = app.bearer(begun["guestToken"])
    paid = (await guest.do(CONFIRM, **guest.accepting(begun["checkout"]["id"]), cardToken="tok_ok_1")).data
    assert paid["checkout"] == {
        "id": begun["checkout"]["id"],
        "status": "CONFIRMED",
        "holdExpiresAt": None,
        "appointment": {
            "id": "a1",
            "status": "BOOKED",
            "start": "2026-06-02T15:00:00+00:00",
            "clinician": {"id": "c1"},
            "contactType": "VIDEO",
        },
    }
    assert len(api.world.books.kept_charges) == 1


async def test_a_visit_that_was_paid_is_never_answered_as_if_nothing_had_been_done(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    checkout_id, guest = await started(api.visitor())

    async def fail() -> Catalog:
        raise UpstreamUnavailable("catalogue")

    monkeypatch.setattr(api.world.offer, "catalog", fail)
    paid = (await guest.do(CONFIRM, **guest.accepting(checkout_id), cardToken="tok_ok_1")).data
    assert paid["checkout"]["status"] == "CONFIRMED"
    assert paid["checkout"]["appointment"]["clinician"] == {"id": "c1"}  # as the catalog was read last
    assert (await guest.ask(CHECKOUT, {"id": checkout_id})).data["status"] == "CONFIRMED"


async def test_a_declined_card_says_what_to_do_and_another_one_pays(api: Api) -> None:
    checkout_id, guest = await started(api.visitor())
    declined = (await guest.do(CONFIRM, **guest.accepting(checkout_id), cardToken="tok_declined_1")).data
    assert declined == {
        "__typename": "CardDeclined",
        "code": "CARD_DECLINED",
        "retryable": True,
        "reason": "INSUFFICIENT_FUNDS",
    }
    paid = (await guest.do(CONFIRM, **guest.accepting(checkout_id), cardToken="tok_ok_1")).data
    assert paid["__typename"] == "ConfirmCheckoutSuccess"


async def test_a_slot_that_somebody_holds_is_taken_to_others_and_absent(api: Api) -> None:
    await api.visitor().hold(a_slot().id)
    assert (await api.visitor().hold(a_slot().id)).data["code"] == "SLOT_TAKEN"
    sought = {"visitTypeId": "v-long", "timeZone": "UTC"}
    days = (await api.ask(SLOTS, {"filter": sought, "from": "2026-06-02", "until": "2026-06-03"})).data
    assert a_slot(LONG, hours=48).id_in("UTC") in [slot["id"] for slot in days[1]["slots"]]
    assert a_slot(LONG).id_in("UTC") not in [slot["id"] for slot in days[0]["slots"]]


async def test_holds_are_limited_and_say_the_limit(api: Api) -> None:
    app = api.visitor()
    for hours in (24, 24.5, 48):
        assert (await app.hold(a_slot(hours=hours).id)).data["__typename"] == "HoldSlotSuccess"
    refused = (await app.hold(a_slot(hours=72).id)).data
    assert (refused["code"], refused["limit"]) == ("HOLD_LIMIT_REACHED", 3)


async def test_a_hold_is_extended_until_it_cannot_be_and_released(api: Api) -> None:
    app = api.visitor()
    hold = (await app.hold(a_slot().id)).data["hold"]
    api.world.clock.advance(minutes=1)
    longer = (await app.do(EXTEND, holdId=hold["id"])).data["hold"]
    assert longer["expiresAt"] > hold["expiresAt"]
    assert longer["extensions"] == 1
    api.world.clock.advance(minutes=1)
    longer = (await app.do(EXTEND, holdId=hold["id"])).data["hold"]
    api.world.clock.advance(minutes=1)
    refused = (await app.do(EXTEND, holdId=hold["id"])).data
    assert refused == {
        "__typename": "HoldExtensionsUsedUp",
        "code": "HOLD_EXTENSIONS_USED_UP",
        "expiresAt": longer["expiresAt"],
    }
    assert (await app.do(RELEASE, holdId=hold["id"])).data["holdId"] == hold["id"]
    assert (await app.do(RELEASE, holdId=hold["id"])).data["__typename"] == "HoldExpired"


async def test_a_patient_pays_with_a_card_on_file_and_gets_no_guest_token(api: Api) -> None:
    app = api.patient()
    hold = (await app.hold(a_slot().id)).data["hold"]
    begun = (await app.do(START, holdId=hold["id"])).data
    assert begun["guestToken"] is None
    given = {**app.accepting(begun["checkout"]["id"]), "cardOnFileId": "card-1"}
    assert (await app.do(CONFIRM, **given)).data["__typename"] == "ConfirmCheckoutSuccess"


async def test_a_free_visit_takes_no_card(api: Api) -> None:
    checkout_id, guest = await started(api.visitor(), slot_id=a_slot(FREE).id)
    assert (await guest.do(CONFIRM, **guest.accepting(checkout_id))).data[
        "__typename"
    ] == "ConfirmCheckoutSuccess"
    assert api.world.books.charges == []


async def test_a_recurring_plan_needs_consent(api: Api) -> None:
    app = api.visitor()
    hold = (await app.hold(a_slot(PLANNED).id)).data["hold"]
    given = {"holdId": hold["id"], "planId": "monthly", "guest": GUEST}
    assert (await app.do(START, **given)).data["code"] == "RECURRENCE_NOT_ACCEPTED"
    begun = (await app.do(START, **given, acceptRecurrence=True)).data
    assert begun["checkout"]["quote"]["recurrence"] == {"frequency": "MONTHLY", "payments": 12}


async def test_an_unknown_promo_code_gives_the_practices_reason(api: Api) -> None:
    app = api.visitor()
    hold = (await app.hold(a_slot(PLANNED).id)).data["hold"]
    refused = await app.do(START, holdId=hold["id"], planId="once", promoCode="NOPE", guest=GUEST)
    assert refused.data == {
        "__typename": "PromoInvalid",
        "code": "PROMO_INVALID",
        "reason": "This code does not exist.",
    }


async def test_a_cancelled_checkout_takes_no_card(api: Api) -> None:
    checkout_id, guest = await started(api.visitor())
    cancelled = (await guest.do(CANCEL, checkoutId=checkout_id)).data["checkout"]
    assert cancelled == {"status": "CANCELLED", "endReason": "CANCELLED_BY_PATIENT"}
    refused = (await guest.do(CONFIRM, **guest.accepting(checkout_id), cardToken="tok_ok_1")).data
    assert refused["__typename"] == "CheckoutClosed"


async def test_a_confirmed_checkout_is_not_cancelled(api: Api) -> None:
    checkout_id, guest = await started(api.visitor())
    await guest.do(CONFIRM, **guest.accepting(checkout_id), cardToken="tok_ok_1")
    refused = (await guest.do(CANCEL, checkoutId=checkout_id)).data
    assert refused == {"__typename": "CheckoutClosed", "status": "CONFIRMED"}


async def test_a_guest_token_opens_its_checkout_and_no_other(api: Api) -> None:
    mine, guest = await started(api.visitor())
    other, _ = await started(api.visitor(), slot_id=a_slot(hours=48).id)
    assert (await guest.ask(CHECKOUT, {"id": mine})).data["id"] == mine
    foreign = await guest.ask(CHECKOUT, {"id": other})
    missing = await guest.ask(CHECKOUT, {"id": "chk_missing"})
    assert foreign.http.content == missing.http.content == b'{"data":{"checkout":null}}'


async def test_a_guest_token_alone_holds_nothing(api: Api) -> None:
    mine, _ = await started(api.visitor())
    guest = replace(api, headers={}).bearer(api.tokens.guest(mine))
    assert (await guest.hold(a_slot(hours=48).id)).code == "VISITOR_TOKEN_REQUIRED"


async def test_a_foreign_and_a_missing_checkout_are_refused_alike(api: Api) -> None:
    mine, _ = await started(api.visitor())
    stranger = api.patient()
    answers = [
        await stranger.do(CONFIRM, **stranger.accepting(one), cardToken="tok_ok_1")
        for one in (mine, "chk_none")
    ]
    assert [one.code for one in answers] == ["NOT_FOUND", "NOT_FOUND"]
    assert answers[0].http.content == answers[1].http.content


async def test_me_shows_the_signed_in_patient_only(api: Api) -> None:
    document = """{ me { id firstName cards { id brand last4 expires }
      appointments { totalCount nodes {
        id status clinicianName clinician { id } contactType start(timeZone: "America/New_York") } } } }"""
    me = (await api.patient().ask(document)).data
    assert me["cards"] == [{"id": "card-1", "brand": "Visa", "last4": "4242", "expires": None}]
    assert me["appointments"]["totalCount"] == 1
    assert me["appointments"]["nodes"] == [
        {
            "id": "a-old",
            "status": "COMPLETED",
            "clinicianName": "Sample Gone",
            "clinician": None,
            "contactType": "VIDEO",
            "start": "2026-03-03T10:00:00-05:00",
        }
    ]
    for nobody in (api, api.visitor(), api.staff()):
        assert (await nobody.ask(document)).data is None


async def test_what_costs_a_call_is_loaded_only_when_asked_for(api: Api) -> None:
    await api.patient().ask("{ me { firstName } }")
    assert api.world.tape.calls() == []


async def test_a_hold_is_shown_to_its_owner_until_it_expires(api: Api) -> None:
    document = "query Hold($id: ID!) { hold(id: $id) { id slot { clinician { name } } } }"
    app = api.visitor()
    hold_id = (await app.hold(a_slot().id)).data["hold"]["id"]
    assert (await app.ask(document, {"id": hold_id})).data["slot"]["clinician"] == {"name": "Sample c1"}
    assert (await api.visitor().ask(document, {"id": hold_id})).data is None
    api.world.clock.at += timedelta(minutes=5)
    assert (await app.ask(document, {"id": hold_id})).data is None


async def test_a_visitor_who_signs_in_keeps_the_hold(api: Api) -> None:
    app = api.visitor()
    hold = (await app.hold(a_slot().id)).data["hold"]
    patient = app.bearer(api.sign_in.issue("p-sample"))
    assert (await patient.do(START, holdId=hold["id"])).data["__typename"] == "StartCheckoutSuccess"
