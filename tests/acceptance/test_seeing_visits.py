"""What patients and guests see of a booked visit, while the practice cancels it, moves it and makes its links."""

import asyncio
import re
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from graphql import (
    REMOVE,
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    OperationDefinitionNode,
    Visitor,
    parse,
    visit,
)
from icalendar import Calendar

from booking.principals import PrincipalKind
from gateway.runtime.composition import compose
from tests.acceptance import documents
from tests.acceptance.app import App, Json
from tests.acceptance.watching import subscribed
from tests.plugins.stack import Stack, Stacks

VISIT = """id status start end clinicianId clinicianName clinician { id name } visitTypeId visitTypeName contactType
  locationId location { id name } minutes calendarUrl"""
OPTIONS = "canCancelUntil canRescheduleUntil feeNow { amount currency }"
JOIN = "join { __typename ... on JoinLinks { url dialIn } ... on JoinNotReady { askAgainAt } }"
CHECKOUT = f"query Seen($id: ID!) {{ checkout(id: $id) {{ id status appointment {{ {VISIT} }} }} }}"
CHECKOUT_OPTIONS = f"query Seen($id: ID!) {{ checkout(id: $id) {{ appointment {{ id {OPTIONS} }} }} }}"
CHECKOUT_JOIN = f"query Seen($id: ID!) {{ checkout(id: $id) {{ appointment {{ id {JOIN} }} }} }}"
ME = f"""query Seen($filter: AppointmentFilter!, $first: Int! = 20, $after: String) {{
  me {{ appointments(filter: $filter, first: $first, after: $after) {{
    totalCount pageInfo {{ hasNextPage endCursor }} nodes {{ {VISIT} }} }} }} }}"""
ME_OPTIONS = f"query Seen {{ me {{ appointments(filter: ALL) {{ nodes {{ id status {OPTIONS} }} }} }} }}"
ME_JOIN = f"query Seen {{ me {{ appointments(filter: UPCOMING) {{ nodes {{ id {JOIN} }} }} }} }}"
STAFF_JOIN = f"query Seen($id: ID!) {{ patient(id: $id) {{ appointments {{ nodes {{ id {JOIN} }} }} }} }}"
WATCH = """subscription Watch($id: ID!) {
  checkoutChanged(id: $id) { status appointment { id status start(timeZone: "UTC") } } }"""

CHANGE = """mutation Change($input: updateAppointmentInput!) {
  updateAppointment(input: $input) { appointment { id } messages { field message } } }"""
DELETE = "mutation Delete($id: ID) { deleteAppointment(input: { id: $id }) { messages { message } } }"

DOCUMENTS = sorted(Path("integrations/healthie/operations").glob("*.graphql"))

ROOM = "https://video.example/room-of-the-patient"


async def practice_changes(stack: Stack, visit_id: str, **values: object) -> None:
    """Staff change the visit in their own program."""
    answer = await stack.emulator.ask(CHANGE, input={"id": visit_id, **values})
    assert not answer["updateAppointment"]["messages"], answer


async def practice_cancels(stack: Stack, visit_id: str) -> None:
    await practice_changes(stack, visit_id, pm_status="Cancelled")


async def practice_moves(stack: Stack, visit_id: str, to: datetime) -> None:
    await practice_changes(stack, visit_id, datetime=to.isoformat(), timezone="America/New_York")


async def a_guests(
    stack: Stack, *, visit: str = "Free Consultation", ahead: int = 3
) -> tuple[App, str, Json]:
    """A guest with a booked visit: their app, the checkout's id, and the visit as the confirm showed it."""
    guest, checkout_id = await (await stack.visitor()).guest_checkout(
        (await stack.slot(visit, ahead=ahead))["id"]
    )
    confirmed = await guest.confirm(checkout_id)
    assert confirmed["__typename"] == "ConfirmCheckoutSuccess", confirmed
    return guest, checkout_id, confirmed["checkout"]["appointment"]


async def a_patients(stack: Stack, *, ahead: int = 3) -> tuple[App, str, Json]:
    """A signed-in patient with one visit, booked by a checkout."""
    patient = stack.patient(stack.practice["patients"][0]["id"])
    checkout_id = await patient.own_checkout((await stack.slot("Free Consultation", ahead=ahead))["id"])
    return patient, checkout_id, (await patient.confirm(checkout_id))["checkout"]["appointment"]


