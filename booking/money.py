"""Money as the practice counts it: a decimal amount and its currency, never a float."""

from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from typing import Self

# ISO 4217: the currencies without minor units that Stripe bills; all others here have two decimals.
_ZERO_DECIMAL = frozenset(
    {
        "BIF",
        "CLP",
        "DJF",
        "GNF",
        "JPY",
        "KMF",
        "KRW",
        "MGA",
        "PYG",
        "RWF",
        "UGX",
        "VND",
        "VUV",
        "XAF",
        "XOF",
        "XPF",
    }
)


@dataclass(frozen=True, kw_only=True, order=False)
class Money:
    """An exact amount in one currency; arithmetic between currencies is a programming error (ValueError)."""

    amount: Decimal
    currency: str  # ISO 4217, upper case

    @classmethod
    def of(cls, amount: Decimal | str | int, currency: str) -> Self:
        """Build from a decimal string or integer, rounded half up to the currency's minor unit.

        Raises decimal.InvalidOperation when the text is not a number, ValueError when it is not finite.
        """
        value = Decimal(amount)
        if not value.is_finite():
            raise ValueError("an amount of money must be finite")
        code = currency.upper()
        exponent = Decimal(1) if code in _ZERO_DECIMAL else Decimal("0.01")
        return cls(amount=value.quantize(exponent, rounding=ROUND_HALF_UP), currency=code)

    @classmethod
    def of_minor(cls, amount: int, currency: str) -> Self:
        """Build from a whole number of the currency's minor units, as card processors count."""
        code = currency.upper()
        return cls.of(Decimal(amount) if code in _ZERO_DECIMAL else Decimal(amount).scaleb(-2), code)

    @property
    def is_zero(self) -> bool:
        """Whether nothing is due."""
        return self.amount == 0

    def __add__(self, other: Self) -> Self:
        return type(self)(amount=self.amount + self._same(other), currency=self.currency)

    def __sub__(self, other: Self) -> Self:
        return type(self)(amount=self.amount - self._same(other), currency=self.currency)

    def __str__(self) -> str:
        return f"{self.amount} {self.currency}"

    def _same(self, other: Self) -> Decimal:
        if other.currency != self.currency:
            raise ValueError(f"cannot mix {self.currency} and {other.currency}")
        return other.amount
