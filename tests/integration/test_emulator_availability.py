"""Slots and days: of several clinicians at once, by licence, place and contact type, in the zone asked for."""

from typing import Any

import pytest

from tests.plugins.emulator import CLINICIAN_1, OWNER, PATIENT_1, EmulatorClient

SLOTS = """query Slots($provider: ID!, $providers: [ID], $org: Boolean, $unique: Boolean, $state: String, $type: ID,
    $contact: String, $place: ID, $start: ISO8601DateTime, $end: ISO8601DateTime, $zone: String) {
  availableSlotsForRange(provider_id: $provider, provider_ids: $providers, org_level: $org, make_unique: $unique,
    licensed_in_state: $state, appt_type_id: $type, contact_type: $contact, appt_loc_id: $place,
    start_date: $start, end_date: $end, timezone: $zone) { user_id date length appointment_id is_fully_booked } }"""

DAYS = """query Days($provider: String, $providers: [ID], $org: Boolean, $type: ID, $month: String, $zone: String) {
  daysAvailableForRange(provider_id: $provider, provider_ids: $providers, org_level: $org, appt_type_id: $type,
    date_from_month: $month, timezone: $zone) }"""

TUESDAY = {"start": "2027-01-05", "end": "2027-01-05"}
VIDEO = "Healthie Video Call"


@pytest.fixture
async def ids(emulator: EmulatorClient) -> dict[str, Any]:
    seed = await emulator.control.seed()
    return {
        "clinicians": [each["id"] for each in seed["clinicians"]],
        "places": list(seed["locations"].values()),
        **seed["visit_types"],
    }


async def slots(
    emulator: EmulatorClient, *, key: str | None = OWNER, **variables: Any
) -> list[dict[str, Any]]:
    data = await emulator.ask(SLOTS, key=key, **{**TUESDAY, "contact": VIDEO, **variables})
    found: list[dict[str, Any]] = data["availableSlotsForRange"]
    return found


async def test_slots_are_written_as_healthie_writes_them_in_the_zone_of_the_keys_owner(
    emulator: EmulatorClient, ids: dict[str, Any]
) -> None:
    second = ids["clinicians"][1]
    found = await slots(emulator, key=CLINICIAN_1, provider=second, type=ids["Initial Visit"])
    assert found[0] == {
        "user_id": second,
        "date": "2027-01-05 11:00:00 -0500",  # he begins at ten in Chicago; New York asks
        "length": 60,
        "appointment_id": None,
        "is_fully_booked": False,
    }


async def test_timezone_says_which_days_are_meant_and_not_how_slots_are_written(
    emulator: EmulatorClient, ids: dict[str, Any]
) -> None:
    """Healthie's guide: from the first day's 00:00:00 to the last day's 23:59:59 in the zone; outputs are the key owner's."""
    asked = {"provider": ids["clinicians"][0], "type": ids["Initial Visit"]}
    eastern = await slots(emulator, **asked)
    tokyo = await slots(emulator, **asked, zone="Asia/Tokyo")
    assert (eastern[0]["date"], eastern[-1]["date"]) == (
        "2027-01-05 09:00:00 -0500",
        "2027-01-05 19:00:00 -0500",
    )
    # His Tuesday in Tokyo begins on his Monday at ten; an hour from now is the notice.
    assert (tokyo[0]["date"], tokyo[-1]["date"]) == ("2027-01-04 11:00:00 -0500", "2027-01-05 09:45:00 -0500")


