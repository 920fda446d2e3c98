"""What Stripe takes and what it refuses for certain: https://docs.stripe.com/currencies."""

import pytest

from booking.card_amounts import from_minor_units, is_chargeable
from booking.money import Money


@pytest.mark.parametrize(
    ("smallest", "too_small", "currency"),
    [
        ("0.50", "0.49", "USD"),
        ("2.00", "1.99", "AED"),
        ("0.30", "0.29", "GBP"),
        ("175", "174.99", "HUF"),
        ("50", "49", "JPY"),
        ("10", "9.99", "MXN"),
        ("15", "14.99", "CZK"),
        ("0.01", "0", "ZAR"),  # no minimum is documented; nothing at all is no charge
    ],
)
def test_a_charge_below_the_currencys_minimum_is_refused(
    smallest: str, too_small: str, currency: str
) -> None:
    assert is_chargeable(Money.of(smallest, currency))
    assert not is_chargeable(Money.of(too_small, currency))


@pytest.mark.parametrize(
    ("largest", "too_large", "currency"),
    [
        ("999999.99", "1000000", "USD"),
        ("99999999", "100000000", "KRW"),
        ("999999", "1000000", "ISK"),  # counted in hundredths
        ("99999.99", "100000", "KWD"),
        ("9999999999", "10000000000", "JPY"),
        ("9999999.99", "10000000", "INR"),
    ],
)
def test_a_charge_of_more_digits_than_stripe_counts_is_refused(
    largest: str, too_large: str, currency: str
) -> None:
    assert is_chargeable(Money.of(largest, currency))
    assert not is_chargeable(Money.of(too_large, currency))


@pytest.mark.parametrize(
    ("amount", "too_fine", "currency"), [("5.12", "5.124", "KWD"), ("500", "500.20", "MGA")]
)
def test_an_amount_finer_than_card_networks_take_is_refused(
    amount: str, too_fine: str, currency: str
) -> None:
    assert is_chargeable(Money.of(amount, currency))
    assert not is_chargeable(Money.of(too_fine, currency))


@pytest.mark.parametrize(
    ("minor", "currency", "text"),
    [
        (1099, "usd", "10.99 USD"),
        (500, "jpy", "500 JPY"),
        (5120, "kwd", "5.120 KWD"),
        (500, "isk", "5 ISK"),
        (500, "ugx", "5 UGX"),
        (500, "mga", "500.00 MGA"),
        (1045, "huf", "10.45 HUF"),
    ],
)
def test_stripes_minor_units_are_read_as_stripe_counts_them(minor: int, currency: str, text: str) -> None:
    assert str(from_minor_units(minor, currency)) == text
