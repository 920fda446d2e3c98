"""Money is exact and of one currency."""

from decimal import Decimal, InvalidOperation

import pytest
from hypothesis import given
from hypothesis import strategies as st

from booking.money import Money

CENTS = st.integers(min_value=-(10**12), max_value=10**12).map(lambda cents: Decimal(cents) / 100)


@pytest.mark.parametrize(
    ("amount", "currency", "text"),
    [
        ("149", "usd", "149.00 USD"),
        ("0.005", "USD", "0.01 USD"),
        ("0.0049", "USD", "0.00 USD"),
        ("150.5", "JPY", "151 JPY"),
        ("12.345", "KWD", "12.345 KWD"),
        ("12.3455", "bhd", "12.346 BHD"),
        ("12.5", "ISK", "13 ISK"),
        ("12.34567", "CLF", "12.3457 CLF"),
        ("12.345", "MGA", "12.35 MGA"),
        ("12.345", "XAU", "12.35 XAU"),  # without a minor unit in the table
        ("12.345", "HRK", "12.35 HRK"),  # withdrawn
        ("12.345", "?", "12.35 ?"),
    ],
)
def test_an_amount_is_kept_to_the_currencys_minor_unit(amount: str, currency: str, text: str) -> None:
    assert str(Money.of(amount, currency)) == text


@given(CENTS, CENTS)
def test_what_is_added_can_be_taken_off_again(one: Decimal, other: Decimal) -> None:
    first, second = Money.of(one, "USD"), Money.of(other, "USD")
    assert first + second - second == first


@pytest.mark.parametrize(
    ("text", "error"),
    [("twelve", InvalidOperation), ("", InvalidOperation), ("NaN", ValueError), ("Infinity", ValueError)],
)
def test_what_is_no_amount_is_refused(text: str, error: type[Exception]) -> None:
    with pytest.raises(error):
        Money.of(text, "USD")


def test_currencies_do_not_mix() -> None:
    dollars, euros = Money.of(1, "USD"), Money.of(1, "EUR")
    with pytest.raises(ValueError, match="mix"):
        dollars + euros
    with pytest.raises(ValueError, match="mix"):
        dollars - euros
    assert dollars != euros


def test_nothing_is_due_only_at_zero() -> None:
    assert Money.of("0.00", "USD").is_zero
    assert not Money.of("0.01", "USD").is_zero
