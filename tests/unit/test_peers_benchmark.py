"""The comparison with other servers: its arithmetic, its tables and its data; what it measures needs processes."""

import json
import struct
from datetime import date
from pathlib import Path

import pytest

from benchmarks.peers import canned_answers, needs, upstream_files
from benchmarks.peers.cases import CASES
from benchmarks.peers.features import shown as shown_features
from benchmarks.peers.gateways import GATEWAY
from benchmarks.peers.picture import picture
from benchmarks.peers.practice import (
    DAYS,
    Practice,
    expected_plans,
    expected_slots,
    plans,
    visit_type,
    visit_types,
)
from benchmarks.peers.questions import framed
from benchmarks.peers.ratios import best, middle, ratio
from benchmarks.peers.record import RESULTS
from benchmarks.peers.report import BEGIN, DOCUMENT, END, PICTURE, pictured, with_figures
from benchmarks.peers.sampled import layer_of
from benchmarks.peers.table import costs_table, digits
from benchmarks.peers.without import DUTIES
from booking.slots import Slot
from integrations.healthie.catalog import plan_of
from integrations.healthie.generated.fragments import Package

DAY = date(2030, 1, 7)


class TestRatios:
    def test_the_spread_is_that_of_eight_in_ten(self) -> None:
        found = middle([float(n) for n in range(11)])
        assert (found.low, found.median, found.high) == (1.0, 5.0, 9.0)

    def test_one_sample_has_no_spread(self) -> None:
        found = middle([2.5])
        assert (found.low, found.median, found.high) == (2.5, 2.5, 2.5)

    def test_a_ratio_is_taken_within_each_round(self) -> None:
        """A machine that was slow in one round was slow for both."""
        found = ratio([2.0, 20.0, 4.0], [1.0, 10.0, 2.0])
        assert (found.low, found.median, found.high) == (2.0, 2.0, 2.0)

    def test_rounds_that_are_missing_are_no_ratio(self) -> None:
        with pytest.raises(ValueError, match="argument"):
            ratio([1.0, 2.0], [1.0])

    def test_the_best_has_the_lowest_median(self) -> None:
        assert best({"a": [1.0, 9.0, 9.0], "b": [2.0, 2.0, 8.0]}) == "b"


class TestTable:
    def test_every_contender_is_held_against_the_best_of_its_rivals(self) -> None:
        costs = {"plans": {"ours": [3.0, 3.0], "slow": [6.0, 6.0], "fast": [2.0, 2.0], "floor": [0.5, 0.5]}}
        table = costs_table(costs, against=["slow", "fast"])
        assert "| ours | 3.00 (3.00-3.00), 1.50x (1.50-1.50) |" in table
        assert "| slow | 6.00 (6.00-6.00), 3.00x (3.00-3.00) |" in table
        assert "| fast | 2.00 (2.00-2.00) |" in table
        assert "| floor | 0.500 (0.500-0.500), 0.250x (0.250-0.250) |" in table

    def test_a_case_that_a_contender_was_not_asked_stays_empty(self) -> None:
        table = costs_table({"a": {"x": [1.0]}, "b": {"y": [1.0]}}, against=[])
        assert "| x | 1.00 (1.00-1.00) |  |" in table

    @pytest.mark.parametrize(
        ("value", "text"), [(0.0444, "0.044"), (1.256, "1.26"), (26.44, "26.4"), (1234.5, "1,234")]
    )
    def test_figures_have_as_many_digits_as_mean_something(self, value: float, text: str) -> None:
        assert digits(value) == text

    def test_what_a_duty_adds_is_the_difference_within_a_round(self) -> None:
        left_out = {f"without {name}": [1.0, 10.0] for name in [*DUTIES, "all four"]}
        costs = {case: {GATEWAY: [1.5, 10.5], **left_out} for case in ("plans", "slots400")}
        assert "| all four | 0.500 (0.500-0.500) | 0.500 (0.500-0.500) | 0.100 |" in shown_features(
            {"costs": costs}
        )


