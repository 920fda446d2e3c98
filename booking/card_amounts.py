"""Chargeable amounts: Stripe's minor units, and its smallest and largest charge per currency.

Source: https://docs.stripe.com/currencies ("Minor units in API amounts", "Special cases", "Minimum and maximum charge amounts").

Stripe's minimum depends on the currency in which the practice's account settles, which is not known here. The figures assume
the currency of the charge, as for nearly every practice. For an account that settles in another currency the limit is slightly
lower or higher after conversion; a charge outside it is refused for certain.
"""

from collections.abc import Mapping
from decimal import Decimal

from booking.money import Money, decimals_of

# Stripe counts these in whole units. By ISO 4217 all but MGA have no decimals, and the ariary's fifths cannot be charged.
_WHOLE = frozenset(
    {"BIF", "CLP", "DJF", "GNF", "JPY", "KMF", "KRW", "MGA", "PYG", "RWF", "VND", "VUV", "XAF", "XOF", "XPF"}
)

# Stripe still counts these in hundredths, for backward compatibility, although ISO 4217 has removed their decimals.
_COUNTED_IN_HUNDREDTHS = frozenset({"ISK", "UGX"})
_HUNDREDTHS = 2

_SMALLEST: Mapping[str, Decimal] = {
    currency: Decimal(amount)
    for currency, amount in {
        "USD": "0.50",
        "AED": "2.00",
        "AUD": "0.50",
        "BGN": "1.00",
        "BRL": "0.50",
        "CAD": "0.50",
        "CHF": "0.50",
        "CZK": "15.00",
        "DKK": "2.50",
        "EUR": "0.50",
        "GBP": "0.30",
        "HKD": "4.00",
        "HUF": "175.00",
        "INR": "0.50",
        "JPY": "50",
        "MXN": "10",
        "MYR": "2",
        "NOK": "3.00",
        "NZD": "0.50",
        "PLN": "2.00",
        "RON": "2.00",
        "SEK": "3.00",
        "SGD": "0.50",
        "THB": "10",
    }.items()
}

# "8 digits for all other currencies", of Stripe's minor unit.
_LARGEST_IN_MINOR_UNITS = 99_999_999

_LARGEST: Mapping[str, Decimal] = {
    "IDR": Decimal("9999999999.99"),
    "INR": Decimal("9999999.99"),
    "LBP": Decimal(999999999999),
    "COP": Decimal("9999999999.9"),
    "HUF": Decimal(9999999999),
    "JPY": Decimal(9999999999),
}

# The third of three decimals must be zero: card networks take no finer amounts.
_FINEST_DECIMALS = 2


def from_minor_units(amount: int, currency: str) -> Money:
    """Convert Stripe's integer amount in minor units to Money."""
    return Money.of(Decimal(amount).scaleb(-_stripe_decimals(currency.upper())), currency)


def is_chargeable(due: Money) -> bool:
    """Whether Stripe may accept a charge of this amount; when False, Stripe refuses it for certain, whatever the card."""
    code = due.currency
    largest = _LARGEST.get(code, Decimal(_LARGEST_IN_MINOR_UNITS).scaleb(-_stripe_decimals(code)))
    finest = Decimal(1).scaleb(-min(_stripe_decimals(code), _FINEST_DECIMALS))
    return max(_SMALLEST.get(code, Decimal(0)), finest) <= due.amount <= largest and due.amount % finest == 0


def _stripe_decimals(code: str) -> int:
    if code in _WHOLE:
        return 0
    return _HUNDREDTHS if code in _COUNTED_IN_HUNDREDTHS else decimals_of(code)
