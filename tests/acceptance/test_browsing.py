"""What a patient sees before deciding: plans, clinicians, free days and slots."""

import base64
from datetime import datetime
from itertools import groupby

import pytest

from tests.acceptance import documents
from tests.plugins.emulator import LATEST
from tests.plugins.stack import Stack, Stacks

OFFERED = ["First Visit", "Starter Plan", "Monthly Care", "Founders' Plan", "Early Bird Plan"]


class TestPlans:
    @pytest.mark.parametrize(
        ("state", "keyword", "names"),
        [
            (None, None, OFFERED),  # the hidden one is absent
            ("NY", None, OFFERED),
            ("ny", "  MONTH ", ["Monthly Care"]),
            (None, "first two", ["Founders' Plan"]),  # of the description
            (None, "no such words", []),
            ("WA", None, []),  # licensed there: only the clinician who cannot be booked
        ],
    )
    async def test_are_filtered_by_state_and_words(
        self, stack: Stack, state: str | None, keyword: str | None, names: list[str]
    ) -> None:
        app = await stack.visitor()
        found = (await app.ask(documents.PLANS, {"state": state, "keyword": keyword}))["plans"]
        assert [plan["name"] for plan in found["nodes"]] == names
        assert found["totalCount"] == len(names)

    async def test_come_page_by_page_each_once(self, stack: Stack) -> None:
        app = await stack.visitor()
        seen, after, more = [], None, True
        while more:
            page = (await app.ask(documents.PLANS, {"first": 2, "after": after}))["plans"]
            assert len(page["nodes"]) <= 2
            seen += [plan["name"] for plan in page["nodes"]]
            more, after = page["pageInfo"]["hasNextPage"], page["pageInfo"]["endCursor"]
        assert seen == OFFERED

    async def test_say_what_is_sold_out(self, stack: Stack) -> None:
        plans = (await (await stack.visitor()).ask(documents.PLANS))["plans"]["nodes"]
        assert [plan["name"] for plan in plans if plan["soldOut"]] == ["Founders' Plan"]


async def test_the_offer_names_visits_places_and_rules(stack: Stack) -> None:
    offer = await (await stack.visitor()).ask(documents.OFFER)
    visits = {kind["name"]: kind for kind in offer["visitTypes"]}
    assert "Team Meeting" not in visits, "patients cannot book it"
    assert {name for name, kind in visits.items() if kind["requiresPlan"]} == {
        "Initial Visit",
        "Follow-up Visit",
    }
    assert visits["Single Visit"]["price"] == {"amount": "120.00"}
    assert visits["Free Consultation"]["minutes"] == 15
    assert {place["id"] for place in offer["locations"]} <= set(stack.practice["locations"].values())
    assert offer["bookingPolicy"] == {
        "scheduleNoticeMinutes": 60,
        "cancelNoticeMinutes": 1440,
        "lateCancellationFee": {"amount": "50.00"},
        "noShowFee": {"amount": "75.00"},
    }


class TestClinicians:
    @pytest.mark.parametrize(
        ("state", "visit", "numbers"),
        [
            (None, None, [1, 2, 3]),  # the fourth has no key
            ("NY", None, [1, 3]),
            ("CA", None, [3]),  # the fourth is licensed there too
            (None, "Assessment in Person", [1, 2]),
            ("NY", "Assessment in Person", [1]),
            ("WA", None, []),
        ],
    )
    async def test_are_licensed_in_the_state_and_offer_the_visit(
        self, stack: Stack, state: str | None, visit: str | None, numbers: list[int]
    ) -> None:
        sought = {"state": state, "visitTypeId": stack.visit(visit) if visit else None}
        found = (await (await stack.visitor()).ask(documents.CLINICIANS, sought))["clinicians"]
        assert {each["id"] for each in found} == {stack.clinician(number) for number in numbers}
        assert all(state is None or state in each["licensedIn"] for each in found)

    async def test_without_a_proved_key_cannot_be_sought(self, stack: Stack) -> None:
        sought = {
            "visitTypeId": stack.visit("Initial Visit"),
            "timeZone": "UTC",
            "clinicianIds": [stack.clinician(4)],
        }
        variables = {"filter": sought, "from": stack.day(1), "until": stack.day(1)}
        error = await (await stack.visitor()).error(documents.SLOTS, variables)
        assert error["extensions"] == {"code": "BAD_USER_INPUT", "field": "clinicianIds"}

    async def test_without_a_proved_key_cannot_be_booked_by_a_made_up_slot(self, stack: Stack) -> None:
        real = base64.urlsafe_b64decode((await stack.slot())["id"] + "==").decode()
        forged = real.replace(stack.clinician(1), stack.clinician(4), 1)
        name = base64.urlsafe_b64encode(forged.encode()).decode().rstrip("=")
        assert (await (await stack.visitor()).hold(name))["code"] == "CLINICIAN_NOT_BOOKABLE"

    async def test_whose_key_is_somebody_elses_is_not_offered(self, stacks: Stacks) -> None:
        first = await stacks.start()
        keys = dict(first.practice["clinician_keys"])
        keys[first.clinician(2)] = keys[first.clinician(1)]
        stack = await stacks.start(healthie_keys=keys)
        found = (await (await stack.visitor()).ask(documents.CLINICIANS))["clinicians"]
        assert {each["id"] for each in found} == {stack.clinician(1), stack.clinician(3)}


