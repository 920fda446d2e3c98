"""Amounts are decimal strings; billing frequencies are Healthie's words."""

from datetime import UTC, datetime

import pytest

from integrations.healthie_emulator.amounts import from_minor, payment_date, recurs, to_display, to_minor
from integrations.healthie_emulator.stripe_amounts import for_stripe


@pytest.mark.parametrize(
    ("text", "currency", "amount"),
    [
        ("149", "USD", 14_900),
        ("149.5", "USD", 14_950),
        ("149.05", "USD", 14_905),
        ("$0.50", "USD", 50),
        (" 7.500 ", "USD", 750),
        ("1500", "JPY", 1_500),
        ("1500.0", "JPY", 1_500),
        ("12.345", "KWD", 12_345),
        ("12.3", "KWD", 12_300),
    ],
)
def test_a_decimal_string_is_an_amount(text: str, currency: str, amount: int) -> None:
    assert to_minor(text, currency) == amount


@pytest.mark.parametrize("text", [None, "", "abc", "-5", "1e3", "NaN", "1,000", "1.005", "12345678901", "٣"])
def test_anything_else_is_not(text: str | None) -> None:
    assert to_minor(text, "USD") is None


def test_a_fraction_of_what_has_no_fractions_is_no_amount() -> None:
    assert to_minor("1500.5", "JPY") is None


@pytest.mark.parametrize(
    ("amount", "currency", "text"),
    [
        (14_900, "USD", "149.0"),
        (14_950, "USD", "149.5"),
        (14_905, "USD", "149.05"),
        (0, "USD", "0.0"),
        (1_500, "JPY", "1500.0"),
        (12_345, "KWD", "12.345"),
        (12_300, "KWD", "12.3"),
    ],
)
def test_amounts_are_written_as_rails_writes_decimals(amount: int, currency: str, text: str) -> None:
    assert from_minor(amount, currency) == text


def test_amounts_for_people_have_the_currencys_places() -> None:
    assert to_display(114_950, "USD") == "$1,149.50"
    assert to_display(1_500, "JPY") == "$1,500"


@pytest.mark.parametrize(
    ("amount", "currency", "stripes"),
    [
        (50, "USD", 50),
        (500, "JPY", 500),
        (5, "ISK", 500),
        (5, "UGX", 500),
        (50_000, "MGA", 500),
        (5_120, "KWD", 5_120),
    ],
)
def test_stripe_counts_a_few_currencies_in_units_of_its_own(amount: int, currency: str, stripes: int) -> None:
    assert for_stripe(amount, currency) == stripes


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