class TestPractice:
    def test_ids_of_slots_are_those_of_the_gateway(self) -> None:
        practice = Practice(first_day=DAY)
        (day, _) = expected_slots(practice, visit_type(400), 400, DAY)
        first = day["slots"][0]
        slot = Slot.from_id(first["id"])
        assert (slot.clinician_id, slot.visit_type_id) == (first["clinician"]["id"], visit_type(400))
        assert slot.start.isoformat() == "2030-01-07T14:00:00+00:00"
        assert first["start"] == "2030-01-07T09:00:00-05:00"

    @pytest.mark.parametrize("size", [100, 400, 1000, 2000, 5000])
    def test_a_question_has_as_many_slots_as_it_is_named_for(self, size: int) -> None:
        days = expected_slots(Practice(first_day=DAY), visit_type(size), size, DAY)
        starts = [(slot["start"], slot["clinician"]["id"]) for day in days for slot in day["slots"]]
        assert len(set(starts)) == len(starts) == size
        assert starts == sorted(starts)  # as the gateway orders them
        assert {start[:10] for start, _ in starts} == {"2030-01-07", "2030-01-08"}

    def test_too_few_clinicians_have_no_room_for_many_slots(self) -> None:
        practice = Practice(first_day=DAY, clinicians=1)
        assert practice.has_room_for(400)
        assert not practice.has_room_for(5000)

    def test_every_plan_can_be_bought(self) -> None:
        sold = [plan_of(Package.model_validate(one), "USD") for one in plans()]
        assert [one.id for one in sold if one] == [one["id"] for one in expected_plans()]
        assert {one.frequency.name for one in sold if one} == {one["frequency"] for one in expected_plans()}


class TestUpstreamFiles:
    def test_a_day_has_its_slots_with_a_place_for_day_and_offset(self, tmp_path: Path) -> None:
        upstream_files.write(Practice(first_day=DAY), tmp_path)
        rows = json.loads(f"[{(tmp_path / 'rows.200.json').read_text()}]")
        assert len(rows) == 200
        assert rows[0] == {
            "user_id": "200001",
            "date": "0000-00-00 09:00:00 +0000",
            "length": 15,
            "is_fully_booked": False,
        }

    def test_days_have_the_practices_offset(self, tmp_path: Path) -> None:
        upstream_files.write(Practice(first_day=DAY), tmp_path)
        days = dict(line.split() for line in (tmp_path / "days.txt").read_text().splitlines())
        assert len(days) == DAYS
        assert (days["2030-01-07"], days["2030-07-01"]) == ("-0500", "-0400")

    def test_every_visit_type_has_a_day_to_answer_with(self, tmp_path: Path) -> None:
        upstream_files.write(Practice(first_day=DAY), tmp_path)
        for line in (tmp_path / "visit_types.txt").read_text().splitlines():
            assert (tmp_path / f"rows.{line.split()[1]}.json").exists()

    def test_all_clinicians_and_visit_types_are_on_its_pages(self, tmp_path: Path) -> None:
        upstream_files.write(Practice(first_day=DAY, clinicians=200), tmp_path)
        assert len(_nodes(tmp_path, "organizationMembers", "MoreMembers")) == 200
        kinds = _nodes(tmp_path, "appointmentTypes", "MoreAppointmentTypes")
        assert kinds == {one for one, _ in visit_types()}

    def test_canned_answers_are_those_that_are_expected(self, tmp_path: Path) -> None:
        canned_answers.write(Practice(first_day=DAY), tmp_path)
        assert json.loads((tmp_path / "0400.json").read_bytes())["data"]["slots"] == expected_slots(
            Practice(first_day=DAY), visit_type(400), 400, DAY
        )


def _nodes(directory: Path, root: str, more: str) -> set[str]:
    """The ids on all pages, as a client that follows the cursors finds them."""
    page = json.loads((directory / "op.PublicCatalog.json").read_text())["data"][root]
    found = {one["id"] for one in page["nodes"]}
    while page["page_info"]["has_next_page"]:
        file = directory / f"op.{more}.after.{page['page_info']['end_cursor']}.json"
        page = json.loads(file.read_text())["data"][root]
        found |= {one["id"] for one in page["nodes"]}
    return found


