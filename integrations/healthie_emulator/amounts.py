"""Amounts and billing frequencies in Healthie's formats: decimal strings outside, integer minor units inside.

The minor unit of a currency follows ISO 4217: a cent of USD, a yen, a fils of KWD (a thousandth).
"""

import calendar
import re
from datetime import datetime, timedelta

import iso4217

PRACTICE_CURRENCY = "USD"  # for records without a currency: visit types, invoices without a plan

_DECIMAL = re.compile(r"\$?(\d{1,10})(?:\.(\d+))?", re.ASCII)

_WEEKS = {"Weekly": 1, "Bi-Weekly": 2, "Every 4 Weeks": 4, "Every 8 Weeks": 8}
_MONTHS = {"Monthly": 1, "Quarterly": 3, "Yearly": 12}


def decimals(currency: str) -> int:
    """Return the decimals of a currency's amounts; two where the table has none."""
    known = iso4217.Currency(currency).exponent if currency in iso4217.raw_table else None
    return 2 if known is None else known


def to_minor(text: str | None, currency: str) -> int | None:
    """Read a decimal string such as `149`, `149.5` or `$149.50`; None if it is no amount of money in the currency."""
    match = _DECIMAL.fullmatch(text.strip()) if text else None
    if match is None:
        return None
    part, places = (match[2] or "").rstrip("0"), decimals(currency)
    return int(match[1] + part.ljust(places, "0")) if len(part) <= places else None


def from_minor(amount: int, currency: str) -> str:
    """Write an amount as a Rails decimal does: `149.0`, `149.5`, `149.55`."""
    whole, part = _split(amount, currency)
    return f"{whole}.{part.rstrip('0') or '0'}"


def to_display(amount: int, currency: str) -> str:
    """Write an amount for people: `$1,149.50`."""
    whole, part = _split(amount, currency)
    return f"${whole:,}.{part}" if part else f"${whole:,}"


def _split(amount: int, currency: str) -> tuple[int, str]:
    places = decimals(currency)
    whole, part = divmod(amount, 10**places)
    return whole, f"{part:0{places}d}" if places else ""


def recurs(billing_frequency: str | None) -> bool:
    """Return whether an offering with this `billing_frequency` bills again."""
    return billing_frequency in _WEEKS or billing_frequency in _MONTHS


def payment_date(start: datetime, billing_frequency: str, number: int) -> datetime:
    """Return the date of the payment `number` periods after `start`; month ends are clamped, never drifted."""
    if billing_frequency in _WEEKS:
        return start + timedelta(weeks=_WEEKS[billing_frequency] * number)
    months = start.year * 12 + start.month - 1 + _MONTHS[billing_frequency] * number
    year, month = divmod(months, 12)
    day = min(start.day, calendar.monthrange(year, month + 1)[1])
    return start.replace(year=year, month=month + 1, day=day)