async def of_checkout(app: App, checkout_id: str, document: str = CHECKOUT) -> Json:
    return (await app.ask(document, {"id": checkout_id}))["checkout"]["appointment"]


async def of_me(app: App, which: str = "ALL", **page: object) -> Json:
    return (await app.ask(ME, {"filter": which, **page}))["me"]["appointments"]


async def synchronize(stack: Stack) -> None:
    """A worker finds what the practice changed, and remembers it."""
    await stack.pass_time(timedelta(minutes=20))
    async with compose(stack.settings, clock=stack.clock) as system:
        await system.sync.visit_poll.changed()
        await system.sync.synchronizer.run_due()
        await system.sync.synchronizer.drain()


class TestOneTruth:
    async def test_a_checkouts_visit_and_mes_are_the_same_object(self, stack: Stack) -> None:
        patient, checkout_id, _ = await a_patients(stack)
        (mine,) = (await of_me(patient))["nodes"]
        assert await of_checkout(patient, checkout_id) == mine

    async def test_a_guest_sees_that_the_practice_cancelled(self, stack: Stack) -> None:
        guest, checkout_id, booked = await a_guests(stack)
        assert booked["status"] == "BOOKED"
        await practice_cancels(stack, booked["id"])
        assert (await of_checkout(guest, checkout_id))["status"] == "CANCELLED"

    async def test_a_guest_sees_where_the_practice_moved_it(self, stack: Stack) -> None:
        guest, checkout_id, booked = await a_guests(stack)
        later = datetime.fromisoformat(booked["start"]) + timedelta(hours=26)
        await practice_moves(stack, booked["id"], later)
        seen = await of_checkout(guest, checkout_id)
        assert datetime.fromisoformat(seen["start"]) == later
        assert seen["status"] == "BOOKED"

    async def test_a_visit_that_the_practice_deleted_is_cancelled(self, stack: Stack) -> None:
        guest, checkout_id, booked = await a_guests(stack)
        await stack.emulator.ask(DELETE, id=booked["id"])
        assert (await of_checkout(guest, checkout_id))["status"] == "CANCELLED"

    async def test_after_every_change_both_say_the_same(self, stack: Stack) -> None:
        patient, checkout_id, booked = await a_patients(stack)
        start = datetime.fromisoformat(booked["start"])
        changes: list[dict[str, object]] = [
            {"datetime": (start + timedelta(hours=26)).isoformat(), "timezone": "America/New_York"},
            {"pm_status": "Occurred"},
            {"other_party_id": stack.clinician(2)},
            {"pm_status": "No-Show"},
            {"pm_status": "Cancelled"},
        ]
        for change in changes:
            await practice_changes(stack, booked["id"], **change)
            (mine,) = (await of_me(patient))["nodes"]
            assert await of_checkout(patient, checkout_id) == mine, change

    async def test_while_healthie_is_down_the_last_that_was_seen_is_shown(self, stack: Stack) -> None:
        guest, checkout_id, booked = await a_guests(stack)
        await practice_cancels(stack, booked["id"])
        await stack.fault("http_5xx", "VisitAsItStands", count=50)
        assert (await of_checkout(guest, checkout_id))["status"] == "BOOKED", "nobody has seen it yet"
        await synchronize(stack)
        assert (await of_checkout(guest, checkout_id))["status"] == "CANCELLED"

    async def test_the_confirm_itself_reads_nothing_more_than_before(self, stack: Stack) -> None:
        guest, checkout_id = await (await stack.visitor()).guest_checkout(
            (await stack.slot("Free Consultation"))["id"]
        )
        await stack.emulator.control.forget_requests()
        confirmed = await guest.confirm(checkout_id)
        assert confirmed["checkout"]["appointment"]["status"] == "BOOKED"
        assert "VisitAsItStands" not in await stack.upstream()
        await of_checkout(guest, checkout_id)
        assert (await stack.upstream()).count("VisitAsItStands") == 1

    async def test_a_checkout_whose_visit_nobody_asks_for_reads_nothing(self, stack: Stack) -> None:
        guest, checkout_id, _ = await a_guests(stack)
        await stack.emulator.control.forget_requests()
        await guest.ask(
            "query S($id: ID!) { checkout(id: $id) { status slot { start } } }", {"id": checkout_id}
        )
        assert "VisitAsItStands" not in await stack.upstream()

    async def test_a_replayed_confirm_shows_the_visit_as_it_stands(self, stack: Stack) -> None:
        guest, checkout_id = await (await stack.visitor()).guest_checkout(
            (await stack.slot("Free Consultation"))["id"]
        )
        first = await guest.confirm(checkout_id, key="the-same")
        await stack.pass_time(timedelta(minutes=1))
        await practice_cancels(stack, first["checkout"]["appointment"]["id"])
        again = await guest.confirm(checkout_id, key="the-same")
        assert again["checkout"]["appointment"]["status"] == "CANCELLED"

    async def test_another_guest_sees_nothing_of_it(self, stack: Stack) -> None:
        _, checkout_id, _ = await a_guests(stack)
        other, _, _ = await a_guests(stack, ahead=4)
        assert (await other.ask(CHECKOUT, {"id": checkout_id}))["checkout"] is None

    async def test_who_watches_the_checkout_is_told(self, stack: Stack) -> None:
        guest, checkout_id, booked = await a_guests(stack)
        async with subscribed(stack, guest, WATCH, {"id": checkout_id}) as subscription:
            assert (await subscription.next())["appointment"]["status"] == "BOOKED"
            await practice_cancels(stack, booked["id"])
            await synchronize(stack)
            async with asyncio.timeout(20):
                told = await subscription.next()
        assert (told["status"], told["appointment"]["status"]) == ("CONFIRMED", "CANCELLED")