class TestQuestions:
    def test_no_question_comes_twice_before_thousands_of_others(self) -> None:
        questions = CASES["slots400"].questions(Practice(first_day=DAY))
        assert len({one.body for one in questions}) == len(questions) > 5_000

    def test_no_two_questions_have_a_day_of_a_visit_type_in_common(self) -> None:
        """Else a cache of days would answer half of a question that was never asked."""
        questions = CASES["slots400"].questions(Practice(first_day=DAY))
        asked = [
            (one.variables["filter"]["visitTypeId"], one.variables[end])
            for one in questions
            for end in ("from", "until")
        ]
        assert len(set(asked)) == len(asked)

    def test_callers_of_one_question_ask_the_same(self) -> None:
        assert len(CASES["same400"].questions(Practice(first_day=DAY))) == 1

    def test_a_request_says_how_long_it_is(self) -> None:
        (question,) = CASES["plans"].questions(Practice(first_day=DAY))
        head, _, body = question.request({"Frontdoor-Visitor": "token"}).partition(b"\r\n\r\n")
        assert f"Content-Length: {len(body)}".encode() in head
        assert b"Frontdoor-Visitor: token" in head
        assert body == question.body

    def test_requests_are_framed_by_their_length(self) -> None:
        assert framed([b"ab", b""]) == struct.pack("<I", 2) + b"ab" + struct.pack("<I", 0)


def test_a_practice_with_ten_times_the_bookings_needs_ten_times_the_processor() -> None:
    steps = {
        name: {"cpu": 10.0, "upstream_calls": 4} for name in ("holdSlot", "startCheckout", "confirmCheckout")
    }
    results = {
        "peers": {"costs": {"plans": {GATEWAY: [1.0]}, "slots400": {GATEWAY: [4.0]}}},
        "writes": {"steps": steps},
        "growth": {"memory": [[100, 150.0]]},
    }
    assert needs.cpu_of_booking(results) == 10 * 1.0 + 20 * 4.0 + 2 * 10.0 + 20.0
    assert needs.upstream_of_booking(results) == 20 + 2 * 4 + 4 + 4
    table = needs.shown(results)
    assert "| 100 | 2.83 | 1.1% | 1 | 150 MB | 3.00 |" in table
    assert "| 1,000 | 28.3 | 10.8% | 1 | 150 MB | 30.0 |" in table


def test_every_method_that_is_left_out_exists() -> None:
    methods = [(owner, name) for replaced in DUTIES.values() for owner, name, _ in replaced]
    assert [name for owner, name in methods if not callable(vars(owner).get(name))] == []


@pytest.mark.parametrize(
    ("file", "layer"),
    [
        ("/x/site-packages/graphql/execution/execute.py", "GraphQL: execution"),
        ("/x/site-packages/graphql/language/parser.py", "GraphQL: parsing, limits of a document"),
        ("/gateway/rates/operations.py", "rate limits"),
        ("/gateway/http.py", "GraphQL: execution"),
        ("/booking/audit/chain.py", "audit"),
        ("/booking/slots.py", "free time: search, holds, claims"),
        ("/integrations/healthie/availability.py", "upstream: reading the answer"),
        ("/usr/lib/python3.11/json/encoder.py", None),
        ("/x/site-packages/h11/_connection.py", None),
    ],
)
def test_processor_time_counts_for_the_layer_of_its_file(file: str, layer: str | None) -> None:
    assert layer_of(file) == layer


def test_the_picture_has_a_bar_for_each_contender() -> None:
    costs = {"plans": {"ours": [1.0], "a & b": [0.1]}, "other": {"ours": [100.0]}}
    drawn = picture(costs, ours="ours", heads={"plans": "Plans", "other": "Other"})
    assert drawn.count("<rect") == 1 + 3
    assert "a &amp; b" in drawn


def test_writing_replaces_the_figures_and_nothing_else() -> None:
    fresh = with_figures(
        f"before\n{BEGIN}\nold\n{END}\nafter\n",
        {"measured": {}, "cores": 1, "python": "3.11", "node": "20"} | {"measured": {"growth": "2030-01-01"}},
    )
    assert fresh.startswith("before\n")
    assert fresh.endswith(f"{END}\nafter\n")
    assert "old" not in fresh


def test_the_document_and_its_picture_show_the_measured_figures() -> None:
    results = json.loads(RESULTS.read_text())
    assert with_figures(DOCUMENT.read_text(), results) == DOCUMENT.read_text()
    assert pictured(results) == PICTURE.read_text()