class TestSlots:
    async def test_are_in_the_patients_own_zone_and_days(self, stack: Stack) -> None:
        """The first clinician opens at 9 in New York, which is 6 in Los Angeles."""
        slot = await stack.slot(timeZone="America/Los_Angeles")
        assert slot["start"] == f"{stack.day(3)}T06:00:00-08:00"
        assert slot["end"] == f"{stack.day(3)}T07:00:00-08:00"
        assert slot["timeZone"] == "America/Los_Angeles"
        late = await stack.slot(timeZone="Pacific/Kiritimati", nth=0)
        assert late["start"].startswith(stack.day(3))
        assert late["start"].endswith("+14:00")

    @pytest.mark.parametrize(
        ("at", "saturday", "sunday"),
        [
            ("2027-03-11T15:00:00+00:00", "2027-03-13T09:00:00-05:00", "2027-03-14T09:00:00-04:00"),
            ("2027-11-04T15:00:00+00:00", "2027-11-06T09:00:00-04:00", "2027-11-07T09:00:00-05:00"),
        ],
        ids=["spring", "autumn"],
    )
    async def test_keep_the_clinicians_hours_when_the_clocks_change(
        self, stacks: Stacks, at: str, saturday: str, sunday: str
    ) -> None:
        stack = await stacks.start(at=at, healthie_api_version=LATEST)  # the older ones have ended by then
        app = await stack.visitor()
        sought = {"visitTypeId": stack.visit("Initial Visit"), "clinicianIds": [stack.clinician(1)]}
        found = await app.slots(saturday[:10], sunday[:10], **sought)
        firsts = [next(day)["start"] for _, day in groupby(found, key=lambda slot: slot["start"][:10])]
        assert firsts == [saturday, sunday]
        guest, checkout_id = await app.guest_checkout(
            next(slot["id"] for slot in found if slot["start"] == sunday), planId=stack.plan("First Visit")
        )
        booked = (await guest.confirm(checkout_id, cardToken="tok_visa"))["checkout"]["appointment"]
        assert booked["start"] == sunday
        (kept,) = (await stack.made())["appointments"]
        assert datetime.fromisoformat(kept["starts_at"]) == datetime.fromisoformat(sunday)

    async def test_of_several_clinicians_come_together_same_times_included(self, stack: Stack) -> None:
        wanted = [stack.clinician(1), stack.clinician(2)]
        found = await (await stack.visitor()).slots(
            stack.day(3), stack.day(3), visitTypeId=stack.visit("Follow-up Visit"), clinicianIds=wanted
        )
        assert {slot["clinicianId"] for slot in found} == set(wanted)
        starts = [slot["start"] for slot in found]
        assert len(set(starts)) < len(starts)
        assert starts == sorted(starts)

    async def test_that_are_held_are_absent_for_others_whatever_the_visit(self, stack: Stack) -> None:
        hour = await stack.slot("Initial Visit")
        await (await stack.visitor()).held(hour["id"])
        others = await (await stack.visitor()).slots(
            stack.day(3),
            stack.day(3),
            visitTypeId=stack.visit("Follow-up Visit"),
            clinicianIds=[stack.clinician(1)],
        )
        assert others
        assert all(slot["start"] >= hour["end"] or slot["end"] <= hour["start"] for slot in others)

    async def test_of_the_past_are_absent(self, stack: Stack) -> None:
        now = stack.clock.now()
        found = await (await stack.visitor()).slots(
            stack.day(0), stack.day(0), visitTypeId=stack.visit("Free Consultation")
        )
        assert found
        assert all(datetime.fromisoformat(slot["start"]) > now for slot in found)


class TestAvailableDays:
    async def test_are_those_that_have_slots_and_none_that_is_over(self, stack: Stack) -> None:
        app = await stack.visitor()
        sought = {"visitTypeId": stack.visit("Initial Visit"), "timeZone": "America/New_York"}
        days = (await app.ask(documents.DAYS, {"filter": sought, "month": stack.day(0)}))["availableDays"]
        slots = await app.slots(stack.day(0), "2027-01-31", visitTypeId=sought["visitTypeId"])
        assert days == sorted({slot["start"][:10] for slot in slots})
        assert days[0] >= stack.day(0)

    async def test_are_none_where_nobody_may_treat(self, stack: Stack) -> None:
        sought = {"visitTypeId": stack.visit("Initial Visit"), "timeZone": "UTC", "state": "WA"}
        variables = {"filter": sought, "month": stack.day(0)}
        assert (await (await stack.visitor()).ask(documents.DAYS, variables)) == {"availableDays": []}
