"""Stripe's minor units, and its smallest and largest charges: https://docs.stripe.com/currencies."""

from decimal import Decimal

from integrations.healthie_emulator.amounts import decimals

# Counted in whole units, MGA although it has two decimals.
WHOLE = frozenset(
    ["BIF", "CLP", "DJF", "GNF", "JPY", "KMF", "KRW", "MGA", "PYG", "RWF", "VND", "VUV", "XAF", "XOF", "XPF"]
)

# Counted in hundredths, although they have no decimals any more.
HUNDREDTHS = frozenset({"ISK", "UGX"})

# In Stripe's units. For a currency that is not listed no minimum is documented.
SMALLEST = {
    "AED": 200,
    "AUD": 50,
    "BGN": 100,
    "BRL": 50,
    "CAD": 50,
    "CHF": 50,
    "CZK": 1_500,
    "DKK": 250,
    "EUR": 50,
    "GBP": 30,
    "HKD": 400,
    "HUF": 17_500,
    "INR": 50,
    "JPY": 50,
    "MXN": 1_000,
    "MYR": 200,
    "NOK": 300,
    "NZD": 50,
    "PLN": 200,
    "RON": 200,
    "SEK": 300,
    "SGD": 50,
    "THB": 1_000,
    "USD": 50,
}

# Eight digits; more in a few currencies, of which these are some.
LARGEST = {"IDR": 999_999_999_999, "INR": 999_999_999, "JPY": 9_999_999_999}
EIGHT_DIGITS = 99_999_999


def stripe_decimals(currency: str) -> int:
    """Return the decimals that Stripe counts a currency with."""
    if currency in WHOLE:
        return 0
    return 2 if currency in HUNDREDTHS else decimals(currency)


def for_stripe(amount: int, currency: str) -> int:
    """Write an amount of minor units in those of Stripe."""
    return int(Decimal(amount).scaleb(stripe_decimals(currency) - decimals(currency)))


def written(amount: int, currency: str) -> str:
    """Write an amount of Stripe's units as its errors do, for dollars."""
    places = stripe_decimals(currency)
    return f"${amount / 10**places:,.{places}f}"
