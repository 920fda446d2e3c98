"""Group visits through the public API: what everybody sees of them, and what nobody does."""

import json
from typing import Any

import pytest

from tests.acceptance.app import App
from tests.acceptance.booked import staff
from tests.acceptance.groups import GROUP_VISITS, a_group, plan
from tests.plugins.emulator import PATIENT_1
from tests.plugins.stack import Stack

Json = Any

GIVE_UP = """mutation GiveUp($id: ID) { updateAppointmentInclusion(input: {id: $id, cancelled: true}) {
  appointment_inclusion { cancelled } messages { field message } } }"""
JOIN = """mutation Join($input: completeCheckoutInput) { completeCheckout(input: $input) {
  appointment { id } messages { field message } } }"""
QUOTES = """query Quotes($id: ID!) {
  cancellationQuote(appointmentId: $id) { __typename ... on Problem { code } }
  rescheduleQuote(appointmentId: $id) { __typename ... on Problem { code } }
}"""


async def listed(app: App, **given: Any) -> Json:
    return (await app.ask(GROUP_VISITS, {"zone": "UTC", **given}))["groupVisits"]


async def test_a_visitor_sees_when_with_whom_and_how_many_seats_are_left(stack: Stack) -> None:
    group = await a_group(stack, 1, 2, is_waitlist_enabled=True)
    (one,) = (await listed(await stack.visitor(), zone="America/New_York"))["nodes"]
    assert one == {
        "id": group.id,
        "visitTypeId": group.type_id,
        "name": "Sample Group",
        "minutes": 60,
        "start": f"{stack.day(3)}T10:00:00-05:00",
        "end": f"{stack.day(3)}T11:00:00-05:00",
        "contactType": "VIDEO",
        "clinicianId": stack.clinician(1),
        "clinician": {"name": "Ada Sample-Rivers"},
        "location": None,
        "price": None,
        "requiresPlan": False,
        "seats": 3,
        "seatsLeft": 1,
        "isFull": False,
        "hasWaitlist": True,
    }


async def test_free_time_is_neither_searched_nor_held_for_a_group_type(stack: Stack) -> None:
    group = await a_group(stack)
    app = await stack.visitor()
    kinds = (await app.ask("query Kinds { visitTypes { id } }"))["visitTypes"]
    assert group.type_id not in {kind["id"] for kind in kinds}
    error = await app.error(
        "query S($f: SlotFilter!, $d: Date!) { slots(filter: $f, from: $d, until: $d) { date } }",
        {"f": {"visitTypeId": group.type_id, "timeZone": "UTC"}, "d": stack.day(3)},
    )
    assert error["extensions"]["code"] == "BAD_USER_INPUT"


async def test_they_come_page_by_page_soonest_first_and_one_look_serves_all_pages(stack: Stack) -> None:
    group = await a_group(stack, seats=None, days=5)
    sooner = await plan(stack, group.type_id, days=4)
    app = await stack.visitor()
    await stack.emulator.control.forget_requests()
    first = await listed(app, first=1)
    second = await listed(app, first=1, after=first["pageInfo"]["endCursor"])
    assert [one["id"] for page in (first, second) for one in page["nodes"]] == [sooner.id, group.id]
    assert (first["totalCount"], second["pageInfo"]["hasNextPage"]) == (2, False)
    assert second["nodes"][0]["seatsLeft"] is None, "the practice states no number of seats"
    assert (await stack.upstream()).count("GroupVisitsBetween") == 1


@pytest.mark.parametrize(
    ("sought", "found"),
    [
        ({"state": "NY"}, 1),
        ({"state": "WA"}, 0),
        ({"contactType": "PHONE"}, 0),
        ({"clinicianIds": []}, 0),
        (None, 1),
    ],
    ids=str,
)
async def test_they_are_filtered(stack: Stack, sought: Json, found: int) -> None:
    await a_group(stack)
    assert (await listed(await stack.visitor(), filter=sought))["totalCount"] == found


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"filter": {"state": "New York"}}, "state"),
        ({"first": 101}, "first"),
        ({"filter": {"clinicianIds": ["1"] * 101}}, "filter.clinicianIds"),
    ],
    ids=["state", "first", "clinicians"],
)
async def test_bad_input_is_named_and_asks_nobody(stack: Stack, given: Json, field: str) -> None:
    await a_group(stack)
    app = await stack.visitor()
    await stack.emulator.control.forget_requests()
    error = await app.error(GROUP_VISITS, {"zone": "UTC", **given})
    assert (error["extensions"]["code"], error["extensions"]["field"]) == ("BAD_USER_INPUT", field)
    assert await stack.upstream() == []


