"""What cannot be meant is refused with the name of the field, and changes nothing upstream."""

import base64
from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest

from tests.acceptance import documents
from tests.acceptance.app import GUEST
from tests.plugins.stack import Stack

Given = Callable[[Stack], dict[str, Any]]

# What may be read to judge an input: the catalogue, and whether a slot is on offer.
READING = {"PublicCatalog", "AvailableSlots"}


def name_of(*fields: object) -> str:
    """A slot's name, made by hand."""
    return base64.urlsafe_b64encode("|".join(map(str, fields)).encode()).decode().rstrip("=")


def slots(stack: Stack, first: str, until: str, **sought: Any) -> dict[str, Any]:
    sought = {"visitTypeId": stack.visit("Initial Visit"), "timeZone": "UTC", **sought}
    return {"filter": sought, "from": first, "until": until}


QUERIES: dict[str, tuple[str, Given, str]] = {
    "an unknown visit type": (
        documents.SLOTS,
        lambda s: slots(s, s.day(1), s.day(2), visitTypeId="none"),
        "visitTypeId",
    ),
    "a zone that is no place": (
        documents.SLOTS,
        lambda s: slots(s, s.day(1), s.day(2), timeZone="Mars/Olympus"),
        "timeZone",
    ),
    "a path for a zone": (
        documents.SLOTS,
        lambda s: slots(s, s.day(1), s.day(2), timeZone="../../etc/passwd"),
        "timeZone",
    ),
    "an unknown clinician": (
        documents.SLOTS,
        lambda s: slots(s, s.day(1), s.day(2), clinicianIds=["none"]),
        "clinicianIds",
    ),
    "no state": (documents.SLOTS, lambda s: slots(s, s.day(1), s.day(2), state="New York"), "state"),
    "32 days": (documents.SLOTS, lambda s: slots(s, s.day(1), s.day(32)), "until"),
    "an end before the beginning": (documents.SLOTS, lambda s: slots(s, s.day(2), s.day(1)), "until"),
    "days that are over": (documents.SLOTS, lambda s: slots(s, s.day(-9), s.day(-8)), "from"),
    "days beyond any calendar": (documents.SLOTS, lambda s: slots(s, "9999-12-30", "9999-12-31"), "until"),
    "a way to meet that the visit has not": (
        documents.SLOTS,
        lambda s: slots(s, s.day(1), s.day(2), contactType="PHONE"),
        "contactType",
    ),
    "in person without a place": (
        documents.SLOTS,
        lambda s: slots(s, s.day(1), s.day(2), contactType="IN_PERSON"),
        "locationId",
    ),
    "a month that is over": (
        documents.DAYS,
        lambda s: {"filter": slots(s, "", "")["filter"], "month": "2020-01-01"},
        "month",
    ),
    "an unknown plan": (documents.QUOTE, lambda s: {"planId": "none"}, "planId"),
    "neither plan nor visit": (documents.QUOTE, lambda s: {}, "planId"),
    "a huge promo code": (
        documents.QUOTE,
        lambda s: {"planId": s.plan("First Visit"), "promoCode": "x" * 5_000},
        "promoCode",
    ),
    "a huge keyword": (documents.PLANS, lambda s: {"keyword": "x" * 5_000}, "keyword"),
    "too large a page": (documents.PLANS, lambda s: {"first": 10_000}, "first"),
    "a cursor that is none": (documents.PLANS, lambda s: {"after": "none"}, "after"),
    "a huge id": (documents.HOLD_OF, lambda s: {"id": "x" * 5_000}, "id"),
}

MUTATIONS: dict[str, tuple[str, Given, str]] = {
    "a slot that is no slot": (
        documents.HOLD,
        lambda s: {"slotId": "canary-not-a-slot", "timeZone": "UTC"},
        "slotId",
    ),
    "a huge slot": (documents.HOLD, lambda s: {"slotId": "A" * 5_000, "timeZone": "UTC"}, "slotId"),
    "a zone that is none": (
        documents.HOLD,
        lambda s: {"slotId": name_of("1", "2", "video", "", 1_900_000_000, 30), "timeZone": "Canary"},
        "timeZone",
    ),
    "an empty hold": (documents.START, lambda s: {"holdId": "", "guest": GUEST}, "holdId"),
    "no email": (
        documents.START,
        lambda s: {"holdId": "hold_1", "guest": {**GUEST, "email": "canary"}},
        "guest.email",
    ),
    "a huge name": (
        documents.START,
        lambda s: {"holdId": "hold_1", "guest": {**GUEST, "lastName": "canary" * 1_000}},
        "guest.lastName",
    ),
    "a name with a line break": (
        documents.START,
        lambda s: {"holdId": "hold_1", "guest": {**GUEST, "firstName": "Canary\nCanary"}},
        "guest.firstName",
    ),
    "no phone": (
        documents.START,
        lambda s: {"holdId": "hold_1", "guest": {**GUEST, "phone": "canary"}},
        "guest.phone",
    ),
    "a birth to come": (
        documents.START,
        lambda s: {"holdId": "hold_1", "guest": {**GUEST, "birthDate": "2999-01-01"}},
        "guest.birthDate",
    ),
    "two cards": (
        documents.CONFIRM,
        lambda s: {"checkoutId": "chk_1", "quoteId": "q", "cardToken": "tok_visa", "cardOnFileId": "1"},
        "cardToken",
    ),
    "a quote without a name": (
        documents.CONFIRM,
        lambda s: {"checkoutId": "chk_1", "quoteId": ""},
        "quoteId",
    ),
    "a token with spaces": (
        documents.CONFIRM,
        lambda s: {"checkoutId": "chk_1", "quoteId": "q", "cardToken": "tok visa canary"},
        "cardToken",
    ),
}