async def test_without_timezone_the_providers_zone_counts_and_with_a_patients_key_the_patients(
    emulator: EmulatorClient, ids: dict[str, Any]
) -> None:
    """A day of Dana's in Los Angeles: her zone for who has no key and for staff, New York's for Patient One."""
    document = """query Days($id: String, $type: ID) { daysAvailableForRange(provider_id: $id, appt_type_id: $type,
      start_date: "2027-01-05", end_date: "2027-01-05") }"""
    slots_ = """query Slots($id: ID!, $type: ID) { availableSlotsForRange(provider_id: $id, appt_type_id: $type,
      start_date: "2027-01-05T23:30:00-05:00", end_date: "2027-01-05T23:30:00-05:00") { date } }"""
    asked = {"id": ids["clinicians"][3], "type": ids["Initial Visit"]}
    assert (await emulator.ask(document, key=None, **asked))["daysAvailableForRange"] == ["2027-01-05"]
    by_staff = (await emulator.ask(slots_, key=OWNER, **asked))["availableSlotsForRange"]
    by_patient = (await emulator.ask(slots_, key=PATIENT_1, **asked))["availableSlotsForRange"]
    assert by_staff == by_patient != []  # half past eleven at night is the fifth of January for both
    tokyo = await emulator.ask(DAYS, key=PATIENT_1, provider=ids["clinicians"][3], type=ids["Initial Visit"])
    assert tokyo["daysAvailableForRange"][0] == "2027-01-04"


async def test_an_instant_stands_for_its_day_as_healthies_widget_sends_it(
    emulator: EmulatorClient, ids: dict[str, Any]
) -> None:
    asked = {"provider": ids["clinicians"][0], "type": ids["Initial Visit"], "zone": "America/New_York"}
    of_javascript = "Tue Jan 05 2027 17:21:09 GMT-0500 (Eastern Standard Time)"
    assert await slots(emulator, **asked, start=of_javascript, end=of_javascript) == await slots(
        emulator, **asked
    )


async def test_slots_of_no_type_and_no_length_are_an_hour_long(
    emulator: EmulatorClient, ids: dict[str, Any]
) -> None:
    assert {slot["length"] for slot in await slots(emulator, key=None, provider=ids["clinicians"][0])} == {60}


class TestDays:
    RANGE = """query Range($id: String, $type: ID, $from: String, $until: ISO8601DateTime, $month: String,
        $first: String, $last: ISO8601Date) {
      daysAvailableForRange(provider_id: $id, appt_type_id: $type, start_date: $from, end_date: $until,
        date_from_month: $month, start_date_boundary: $first, end_date_boundary: $last) }"""

    async def days(self, emulator: EmulatorClient, ids: dict[str, Any], **asked: Any) -> list[str]:
        values = {"id": ids["clinicians"][0], "type": ids["Initial Visit"], **asked}
        return list((await emulator.ask(self.RANGE, key=None, **values))["daysAvailableForRange"])

    async def test_a_range_overrides_the_month(self, emulator: EmulatorClient, ids: dict[str, Any]) -> None:
        """Healthie's reference of `daysAvailableForRange`: `start_date` and `end_date` come before `date_from_month`."""
        asked = {"from": "2027-01-30", "until": "2027-02-02", "month": "2027-03-01"}
        found = await self.days(emulator, ids, **asked)
        assert found == ["2027-01-30", "2027-01-31", "2027-02-01", "2027-02-02"]

    async def test_with_no_dates_it_is_the_present_month(
        self, emulator: EmulatorClient, ids: dict[str, Any]
    ) -> None:
        """Healthie's reference of `date_from_month`: the current date where it is not provided."""
        found = await self.days(emulator, ids)
        assert (found[0], found[-1], len(found)) == ("2027-01-04", "2027-01-31", 28)

    async def test_one_end_of_a_range_without_the_other_is_an_error(
        self, emulator: EmulatorClient, ids: dict[str, Any]
    ) -> None:
        values = {"id": ids["clinicians"][0], "from": "2027-01-30"}
        assert "together" in (await emulator.errors(self.RANGE, **values))[0]["message"]

    async def test_boundaries_are_days_that_still_count(
        self, emulator: EmulatorClient, ids: dict[str, Any]
    ) -> None:
        found = await self.days(emulator, ids, first="2027-01-10", last="2027-01-12")
        assert found == ["2027-01-10", "2027-01-11", "2027-01-12"]


