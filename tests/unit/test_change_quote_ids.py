"""The ids of change quotes, made by hand: what names no visit is refused before anything is read, in the database or upstream."""

import base64
import json

import pytest

from booking.change_quotes import quote_id, subject_in
from booking.errors import InvalidInput


def made_by_hand(visit: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(["cancel", visit, "0"]).encode()).decode().rstrip("=")


@pytest.mark.parametrize(
    "visit",
    [
        "\x00",
        "400012\x00",
        "\ud800",
        "4000 12",
        "400012\r\nX-Sample: 1",
        "",
        "\u0661",
        "4" * 256,
        400012,
        None,
        ["4"],
    ],
    ids=repr,
)
def test_a_quote_id_whose_visit_is_no_id_is_refused(visit: object) -> None:
    with pytest.raises(InvalidInput) as refused:
        subject_in("cancel", made_by_hand(visit))
    assert refused.value.field == "quoteId"


def test_a_quote_id_names_its_visit_and_its_kind() -> None:
    assert subject_in("cancel", quote_id("cancel", "400012", {})) == "400012"
    with pytest.raises(InvalidInput):
        subject_in("move", quote_id("cancel", "400012", {}))
