"""The flat form of an answer is read as the generated types read it, or not at all."""

import json
from typing import Any

import httpx2
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pydantic import ValidationError
from structlog.testing import capture_logs

from booking.catalog.model import ContactType
from booking.errors import UpstreamUnavailable
from booking.slot_query import SlotQuery
from integrations.healthie.flat_answers import flat_answer
from integrations.healthie.generated.available_slots import AvailableSlots
from integrations.upstream.transport import HttpAnswer
from tests.doubles.healthie_script import NOON, Script

NAMES = ("user_id", "date", "length", "is_fully_booked")
QUERY = SlotQuery(
    visit_type_id="70",
    contact_type=ContactType.VIDEO,
    location_id=None,
    clinician_ids=frozenset({"11", "12"}),
    first=NOON.date(),
    last=NOON.date(),
    time_zone="America/New_York",
)


def record(**changes: Any) -> dict[str, Any]:
    return {
        "user_id": "11",
        "date": "2026-11-24 12:00:00 -0500",
        "length": 30,
        "is_fully_booked": False,
    } | changes


def body(*records: Any, **more: Any) -> dict[str, Any]:
    return {"data": {"availableSlotsForRange": list(records)}} | more


def fields(answer: AvailableSlots) -> list[tuple[Any, ...]]:
    return [tuple(getattr(each, name) for name in NAMES) for each in answer.available_slots_for_range or ()]


odd: st.SearchStrategy[Any] = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.just([]) | st.just({})
)
records = st.fixed_dictionaries(
    {},
    optional={
        "user_id": st.sampled_from(["11", "", 11, None]) | odd,
        "date": st.sampled_from(["2026-11-24T12:00:00Z", "2026-11-24 12:00:00 EST -05:00", "soon", None])
        | odd,
        "length": st.sampled_from([30, "30", 30.0, 2**70, None]) | odd,
        "is_fully_booked": st.sampled_from([True, "true", 1, None]) | odd,
        "unknown": odd,
    },
)
odd_records = records.map(lambda some: record() | some) | records | odd


@given(st.lists(odd_records, max_size=4))
@example([record(user_id=11)])
@example([record(length="30")])
@example([record(date=1_800_000_000)])
@example([record(is_fully_booked=None, user_id=None, date=None, length=None)])
def test_what_is_read_flat_the_generated_types_read_alike(listed: list[Any]) -> None:
    content = json.dumps(body(*listed)).encode()
    flat = flat_answer("AvailableSlots", content)
    try:
        generated = AvailableSlots.model_validate(json.loads(content)["data"])
    except ValidationError:
        assert flat is None
    else:
        assert flat is None or fields(flat.data) == fields(generated)


@pytest.mark.parametrize(
    "date", ["2026-11-24 12:00:00 -0500", "2026-11-24 12:00:00 EST -05:00", "2026-11-24T12:00:00-05:00"]
)
def test_what_healthie_writes_in_practice_is_read_flat(date: str) -> None:
    listed = [record(date=date), record(date=date, user_id="12", is_fully_booked=True, more=[{}])]
    flat = flat_answer("AvailableSlots", json.dumps(body(*listed, extensions={"warnings": []})).encode())
    assert flat is not None
    assert fields(flat.data) == [("11", NOON, 30, False), ("12", NOON, 30, True)]
    assert flat.extensions == {"warnings": []}


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"null",
        b"[]",
        b"{}",
        b'{"data": null}',
        b'{"data": {"availableSlotsForRange": null}}',
        b"\xff",
        json.dumps(body(record(), errors=[{"message": "sample"}])).encode(),
        json.dumps(body(record())).encode("utf-16"),
        json.dumps(body(record(date="soon"))).encode(),
    ],
)
def test_any_other_answer_is_left_to_the_generated_types(content: bytes) -> None:
    assert flat_answer("AvailableSlots", content) is None


def test_no_other_operation_is_read_flat() -> None:
    assert flat_answer("AvailableDays", json.dumps(body(record())).encode()) is None


@pytest.mark.parametrize(
    "first", [record(user_id="12"), record(user_id=12, length="30")], ids=["flat", "other"]
)
async def test_slots_are_the_same_from_either_form(first: dict[str, Any]) -> None:
    script = Script(
        answers={"AvailableSlots": body(first, record(), record(length=-30, user_id="12"))["data"]}
    )
    async with script.connected() as healthie:
        await healthie.keys.prove_due()
        slots = await healthie.availability.slots(QUERY)
    assert list(slots.rows) == [(int(NOON.timestamp()), "11", 30), (int(NOON.timestamp()), "12", 30)]


async def test_a_record_that_cannot_be_decoded_is_skipped_and_logged() -> None:
    script = Script(answers={"AvailableSlots": body(record(date="soon"), record())["data"]})
    async with script.connected() as healthie:
        await healthie.keys.prove_due()
        with capture_logs() as logs:
            slots = await healthie.availability.slots(QUERY)
    assert len(slots) == 1
    assert [entry["why"] for entry in logs if entry["event"] == "healthie.records_skipped"] == [
        "undecodable_answer at availableSlotsForRange.date"
    ]


async def test_warnings_of_a_flat_answer_are_logged_once() -> None:
    warning = {"code": "API_VERSION_SUNSET_WARNING", "sunset_date": "2027-01-31"}
    answer = httpx2.Response(200, json=body(record(), extensions={"warnings": [warning]}))
    script = Script(answers={"AvailableSlots": lambda _: answer})
    async with script.connected() as healthie:
        await healthie.keys.prove_due()
        with capture_logs() as logs:
            assert await healthie.availability.slots(QUERY)
            assert await healthie.availability.slots(QUERY)
    assert [entry["event"] for entry in logs].count("healthie.api_warning") == 1


async def test_errors_beside_slots_are_no_slots() -> None:
    answer = httpx2.Response(200, json=body(record(), errors=[{"message": "sample"}]))
    script = Script(answers={"AvailableSlots": lambda _: answer})
    async with script.connected() as healthie:
        await healthie.keys.prove_due()
        with pytest.raises(UpstreamUnavailable):
            await healthie.availability.slots(QUERY)


values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text()
    | st.sampled_from(["\ud800", "\udc00\ud800", 10**400]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
)


@given(values)
def test_any_json_is_read_with_nothing_lost(value: object) -> None:
    for text in (json.dumps(value), json.dumps(value, ensure_ascii=False)):
        content = text.encode("utf-8", "surrogatepass")
        assert repr(HttpAnswer(status=200, request_id=None, content=content).body) == repr(_json(content))


@given(st.binary(max_size=30) | st.text(alphabet='{}[]",:0123456789.eE+-\\ud8truefalsn ').map(str.encode))
@example(b'{"a": 1, "a": 2}')
@example(b'"\\ud800"')
@example(b'"\\ud800\\ud800"')
@example(b'"\\udc00"')
@example(b"NaN")
@example(b"-Infinity")
@example(b"1e400")
@example(b"\xef\xbb\xbf{}")
@example(b"[" * 100_000)
def test_any_bytes_are_the_json_that_they_were_or_none(content: bytes) -> None:
    assert repr(HttpAnswer(status=200, request_id=None, content=content).body) == repr(_json(content))


def _json(content: bytes) -> Any:
    try:
        return json.loads(content)
    except (ValueError, RecursionError):
        return None