async def test_who_is_left_out_counts_with_org_level_only_and_before_who_is_asked_for(
    emulator: EmulatorClient, ids: dict[str, Any]
) -> None:
    """Healthie's reference of `exclude_provider_ids`: it wins over `provider_ids`, and is nothing without `org_level`."""
    document = """query Slots($id: ID!, $ids: [ID], $not: [ID], $org: Boolean, $type: ID) {
      availableSlotsForRange(provider_id: $id, provider_ids: $ids, exclude_provider_ids: $not, org_level: $org,
        appt_type_id: $type, start_date: "2027-01-05", end_date: "2027-01-05", make_unique: false) { user_id } }"""
    first, second, *_ = ids["clinicians"]

    async def whose(**asked: Any) -> set[str]:
        values = {"id": first, "type": ids["Initial Visit"], "not": [first], **asked}
        found = (await emulator.ask(document, **values))["availableSlotsForRange"]
        return {slot["user_id"] for slot in found}

    assert await whose() == {first}
    assert await whose(org=True, ids=[first, second]) == {second}


async def test_tags_and_an_insurance_plan_leave_those_clinicians_who_have_them(
    emulator: EmulatorClient, ids: dict[str, Any]
) -> None:
    """Healthie's reference: `tag_ids` leaves who has all of the tags, with `org_level` only; a plan, who accepts it."""
    document = """query Slots($id: ID!, $org: Boolean, $tags: [ID], $plan: ID, $type: ID) {
      availableSlotsForRange(provider_id: $id, org_level: $org, tag_ids: $tags, accepts_insurance_plan_id: $plan,
        appt_type_id: $type, start_date: "2027-01-05", end_date: "2027-01-05", make_unique: false) { user_id } }"""
    tagging = """mutation Tag($name: String, $user: ID) { createTag(input: {name: $name, taggable_user_id: $user}) {
      tag { id } } }"""
    first, second, *_ = ids["clinicians"]

    async def tag(name: str, user: str) -> str:
        return str((await emulator.ask(tagging, name=name, user=user))["createTag"]["tag"]["id"])

    async def whose(**asked: Any) -> set[str]:
        found = await emulator.ask(document, **{"id": first, "type": ids["Initial Visit"], **asked})
        return {slot["user_id"] for slot in found["availableSlotsForRange"]}

    spanish, evenings = await tag("Spanish", second), await tag("Evenings", first)
    assert await whose(org=True, tags=[spanish]) == {second}
    assert await whose(org=True, tags=[spanish, evenings]) == set()
    assert await whose(tags=[spanish]) == {first}
    plans = await emulator.ask("{ insurancePlans { nodes { id is_accepted } } }")
    accepting = {
        each["id"]: await whose(org=True, plan=each["id"]) for each in plans["insurancePlans"]["nodes"]
    }
    assert sorted(map(len, accepting.values())) == [0] * (len(accepting) - 1) + [1]


async def test_the_next_slot_is_the_first_of_all(emulator: EmulatorClient, ids: dict[str, Any]) -> None:
    document = """query Next($id: String, $type: ID, $from: String, $until: String) {
      nextAvailableSlot(provider_id: $id, appt_type_id: $type, start_date_boundary: $from, end_date_boundary: $until) }"""
    asked = {"id": ids["clinicians"][0], "type": ids["Initial Visit"]}
    assert (await emulator.ask(document, **asked))["nextAvailableSlot"] == "2027-01-04 11:00:00 -0500"
    later = await emulator.ask(document, **asked, **{"from": "2027-01-06"})
    assert later["nextAvailableSlot"] == "2027-01-06 09:00:00 -0500"
    past = await emulator.ask(document, **asked, until="2027-01-03")
    assert past["nextAvailableSlot"] is None


