"""The page on events names every event that there is, and no other."""

import re
from pathlib import Path

from booking.events.dispatcher import JITTER, WAITS
from booking.events.model import EventName
from booking.operations.model import AttentionReason

DOCS = Path(__file__).parents[2] / "docs"
PAGE = (DOCS / "events.md").read_text()


def test_the_table_of_events_is_that_of_the_code() -> None:
    assert re.findall(r"^\| `([a-z]+\.[a-z_]+)` \|", PAGE, re.MULTILINE) == list(EventName)


def test_the_waits_are_those_of_the_code() -> None:
    said = re.search(r"again after (.*?) hours", PAGE)
    assert said is not None
    hours = [int(one) for one in re.findall(r"\d+", said[1].partition("30 min, ")[2])]
    assert [wait.total_seconds() for wait in WAITS] == [5, 300, 1800, *(hour * 3600 for hour in hours)]
    assert JITTER == 0.1


def test_every_alert_about_subscribers_says_what_to_do() -> None:
    operations = (DOCS / "operations.md").read_text()
    for reason in (
        AttentionReason.SUBSCRIBER_FAILING,
        AttentionReason.ENDPOINT_DISABLED,
        AttentionReason.EVENT_NOT_DELIVERED,
        AttentionReason.HANDLER_UNUSABLE,
    ):
        assert f"| `{reason}` |" in operations