class TestLists:
    async def test_each_visit_is_upcoming_or_past_in_its_order(self, stack: Stack) -> None:
        patient = stack.patient(stack.practice["patients"][2]["id"])
        for ahead in (4, 3):
            checkout_id = await patient.own_checkout(
                (await stack.slot("Free Consultation", ahead=ahead))["id"]
            )
            booked = (await patient.confirm(checkout_id))["checkout"]["appointment"]
        await practice_cancels(stack, booked["id"])
        every, upcoming, past = [
            (await of_me(patient, which))["nodes"] for which in ("ALL", "UPCOMING", "PAST")
        ]
        assert booked["id"] in [one["id"] for one in past]
        assert sorted(one["id"] for one in every) == sorted(one["id"] for one in (*upcoming, *past))
        assert [one["start"] for one in upcoming] == sorted(one["start"] for one in upcoming)
        for shown in (every, past):
            assert [one["start"] for one in shown] == sorted((one["start"] for one in shown), reverse=True)

    async def test_pages_of_a_filter_go_on_where_the_last_one_ended(self, stack: Stack) -> None:
        patient = stack.patient(stack.practice["patients"][2]["id"])
        whole = await of_me(patient)
        found, after = [], None
        while True:
            page = await of_me(patient, first=1, after=after)
            found += page["nodes"]
            after = page["pageInfo"]["endCursor"]
            if not page["pageInfo"]["hasNextPage"]:
                break
        assert found == whole["nodes"]
        assert whole["totalCount"] == len(found) == 2

    async def test_a_list_of_visits_is_one_read_however_long(self, stack: Stack) -> None:
        patient = stack.patient(stack.practice["patients"][2]["id"])
        await stack.emulator.control.forget_requests()
        await of_me(patient)
        asked = await stack.upstream()
        assert asked.count("VisitsOfPatient") == 1
        assert {"VisitAsItStands", "BookedVisit", "JoinLinks"}.isdisjoint(asked)


