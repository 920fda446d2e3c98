"""Times are read on the wall clock that applies and written in the formats that Healthie writes."""

from datetime import UTC, datetime

import pytest
from graphql import GraphQLError

from integrations.healthie_emulator.dates import read, write

NEW_YORK, DENVER = "America/New_York", "America/Denver"


@pytest.mark.parametrize(
    ("type_name", "zone", "written"),
    [
        ("Appointment", DENVER, "2026-01-30 12:15:00 -0700"),
        ("PotentialAppointmentSlot", DENVER, "2026-01-30 12:15:00 -0700"),
        ("RequestedPayment", NEW_YORK, "2026-01-30 14:15:00 EST -05:00"),
        ("User", NEW_YORK, "2026-01-30T14:15:00-05:00"),
    ],
)
def test_answers_are_seen_in_three_formats_in_the_zone_of_the_keys_owner(
    type_name: str, zone: str, written: str
) -> None:
    assert write(datetime(2026, 1, 30, 19, 15, 0, 5, tzinfo=UTC), type_name=type_name, zone=zone) == written


@pytest.mark.parametrize("type_name", ["Appointment", "RequestedPayment", "User"])
def test_what_is_written_is_read_again(type_name: str) -> None:
    moment = datetime(2026, 7, 1, 4, 30, tzinfo=UTC)
    assert read(write(moment, type_name=type_name, zone=NEW_YORK), "UTC") == moment


@pytest.mark.parametrize(
    ("text", "instant"),
    [
        ("2026-01-30T12:15:00-07:00", datetime(2026, 1, 30, 19, 15, tzinfo=UTC)),
        ("2026-01-30 12:15:00 -0700", datetime(2026, 1, 30, 19, 15, tzinfo=UTC)),
        ("2026-01-30T19:15:00Z", datetime(2026, 1, 30, 19, 15, tzinfo=UTC)),
        ("2026-01-30 19:15:00 UTC", datetime(2026, 1, 30, 19, 15, tzinfo=UTC)),
        ("2026-01-30 14:15", datetime(2026, 1, 30, 19, 15, tzinfo=UTC)),
        ("2026-01-30", datetime(2026, 1, 30, 5, tzinfo=UTC)),
        ("2026-07-30 14:15", datetime(2026, 7, 30, 18, 15, tzinfo=UTC)),
    ],
)
def test_a_time_without_an_offset_is_read_on_the_wall_clock(text: str, instant: datetime) -> None:
    assert read(text, NEW_YORK) == instant


@pytest.mark.parametrize(
    ("text", "instant"),
    [
        ("August 16, 2022", datetime(2022, 8, 16, 4, tzinfo=UTC)),
        ("July 11, 2024 12 00", datetime(2024, 7, 11, 16, tzinfo=UTC)),
        ("May 3, 2027 07:30", datetime(2027, 5, 3, 11, 30, tzinfo=UTC)),
        ("2027-01-05 19 00", datetime(2027, 1, 6, 0, 0, tzinfo=UTC)),
        (
            "Tue Jan 05 2027 17:21:09 GMT-0500 (Eastern Standard Time)",
            datetime(2027, 1, 5, 22, 21, 9, tzinfo=UTC),
        ),
    ],
)
def test_months_in_words_and_javascripts_own_text_are_read(text: str, instant: datetime) -> None:
    """Healthie's guides on availability and booking warnings; its booking widget sends what JavaScript writes."""
    assert read(text, NEW_YORK) == instant


def test_a_time_that_summer_time_skips_is_read_an_hour_later() -> None:
    assert read("2027-03-14 02:30", NEW_YORK) == read("2027-03-14 03:30", NEW_YORK)


def test_of_a_time_that_comes_twice_the_first_is_meant_and_an_offset_names_the_second() -> None:
    assert read("2026-11-01 01:30", NEW_YORK) == datetime(2026, 11, 1, 5, 30, tzinfo=UTC)
    assert read("2026-11-01 01:30 -0500", NEW_YORK) == datetime(2026, 11, 1, 6, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "soon",
        "2026-02-30",
        "2026-01-30 25:00",
        "Smarch 1, 2027",
        "May 32, 2027",
        "0001-01-01",
        "9999-12-31T23:59:59Z",
        "2026-01-30 10",
    ],
)
def test_what_is_no_date_is_refused(text: str) -> None:
    with pytest.raises(GraphQLError, match="as a date and time"):
        read(text, NEW_YORK)


@pytest.mark.parametrize("zone", ["Mars/Olympus", "", "../UTC", "America", "\0"])
def test_what_is_no_time_zone_is_refused(zone: str) -> None:
    with pytest.raises(GraphQLError, match="Invalid timezone"):
        read("2026-01-30", zone)