async def test_neither_an_attendee_nor_the_secret_of_a_seat_leaves(
    stack: Stack, caplog: pytest.LogCaptureFixture
) -> None:
    group = await a_group(stack, 1, 2)
    seats = (await group.seats())["attended_clients"]
    own, *others = seats
    secrets = {str(seat["external_uuid"]) for seat in seats} | {
        str(seat["id"]) for seat in seats if len(seat["id"]) > 3
    }
    people = {str(value) for seat in others for value in seat["user"].values()}
    assert len(secrets) >= 2
    assert people
    app = await stack.visitor()
    patient = stack.patient(own["user"]["id"])
    mine = "query Mine { me { appointments { nodes { id status clinicianName visitTypeName contactType calendarUrl join { __typename } } } } }"
    told = json.dumps([await listed(app), await listed(patient), await patient.ask(mine)])
    assert group.id in told
    for secret in secrets | people:
        assert secret not in told
        assert secret not in caplog.text


@pytest.mark.parametrize("who", ["a patient in it", "another patient", "staff"])
async def test_nobody_can_cancel_or_move_the_visit_of_all(stack: Stack, who: str) -> None:
    """Whoever has a seat has no right to the visit. Staff, who may change any single visit, change a group's in Healthie."""
    group = await a_group(stack, 1, 2)
    before = await group.seats()
    patients = [str(patient["id"]) for patient in stack.practice["patients"]]
    app = {
        "a patient in it": stack.patient(patients[0]),
        "another patient": stack.patient(patients[2]),
        "staff": staff(stack),
    }[who]
    quotes = await app.ask(QUOTES, {"id": group.id})
    assert quotes == {"cancellationQuote": None, "rescheduleQuote": None}
    assert await group.seats() == before
    sent = set(await stack.upstream())
    assert not sent & {"CancelVisit", "DeleteVisit", "MoveVisit"}


@pytest.mark.parametrize("listed", [False, True])
async def test_a_patient_finds_it_among_their_visits_until_they_give_their_seat_up(
    stack: Stack, *, listed: bool
) -> None:
    await stack.emulator.control.switches(given_up_seats_listed=listed)
    group = await a_group(stack, 1, 2)
    own, other = (await group.seats())["attended_clients"]
    apps = [stack.patient(seat["user"]["id"]) for seat in (own, other)]
    assert await visits_of(apps[0], group.id) == await visits_of(apps[1], group.id) == ["BOOKED"]
    await stack.emulator.ask(GIVE_UP, id=own["id"])
    assert await visits_of(apps[0], group.id) == []
    assert await visits_of(apps[1], group.id) == ["BOOKED"]


@pytest.mark.parametrize("listed", [False, True])
async def test_one_for_which_a_patient_only_waits_is_not_among_their_visits(
    stack: Stack, *, listed: bool
) -> None:
    await stack.emulator.control.switches(attended_clients_list_waiting=listed)
    group = await a_group(stack, 2, seats="1", is_waitlist_enabled=True)
    waits = stack.practice["patients"][0]
    joined = await stack.emulator.ask(
        JOIN, key=PATIENT_1, input={"appointment_id": group.id, "is_joining_waitlist": True}
    )
    assert joined["completeCheckout"]["messages"] is None
    (one,) = (await listed_now(stack))["nodes"]
    assert (one["isFull"], one["seatsLeft"], one["hasWaitlist"]) == (True, 0, True)
    assert await visits_of(stack.patient(waits["id"]), group.id) == []


async def listed_now(stack: Stack) -> Json:
    return await listed(await stack.visitor())


async def visits_of(app: App, group_id: str) -> list[str]:
    """The statuses under which the group visit is among somebody's own."""
    nodes = (await app.ask("query Mine { me { appointments { nodes { id status } } } }"))["me"][
        "appointments"
    ]["nodes"]
    return [one["status"] for one in nodes if one["id"] == group_id]