@pytest.mark.parametrize("wrong", QUERIES)
async def test_a_query_with(stack: Stack, wrong: str) -> None:
    document, variables, field = QUERIES[wrong]
    app = await stack.visitor()
    await stack.emulator.control.forget_requests()
    error = await app.error(document, variables(stack))
    assert error["extensions"] == {"code": "BAD_USER_INPUT", "field": field}
    assert len(error["message"]) > 10
    assert set(await stack.upstream()) <= {"PublicCatalog"}


@pytest.mark.parametrize("wrong", MUTATIONS)
async def test_a_mutation_with(stack: Stack, wrong: str) -> None:
    document, given, field = MUTATIONS[wrong]
    app = stack.patient(str(stack.practice["patients"][0]["id"]))
    await stack.emulator.control.forget_requests()
    error = await app.error(document, {"input": given(stack)}, key="1")
    assert error["extensions"] == {"code": "BAD_USER_INPUT", "field": field}
    assert "canary" not in str(error).casefold(), "what was sent is not repeated"
    assert await stack.upstream() == []


@pytest.mark.parametrize(
    ("variables", "words"),
    [
        ({"contactType": "TELEPATHY"}, "contactType"),
        ({"visitTypeId": None}, "visitTypeId"),
        ({"clinicianIds": {"canary": 1}}, "clinicianIds"),
        ({"favouriteColour": "canary"}, "filter"),
    ],
)
async def test_a_value_of_the_wrong_kind_is_named(
    stack: Stack, variables: dict[str, Any], words: str
) -> None:
    app = await stack.visitor()
    await stack.emulator.control.forget_requests()
    error = await app.error(documents.SLOTS, slots(stack, stack.day(1), stack.day(2), **variables))
    assert error["extensions"]["code"] == "BAD_USER_INPUT"
    assert words in error["message"]
    assert "canary" not in error["message"]
    assert await stack.upstream() == []


class TestASlotThatIsNotOnOffer:
    @pytest.mark.parametrize(
        ("changed", "code"),
        [
            ({"start": "2027-01-03T15:00:00+00:00"}, "TOO_LATE_TO_BOOK"),  # past
            ({"start": "2027-01-07T08:00:00+00:00"}, "SLOT_NOT_OFFERED"),  # at night
            ({"start": "2027-01-07T14:07:00+00:00"}, "SLOT_NOT_OFFERED"),  # between the slots
            ({"minutes": 59}, "SLOT_NOT_OFFERED"),
            ({"visit": "Team Meeting"}, "SLOT_NOT_OFFERED"),
            ({"contact": "phone"}, "SLOT_NOT_OFFERED"),
            ({"contact": "in_person"}, "SLOT_NOT_OFFERED"),
            ({"clinician": 4}, "CLINICIAN_NOT_BOOKABLE"),
        ],
    )
    async def test_is_refused_however_well_it_is_forged(
        self, stack: Stack, changed: dict[str, Any], code: str
    ) -> None:
        wanted: dict[str, Any] = {
            "clinician": 1,
            "visit": "Initial Visit",
            "contact": "video",
            "start": "2027-01-07T14:00:00+00:00",
            "minutes": 60,
        }
        app = await stack.visitor()
        await app.do(documents.RELEASE, holdId=await app.held(self.forged(stack, **wanted)))
        await stack.emulator.control.forget_requests()
        assert (await app.hold(self.forged(stack, **{**wanted, **changed})))["code"] == code
        assert set(await stack.upstream()) <= READING

    def forged(
        self, stack: Stack, *, clinician: int, visit: str, contact: str, start: str, minutes: int
    ) -> str:
        moment = int(datetime.fromisoformat(start).timestamp())
        return name_of(stack.clinician(clinician), stack.visit(visit), contact, "", moment, minutes)