class TestOptions:
    async def test_three_fields_of_a_visit_are_one_read(self, stack: Stack) -> None:
        guest, checkout_id, booked = await a_guests(stack)
        await stack.emulator.control.forget_requests()
        shown = await of_checkout(guest, checkout_id, CHECKOUT_OPTIONS)
        assert (await stack.upstream()).count("BookedVisit") == 1
        for until in (shown["canCancelUntil"], shown["canRescheduleUntil"]):
            assert until is None or datetime.fromisoformat(until) <= datetime.fromisoformat(booked["start"])
        assert shown["canCancelUntil"] or shown["canRescheduleUntil"], (
            "this practice lets its patients change visits"
        )

    async def test_only_visits_that_are_going_to_take_place_are_read(self, stack: Stack) -> None:
        patient, _, booked = await a_patients(stack)
        await stack.emulator.control.forget_requests()
        await patient.ask(ME_OPTIONS)
        assert (await stack.upstream()).count("BookedVisit") == 1
        await practice_cancels(stack, booked["id"])
        await stack.emulator.control.forget_requests()
        (shown,) = (await patient.ask(ME_OPTIONS))["me"]["appointments"]["nodes"]
        assert (await stack.upstream()).count("BookedVisit") == 0
        assert [shown[name] for name in ("canCancelUntil", "canRescheduleUntil", "feeNow")] == [None] * 3

    async def test_while_they_cannot_be_read_the_visit_is_shown_without_them(self, stack: Stack) -> None:
        patient, _, _ = await a_patients(stack)
        await stack.fault("http_5xx", "BookedVisit", count=50)
        body = (await patient.post(ME_OPTIONS)).json()
        (shown,) = body["data"]["me"]["appointments"]["nodes"]
        assert (shown["status"], shown["canCancelUntil"]) == ("BOOKED", None)
        assert {one["extensions"]["code"] for one in body["errors"]} == {"UPSTREAM_UNAVAILABLE"}

    async def test_a_long_page_with_them_is_refused_before_anything_is_read(self, stack: Stack) -> None:
        patient = stack.patient(stack.practice["patients"][0]["id"])
        document = f"query Q {{ me {{ appointments(first: 100) {{ nodes {{ {OPTIONS} }} }} }} }}"
        await stack.emulator.control.forget_requests()
        error = await patient.error(document, {})
        assert (error["extensions"]["code"], error["extensions"]["limit"]) == ("DOCUMENT_TOO_COMPLEX", "cost")
        assert await stack.upstream() == []


class TestJoin:
    async def test_it_is_not_ready_then_ready_and_then_over(self, stack: Stack) -> None:
        guest, checkout_id, booked = await a_guests(stack)
        start = datetime.fromisoformat(booked["start"])
        await stack.emulator.control.forget_requests()
        early = (await of_checkout(guest, checkout_id, CHECKOUT_JOIN))["join"]
        assert early["__typename"] == "JoinNotReady"
        assert datetime.fromisoformat(early["askAgainAt"]) == start - timedelta(days=1)
        assert "JoinLinks" not in await stack.upstream()
        await stack.pass_time(start - timedelta(hours=1) - stack.clock.now())
        near = (await of_checkout(guest, checkout_id, CHECKOUT_JOIN))["join"]
        assert near == {"__typename": "JoinNotReady", "askAgainAt": None}
        await practice_changes(stack, booked["id"], external_videochat_url=ROOM)
        ready = (await of_checkout(guest, checkout_id, CHECKOUT_JOIN))["join"]
        assert (ready["__typename"], ready["url"]) == ("JoinLinks", ROOM)
        await practice_cancels(stack, booked["id"])
        assert (await of_checkout(guest, checkout_id, CHECKOUT_JOIN))["join"] is None

    async def test_another_room_is_shown_at_once(self, stack: Stack) -> None:
        patient, _, booked = await a_patients(stack, ahead=1)
        await stack.pass_time(
            datetime.fromisoformat(booked["start"]) - timedelta(hours=1) - stack.clock.now()
        )
        patient = stack.patient(stack.practice["patients"][0]["id"])
        for room in (ROOM, f"{ROOM}-2"):
            await practice_changes(stack, booked["id"], external_videochat_url=room)
            (shown,) = (await patient.ask(ME_JOIN))["me"]["appointments"]["nodes"]
            assert shown["join"]["url"] == room

    async def test_staff_get_no_way_in_as_the_patient(self, stack: Stack) -> None:
        _, _, booked = await a_patients(stack, ahead=1)
        await stack.pass_time(
            datetime.fromisoformat(booked["start"]) - timedelta(hours=1) - stack.clock.now()
        )
        await practice_changes(stack, booked["id"], external_videochat_url=ROOM)
        staff = stack.patient(stack.clinician(1), kind=PrincipalKind.STAFF)
        await stack.emulator.control.forget_requests()
        answer = await staff.post(STAFF_JOIN, {"id": stack.practice["patients"][0]["id"]})
        assert [one["join"] for one in answer.json()["data"]["patient"]["appointments"]["nodes"]] == [None]
        assert ROOM not in answer.text
        assert "JoinLinks" not in await stack.upstream()