async def test_org_level_with_provider_ids_asks_for_several_and_without_org_level_for_one(
    emulator: EmulatorClient, ids: dict[str, Any]
) -> None:
    first, second, *_ = ids["clinicians"]
    asked = {"provider": first, "providers": [first, second], "unique": False, "type": ids["Initial Visit"]}
    assert {slot["user_id"] for slot in await slots(emulator, **asked, org=True)} == {first, second}
    assert {slot["user_id"] for slot in await slots(emulator, **asked)} == {first}
    everyone = await slots(emulator, provider=first, org=True, unique=False, type=ids["Initial Visit"])
    assert {slot["user_id"] for slot in everyone} == set(ids["clinicians"])


async def test_make_unique_false_keeps_same_time_slots_of_different_providers(
    emulator: EmulatorClient, ids: dict[str, Any]
) -> None:
    asked = {"provider": ids["clinicians"][0], "org": True, "type": ids["Initial Visit"]}
    unique = [slot["date"] for slot in await slots(emulator, **asked)]
    every = [slot["date"] for slot in await slots(emulator, **asked, unique=False)]
    assert len(set(unique)) == len(unique)
    assert set(unique) == set(every)
    assert len(every) > len(unique)
    assert every == sorted(every)


async def test_licensed_in_state_leaves_those_who_may_treat_there(
    emulator: EmulatorClient, ids: dict[str, Any]
) -> None:
    first, _, third, _ = ids["clinicians"]
    asked = {"provider": first, "org": True, "unique": False, "type": ids["Initial Visit"]}
    assert {slot["user_id"] for slot in await slots(emulator, **asked, state="NY")} == {first, third}


async def test_in_person_has_the_hours_of_its_place(emulator: EmulatorClient, ids: dict[str, Any]) -> None:
    asked = {"provider": ids["clinicians"][0], "type": ids["Initial Visit"], "contact": "In Person"}
    here = await slots(emulator, **asked, place=ids["places"][0])
    assert here[0]["date"] == "2027-01-05 13:00:00 -0500"
    assert await slots(emulator, **asked, place=ids["places"][1]) == []


@pytest.mark.parametrize(
    "wrong",
    [{"type": "no type"}, {"contact": "Carrier Pigeon"}, {"place": "no place"}, {"provider": "no one"}],
    ids=lambda wrong: next(iter(wrong)),
)
async def test_a_filter_of_the_wrong_kind_answers_an_empty_list(
    emulator: EmulatorClient, ids: dict[str, Any], wrong: dict[str, str]
) -> None:
    asked = {"provider": ids["clinicians"][0], "type": ids["Initial Visit"]}
    assert await slots(emulator, **asked) != []
    assert await slots(emulator, **{**asked, **wrong}) == []


async def test_a_patients_id_where_a_clinicians_is_meant_finds_nothing(
    emulator: EmulatorClient, ids: dict[str, Any]
) -> None:
    patient = (await emulator.control.seed())["patients"][0]["id"]
    assert await slots(emulator, provider=patient, type=ids["Initial Visit"]) == []


async def test_the_days_of_a_month_are_those_that_have_slots(
    emulator: EmulatorClient, ids: dict[str, Any]
) -> None:
    asked = {"provider": ids["clinicians"][0], "type": ids["Initial Visit"], "zone": "America/New_York"}
    january = await emulator.ask(DAYS, **asked, month="2027-01-20")
    assert january["daysAvailableForRange"][0] == "2027-01-04"  # today; the days before are gone
    assert len(january["daysAvailableForRange"]) == 28
    april = await emulator.ask(DAYS, **asked, month="2027-04-01")
    assert april["daysAvailableForRange"] == [
        "2027-04-01",
        "2027-04-02",
        "2027-04-03",
        "2027-04-04",
    ]  # 90 days on


