from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from integrations.healthie.scalars import parse_json, parse_moment, write_moment


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-01-30 12:15:00 -0700", datetime(2026, 1, 30, 19, 15, tzinfo=UTC)),
        ("2021-10-10 10:00:00 EDT -04:00", datetime(2021, 10, 10, 14, 0, tzinfo=UTC)),
        ("2026-01-30T12:15:00-07:00", datetime(2026, 1, 30, 19, 15, tzinfo=UTC)),
        ("2026-01-30T12:15:00Z", datetime(2026, 1, 30, 12, 15, tzinfo=UTC)),
        ("2026-01-30T12:15:00.250Z", datetime(2026, 1, 30, 12, 15, 0, 250_000, tzinfo=UTC)),
        ("2026-01-30 12:15:00 UTC", datetime(2026, 1, 30, 12, 15, tzinfo=UTC)),
        ("2026-01-30 12:15:00 UTC +00:00", datetime(2026, 1, 30, 12, 15, tzinfo=UTC)),
    ],
)
def test_every_form_that_healthie_writes_is_read_as_the_same_kind_of_moment(
    text: Any, moment: datetime
) -> None:
    assert parse_moment(text) == moment
    assert parse_moment(text).tzinfo is UTC


@pytest.mark.parametrize(
    "text",
    [
        "2026-01-30 12:15:00",
        "soon",
        "",
        None,
        12,
        "2026-13-30 12:15:00 -0700",
        "0001-01-01 00:00:00 +0500",
        "9999-12-31T23:59:59-05:00",
    ],
)
def test_no_zone_is_guessed_and_nonsense_is_refused(text: Any) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - the words are Python's own in some cases
        parse_moment(text)


def test_a_time_is_written_with_its_offset() -> None:
    eastern = timezone(timedelta(hours=-5))

    assert write_moment(datetime(2026, 1, 30, 12, 15, tzinfo=eastern)) == "2026-01-30T12:15:00-05:00"
    with pytest.raises(ValueError, match="offset"):
        write_moment(datetime(2026, 1, 30, 12, 15))  # noqa: DTZ001 - the point of the test


def test_metadata_is_read_decoded_or_as_the_text_that_was_sent() -> None:
    assert parse_json('{"a": 1}') == {"a": 1}
    assert parse_json({"a": 1}) == {"a": 1}
    assert parse_json("free text") == "free text"