class TestCalendar:
    async def entry(self, stack: Stack, url: str) -> Json:
        answer = await stack.http.get(url)
        assert answer.status_code == 200, answer.text
        assert answer.headers["content-type"] == "text/calendar; charset=utf-8"
        assert answer.headers["cache-control"] == "private, no-store"
        (event,) = Calendar.from_ical(answer.text).walk("VEVENT")
        return event

    async def test_the_entry_follows_the_visit(self, stack: Stack) -> None:
        guest, checkout_id, booked = await a_guests(stack)
        url = (await of_checkout(guest, checkout_id))["calendarUrl"]
        first = await self.entry(stack, url)
        assert first.decoded("DTSTART") == datetime.fromisoformat(booked["start"])
        assert (first["STATUS"], "Free Consultation" in first["SUMMARY"]) == ("CONFIRMED", True)
        assert (await self.entry(stack, url))["SEQUENCE"] == first["SEQUENCE"]
        later = datetime.fromisoformat(booked["start"]) + timedelta(hours=26)
        await stack.pass_time(timedelta(minutes=5))
        await practice_moves(stack, booked["id"], later)
        moved = await self.entry(stack, url)
        assert moved.decoded("DTSTART") == later
        assert moved["SEQUENCE"] > first["SEQUENCE"]
        await stack.pass_time(timedelta(minutes=5))
        await practice_cancels(stack, booked["id"])
        cancelled = await self.entry(stack, url)
        assert (cancelled["STATUS"], cancelled["SEQUENCE"] > moved["SEQUENCE"]) == ("CANCELLED", True)
        assert first["UID"] == moved["UID"] == cancelled["UID"]

    async def test_it_names_no_patient_and_holds_no_way_in(self, stack: Stack) -> None:
        guest, checkout_id, booked = await a_guests(stack)
        await practice_changes(stack, booked["id"], external_videochat_url=ROOM)
        url = (await of_checkout(guest, checkout_id))["calendarUrl"]
        text = (await stack.http.get(url)).text
        (patient,) = (await stack.made())["patients"]
        for secret in (
            "Sample",
            "sample.guest@example.com",
            patient["id"],
            booked["id"],
            checkout_id,
            "video.example",
        ):
            assert secret not in re.sub(r"SUMMARY:.*?\r\n(?! )", "", text, flags=re.DOTALL)
            assert secret not in url

    async def test_forged_and_expired_links_answer_alike_and_read_nothing(self, stack: Stack) -> None:
        guest, checkout_id, _ = await a_guests(stack)
        url = (await of_checkout(guest, checkout_id))["calendarUrl"]
        await stack.emulator.control.forget_requests()
        forged = await stack.http.get(url.replace(url[12:20], "AAAAAAAA"))
        await stack.pass_time(timedelta(days=40))
        expired = await stack.http.get(url)
        assert (
            (forged.status_code, forged.content)
            == (expired.status_code, expired.content)
            == (404, b"Not Found")
        )
        assert "VisitAsItStands" not in await stack.upstream()

    async def test_a_calendar_that_asks_without_end_is_told_to_wait(self, stacks: Stacks) -> None:
        stack = await stacks.start(rate_factor=1)
        guest, checkout_id, _ = await a_guests(stack)
        url = (await of_checkout(guest, checkout_id))["calendarUrl"]
        statuses = [(await stack.http.get(url)).status_code for _ in range(41)]
        assert statuses[:20] == [200] * 20
        assert statuses[-1] == 429

    async def test_while_the_visit_cannot_be_read_and_never_was_calendars_ask_again(
        self, stack: Stack
    ) -> None:
        guest, checkout_id, _ = await a_guests(stack)
        url = (await of_checkout(guest, checkout_id))["calendarUrl"]
        await stack.fault("http_5xx", "VisitAsItStands", count=50)
        answer = await stack.http.get(url)
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "60")

    async def test_links_begin_with_the_public_address(self, stacks: Stacks) -> None:
        stack = await stacks.start(public_url="https://api.example.com/")
        guest, checkout_id, _ = await a_guests(stack)
        url = (await of_checkout(guest, checkout_id))["calendarUrl"]
        assert url.startswith("https://api.example.com/calendar/")
        assert (await stack.http.get(url.removeprefix("https://api.example.com"))).status_code == 200


# What an appointment has at Healthie that no patient may see: the host's way in, notes, recordings, and who else comes. `generated_token`
# would be the token of whoever's key asks.
NEVER_ASKED = frozenset(
    {
        "zoom_start_url", "zoom_co_host_links", "zoom_cloud_recording_urls", "zoom_cloud_recording_files", "zoom_meeting_id",
        "transcripts", "notes", "attendees", "attended_clients", "attendees_on_waitlist", "generated_token", "session_id",
        "unauthenticated_ics_link", "connected_chart_note_string", "external_uuid", "providers",
    }
)  # fmt: skip


