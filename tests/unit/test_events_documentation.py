"""The page on events names every event that there is, and no other."""

import re
from pathlib import Path

from booking.happenings import Name
from booking.oversight import Attention
from booking.telling import JITTER, WAITS

DOCS = Path(__file__).parents[2] / "docs"
PAGE = (DOCS / "events.md").read_text()


def test_the_table_of_events_is_that_of_the_code() -> None:
    assert re.findall(r"^\| `([a-z]+\.[a-z_]+)` \|", PAGE, re.MULTILINE) == list(Name)


def test_the_waits_are_those_of_the_code() -> None:
    said = re.search(r"again after (.*?) hours", PAGE)
    assert said is not None
    hours = [int(one) for one in re.findall(r"\d+", said[1].partition("30 min, ")[2])]
    assert [wait.total_seconds() for wait in WAITS] == [5, 300, 1800, *(hour * 3600 for hour in hours)]
    assert JITTER == 0.1


def test_every_alert_about_subscribers_says_what_to_do() -> None:
    operations = (DOCS / "operations.md").read_text()
    for reason in (
        Attention.SUBSCRIBER_FAILING,
        Attention.ENDPOINT_DISABLED,
        Attention.EVENT_NOT_TOLD,
        Attention.HANDLER_UNUSABLE,
    ):
        assert f"| `{reason}` |" in operations
