"""What can be charged to a card: the units that Stripe counts in, its smallest and its largest charges.

Source: https://docs.stripe.com/currencies ("Minor units in API amounts", "Special cases", "Minimum and maximum charge amounts").

Stripe's minimum goes by the currency in which the practice's account settles, which nobody here knows. The figures apply where
that is the currency of the charge, as for nearly every practice. An account that settles in another currency may take a little
less or want a little more after conversion; what it does not take is refused at the charge, for certain.
"""

from collections.abc import Mapping
from decimal import Decimal

from booking.money import Money, decimals_of

# Stripe counts these in whole units. ISO 4217 gives all of them but MGA no decimals, and the ariary's fifths are not charged.
_WHOLE = frozenset(
    {"BIF", "CLP", "DJF", "GNF", "JPY", "KMF", "KRW", "MGA", "PYG", "RWF", "VND", "VUV", "XAF", "XOF", "XPF"}
)

# Without decimals by ISO 4217, and counted in hundredths all the same, since Stripe did so before they lost theirs.
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

# Of three decimals the last must be zero: card networks do not take finer amounts.
_FINEST_DECIMALS = 2


def from_minor_units(amount: int, currency: str) -> Money:
    """The amount that Stripe writes as a whole number of its minor units."""
    return Money.of(Decimal(amount).scaleb(-_stripe_decimals(currency.upper())), currency)


def is_chargeable(due: Money) -> bool:
    """Whether Stripe may take such a charge; False: it refuses it for certain, whatever the card."""
    code = due.currency
    largest = _LARGEST.get(code, Decimal(_LARGEST_IN_MINOR_UNITS).scaleb(-_stripe_decimals(code)))
    finest = Decimal(1).scaleb(-min(_stripe_decimals(code), _FINEST_DECIMALS))
    return max(_SMALLEST.get(code, Decimal(0)), finest) <= due.amount <= largest and due.amount % finest == 0


def _stripe_decimals(code: str) -> int:
    if code in _WHOLE:
        return 0
    return _HUNDREDTHS if code in _COUNTED_IN_HUNDREDTHS else decimals_of(code)