class _Selected(Visitor):
    def __init__(self) -> None:
        super().__init__()
        self.names: set[str] = set()

    def enter_field(self, node: FieldNode, *_: object) -> None:
        self.names.add(node.name.value)


def operations_in(document: DocumentNode) -> set[str]:
    return {
        each.name.value
        for each in document.definitions
        if isinstance(each, OperationDefinitionNode) and each.name is not None
    }


def selected(document: DocumentNode) -> set[str]:
    found = _Selected()
    visit(document, found)
    return found.names


# Seats of groups, which two places count: how many are taken, and whether a patient has one. So much is asked of each, and no more.
SEATS = {
    "GroupVisit": {"attended_clients": {"cancelled"}},
    "VisitsOfPatient": {
        "attended_clients": {"cancelled", "user", "user.id"},
        "attendees_on_waitlist": {"id"},
    },
}


def without_seats(document: DocumentNode) -> DocumentNode:
    """The document without the seats that may be asked for, where they are asked for as they may be."""

    class _Dropped(Visitor):
        def __init__(self) -> None:
            super().__init__()
            self.allowed: dict[str, set[str]] = {}

        def enter(self, node: object, *_: object) -> object:
            if isinstance(node, OperationDefinitionNode | FragmentDefinitionNode):
                self.allowed = SEATS.get(node.name.value if node.name else "", {})
            if not isinstance(node, FieldNode) or node.name.value not in self.allowed:
                return None
            return REMOVE if paths_in(node) == self.allowed[node.name.value] else None

    dropped: DocumentNode = visit(document, _Dropped())
    return dropped


def paths_in(field: FieldNode) -> set[str]:
    """What is selected in a field, at any depth; a fragment by its dots, which is nothing that is allowed."""
    found = set()
    for each in field.selection_set.selections if field.selection_set else ():
        if not isinstance(each, FieldNode):
            return {"..."}
        found |= {each.name.value, *(f"{each.name.value}.{path}" for path in paths_in(each))}
    return found


@pytest.mark.parametrize(
    ("asked", "allowed"),
    [
        ("fragment GroupVisit on Appointment { attended_clients { cancelled } }", True),
        ("fragment GroupVisit on Appointment { attended_clients { cancelled id } }", False),
        ("fragment GroupVisit on Appointment { attended_clients { cancelled user { id } } }", False),
        ("fragment GroupVisit on Appointment { attended_clients { ...Seat } }", False),
        ("fragment GroupVisit on Appointment { attendees { id } }", False),
        ("query VisitsOfPatient { a { attended_clients { cancelled user { id } } } }", True),
        ("query VisitsOfPatient { a { attended_clients { cancelled user { id email } } } }", False),
        ("query VisitsOfPatient { a { attended_clients { cancelled external_uuid user { id } } } }", False),
        ("query BookedVisit { a { attended_clients { cancelled } } }", False),
    ],
)
def test_of_a_seat_no_more_is_asked_than_is_counted(asked: str, *, allowed: bool) -> None:
    assert (selected(without_seats(parse(asked))) & NEVER_ASKED == set()) is allowed


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.stem)
def test_no_document_asks_for_what_no_patient_may_see(path: Path) -> None:
    assert selected(without_seats(parse(path.read_text()))) & NEVER_ASKED == set()


async def test_nothing_is_sent_upstream_that_asks_for_it(stack: Stack) -> None:
    """The documents as they arrive, while everything is looked at that the API has of a visit."""
    guest, checkout_id, booked = await a_guests(stack, ahead=1)
    await stack.pass_time(datetime.fromisoformat(booked["start"]) - timedelta(hours=1) - stack.clock.now())
    for document in (CHECKOUT, CHECKOUT_OPTIONS, CHECKOUT_JOIN, documents.CHECKOUT_OF):
        await of_checkout(guest, checkout_id, document)
    asked = set(await stack.upstream()) - {
        "ApiVersion"
    }  # which of its versions answers, by documents of all operations
    assert {"VisitAsItStands", "BookedVisit", "JoinLinks"} <= asked
    known = {name for path in DOCUMENTS for name in operations_in(parse(path.read_text()))}
    assert asked <= known, "every document that was sent is one of those that were looked through"
