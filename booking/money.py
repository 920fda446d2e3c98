"""Money: an exact decimal amount and its currency, never a float."""

from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from functools import cache
from typing import Self

import iso4217

# For currencies that the ISO table does not list (any more) or lists without a minor unit: most currencies have two decimals.
_USUAL_DECIMALS = 2


@cache
def decimals_of(currency: str) -> int:
    """The number of decimals of the currency by ISO 4217; takes the code in upper case."""
    known = currency in iso4217.raw_table
    decimals = iso4217.Currency(currency).exponent if known else None
    return _USUAL_DECIMALS if decimals is None else decimals


@dataclass(frozen=True, kw_only=True, order=False)
class Money:
    """An exact amount in one currency. Arithmetic between currencies is a programming error and raises ValueError."""

    amount: Decimal
    currency: str  # ISO 4217, upper case

    @classmethod
    def of(cls, amount: Decimal | str | int, currency: str) -> Self:
        """Build from a decimal string or integer, rounded half up to the currency's minor unit by ISO 4217.

        Raises decimal.InvalidOperation when the text is not a number, ValueError when it is not finite.
        """
        value = Decimal(amount)
        if not value.is_finite():
            raise ValueError("an amount of money must be finite")
        code = currency.upper()
        unit = Decimal(1).scaleb(-decimals_of(code))
        return cls(amount=value.quantize(unit, rounding=ROUND_HALF_UP), currency=code)

    @property
    def is_zero(self) -> bool:
        """Whether the amount is zero."""
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
