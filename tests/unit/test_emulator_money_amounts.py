"""Amounts are decimal strings; billing frequencies are Healthie's words."""

from datetime import UTC, datetime

import pytest

from integrations.healthie_emulator.amounts import from_cents, payment_date, recurs, to_cents, to_display


@pytest.mark.parametrize(
    ("text", "cents"),
    [("149", 14_900), ("149.5", 14_950), ("149.05", 14_905), ("$0.50", 50), (" 7.500 ", 750)],
)
def test_a_decimal_string_is_an_amount(text: str, cents: int) -> None:
    assert to_cents(text) == cents


@pytest.mark.parametrize("text", [None, "", "abc", "-5", "1e3", "NaN", "1,000", "1.005", "12345678", "٣"])
def test_anything_else_is_not(text: str | None) -> None:
    assert to_cents(text) is None


@pytest.mark.parametrize(
    ("cents", "text"), [(14_900, "149.0"), (14_950, "149.5"), (14_905, "149.05"), (0, "0.0")]
)
def test_amounts_are_written_as_rails_writes_decimals(cents: int, text: str) -> None:
    assert from_cents(cents) == text


def test_amounts_for_people_have_two_places() -> None:
    assert to_display(114_950) == "$1,149.50"


@pytest.mark.parametrize("frequency", ["One-Time", None, "", "Sometimes"])
def test_one_time_offerings_do_not_recur(frequency: str | None) -> None:
    assert not recurs(frequency)


@pytest.mark.parametrize(
    ("frequency", "number", "expected"),
    [
        ("Weekly", 1, (2026, 2, 7)),
        ("Bi-Weekly", 1, (2026, 2, 14)),
        ("Every 4 Weeks", 1, (2026, 2, 28)),
        ("Every 8 Weeks", 1, (2026, 3, 28)),
        ("Monthly", 1, (2026, 2, 28)),
        ("Monthly", 2, (2026, 3, 31)),
        ("Quarterly", 1, (2026, 4, 30)),
        ("Yearly", 1, (2027, 1, 31)),
    ],
)
def test_the_next_payment_falls_one_period_later(
    frequency: str, number: int, expected: tuple[int, int, int]
) -> None:
    assert recurs(frequency)
    later = payment_date(datetime(2026, 1, 31, 9, tzinfo=UTC), frequency, number)
    assert (later.year, later.month, later.day, later.hour) == (*expected, 9)