async def test_days_are_named_in_the_zone_asked_for(emulator: EmulatorClient, ids: dict[str, Any]) -> None:
    asked = {"provider": ids["clinicians"][3], "type": ids["Initial Visit"], "month": "2027-02-01"}
    tokyo = await emulator.ask(DAYS, **asked, zone="Asia/Tokyo")
    assert tokyo["daysAvailableForRange"][-1] == "2027-02-28"
    assert tokyo["daysAvailableForRange"][0] == "2027-02-01"


async def test_both_changes_of_clocks_move_the_slots_with_the_wall_clock(
    emulator: EmulatorClient, ids: dict[str, Any]
) -> None:
    """Spring: 2027-03-14. Autumn: 2027-11-07. She begins at nine, whatever the offset."""
    asked = {"provider": ids["clinicians"][0], "type": ids["Initial Visit"]}
    for now, day, offset in (
        ("2027-03-10T12:00:00+00:00", "2027-03-13", "-0500"),
        ("2027-03-10T12:00:00+00:00", "2027-03-14", "-0400"),
        ("2027-11-03T12:00:00+00:00", "2027-11-06", "-0400"),
        ("2027-11-03T12:00:00+00:00", "2027-11-07", "-0500"),
    ):
        await emulator.control.clock(set=now)
        found = await slots(emulator, **asked, start=day, end=day)
        assert found[0]["date"] == f"{day} 09:00:00 {offset}"


async def test_a_range_that_would_time_out_is_refused(emulator: EmulatorClient, ids: dict[str, Any]) -> None:
    errors = await emulator.errors(
        SLOTS, provider=ids["clinicians"][0], type=ids["Initial Visit"], start="2027-01-01", end="2030-01-01"
    )
    assert "at most 100 days" in errors[0]["message"]


async def test_working_hours_are_listed_weekly_and_one_time(
    emulator: EmulatorClient, ids: dict[str, Any]
) -> None:
    document = """query Hours($id: ID, $once: Boolean, $weekly: Boolean, $from: ISO8601DateTime, $show: Boolean) {
      availabilities(provider_id: $id, one_time: $once, is_repeating: $weekly, startDate: $from, show_availability: $show) {
      is_repeating day_of_week range_start range_end user { id } } }"""

    async def listed(**asked: Any) -> list[dict[str, Any]]:
        answer = await emulator.ask(document, id=ids["clinicians"][0], **asked)
        return list(answer["availabilities"])

    assert {each["day_of_week"] for each in await listed(weekly=True)} == {0, 1, 2, 3, 4, 5, 6}
    assert await listed() == []  # without one_time and is_repeating there are none
    assert await listed(weekly=True, show=False) == []
    assert await listed(once=True, **{"from": "2027-01-06"}) == []
    assert await listed(once=True) == [
        {
            "is_repeating": False,
            "day_of_week": 2,
            "range_start": "2027-01-05 18:00:00 -0500",
            "range_end": "2027-01-05 20:00:00 -0500",
            "user": {"id": ids["clinicians"][0]},
        }
    ]


async def test_each_time_of_weekly_hours_has_an_id_of_its_own_beside_that_of_the_hours(
    emulator: EmulatorClient, ids: dict[str, Any]
) -> None:
    document = """query Hours($id: ID, $from: ISO8601DateTime, $until: ISO8601DateTime) {
      availabilities(provider_id: $id, is_repeating: true, startDate: $from, endDate: $until) {
      id repeating_availability_id range_start } }"""
    given = {"id": ids["clinicians"][0], "from": "2027-01-05", "until": "2027-01-19"}
    listed = (await emulator.ask(document, **given))["availabilities"]
    times = {each["id"] for each in listed}
    weekly = {each["repeating_availability_id"] for each in listed}
    assert len(times) == len(listed) == 2 * len(weekly)
    assert not times & weekly
    one = await emulator.ask("query One($id: ID) { availability(id: $id) { id } }", id=min(weekly))
    assert one["availability"] == {"id": min(weekly)}
