"""Calendar entries, read back by a parser of RFC 5545, and the links to them."""

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from icalendar import Calendar

from booking.models import Appointment, AppointmentStatus
from booking.visits.calendar import calendar_entry
from booking.visits.model import VisitRecord, end_of
from gateway.callers.calendar_links import VALID_AFTER_VISIT, SealedCalendarLinks
from tests.doubles.booking_ports import NOW, FakeClock
from tests.doubles.visits import a_visit

SECRET = "only-for-tests-" * 4


def written(record: VisitRecord, *, title: str = "Sample Visit", place: str | None = None) -> str:
    return calendar_entry(record, uid="u@frontdoor", title=title, place=place, now=NOW)


def event(text: str) -> Any:
    (found,) = Calendar.from_ical(text).walk("VEVENT")
    return found


def links(clock: FakeClock | None = None, **given: str) -> SealedCalendarLinks:
    return SealedCalendarLinks(clock=clock or FakeClock(), **{"secret": SECRET, **given})


def token_of(link: str) -> str:
    return link.removeprefix("/calendar/").removesuffix(".ics")


class TestEntry:
    def test_a_parser_reads_what_the_visit_is(self) -> None:
        text = written(VisitRecord(appointment=a_visit(), updated_at=NOW), place="Sample Practice, Floor 2")
        found = event(text)
        assert Calendar.from_ical(text)["METHOD"] == "PUBLISH"
        assert (found["UID"], found["STATUS"]) == ("u@frontdoor", "CONFIRMED")
        assert found.decoded("DTSTART") == a_visit().start
        assert found.decoded("DTEND") == a_visit().start + timedelta(minutes=30)
        assert found.decoded("DTSTAMP") == NOW
        assert (found["SUMMARY"], found["LOCATION"]) == ("Sample Visit", "Sample Practice, Floor 2")

    @pytest.mark.parametrize(
        ("record", "status"),
        [
            (VisitRecord(appointment=a_visit(status=AppointmentStatus.CANCELLED)), "CANCELLED"),
            (VisitRecord(appointment=a_visit(status=AppointmentStatus.RESCHEDULED)), "CANCELLED"),
            (VisitRecord(appointment=a_visit(), deleted=True), "CANCELLED"),
            (VisitRecord(appointment=a_visit(status=AppointmentStatus.COMPLETED)), "CONFIRMED"),
            (VisitRecord(appointment=a_visit(status=AppointmentStatus.NO_SHOW)), "CONFIRMED"),
        ],
    )
    def test_one_that_is_off_is_cancelled_and_one_that_was_stays(
        self, record: VisitRecord, status: str
    ) -> None:
        assert event(written(record))["STATUS"] == status

    def test_each_change_of_the_record_makes_a_later_sequence(self) -> None:
        moved = [
            VisitRecord(appointment=a_visit(hours=24 + n), updated_at=NOW + timedelta(minutes=n))
            for n in range(3)
        ]
        sequences = [int(event(written(record))["SEQUENCE"]) for record in moved]
        assert sequences == sorted(set(sequences))
        assert event(written(moved[0]))["SEQUENCE"] == sequences[0], "and nothing else does"

    def test_a_sequence_fits_an_integer_of_the_standard(self) -> None:
        late = datetime(2088, 1, 1, tzinfo=UTC)
        assert int(event(written(VisitRecord(appointment=a_visit(), updated_at=late)))["SEQUENCE"]) < 2**31

    @given(st.text(), st.text())
    @example("a;b,c\\d\ne", "\r\n X: BEGIN:VEVENT\r\nATTENDEE:x")
    @example("漢字" * 100, "é" * 75)
    def test_no_text_breaks_out_of_its_value(self, title: str, place: str) -> None:
        text = written(VisitRecord(appointment=a_visit()), title=title, place=place)
        names = {line.partition(":")[0] for line in text.split("\r\n") if line and not line.startswith(" ")}
        assert names == {
            "BEGIN", "VERSION", "PRODID", "CALSCALE", "METHOD", "UID", "SEQUENCE", "DTSTAMP", "DTSTART", "DTEND",
            "SUMMARY", "STATUS", "CLASS", "TRANSP", "END",
        } | ({"LOCATION"} if place else set())  # fmt: skip
        assert all(len(line.encode(errors="surrogatepass")) <= 75 for line in text.split("\r\n"))
        assert not re.search(r"(?<!\r)\n|\r(?!\n)", text)

    @given(st.text(st.characters(exclude_categories=["C", "Z"]), min_size=1))
    def test_a_parser_reads_the_text_back(self, title: str) -> None:
        assert event(written(VisitRecord(appointment=a_visit()), title=title))["SUMMARY"] == title

    def test_it_names_no_patient(self) -> None:
        record = VisitRecord(appointment=a_visit(patient_id="p-canary", checkout_id="chk_canary"))
        assert "canary" not in written(record)


class TestLinks:
    def test_a_link_is_read_back(self) -> None:
        assert links().read(token_of(links().link(a_visit("901")))) == "901"

    def test_a_visit_has_the_same_link_each_time(self) -> None:
        assert links().link(a_visit()) == links().link(a_visit())

    def test_nothing_of_the_visit_can_be_read_in_it(self) -> None:
        link = links().link(a_visit("987654321"))
        assert "987654321" not in link
        assert re.fullmatch(r"/calendar/[A-Za-z0-9_-]+\.ics", link)

    def test_it_ends_a_month_after_the_visit(self) -> None:
        clock = FakeClock()
        token = token_of(links().link(a_visit()))
        clock.at = end_of(a_visit()) + VALID_AFTER_VISIT - timedelta(seconds=1)
        assert links(clock).read(token) == "v1"
        clock.advance(seconds=1)
        assert links(clock).read(token) is None

    def test_another_secret_revokes_it(self) -> None:
        assert links(secret="another-" * 8).read(token_of(links().link(a_visit()))) is None

    @given(st.text() | st.from_regex(r"[A-Za-z0-9_-]{20,80}", fullmatch=True))
    @example("")
    @example("A" * 600)
    def test_no_text_that_nobody_sealed_is_one(self, text: str) -> None:
        assert links().read(text) is None

    def test_a_changed_character_spoils_it(self) -> None:
        token = token_of(links().link(a_visit()))
        for place in range(len(token)):
            changed = token[:place] + ("A" if token[place] != "A" else "B") + token[place + 1 :]
            assert links().read(changed) in {None, "v1"} - ({"v1"} if place < len(token) - 1 else set())

    def test_the_uid_is_not_the_id_and_stays_when_the_visit_moves(self) -> None:
        moved: Appointment = replace(a_visit("901"), start=NOW + timedelta(days=9))
        assert links().uid(a_visit("901").id) == links().uid(moved.id)
        assert "901" not in links().uid("901")
        assert links().uid("901") != links().uid("902")

    def test_the_public_address_comes_first(self) -> None:
        assert (
            links(base_url="https://api.example.com")
            .link(a_visit())
            .startswith("https://api.example.com/calendar/")
        )
