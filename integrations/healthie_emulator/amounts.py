"""Money and its rhythm as Healthie writes them: decimal strings in, decimal strings out, cents in between."""

import calendar
import re
from datetime import datetime, timedelta

_DECIMAL = re.compile(r"\$?(\d{1,7})(?:\.(\d{1,2})0*)?", re.ASCII)

_WEEKS = {"Weekly": 1, "Bi-Weekly": 2, "Every 4 Weeks": 4, "Every 8 Weeks": 8}
_MONTHS = {"Monthly": 1, "Quarterly": 3, "Yearly": 12}


def to_cents(text: str | None) -> int | None:
    """Read a decimal string such as `149`, `149.5` or `$149.50`; None if it is no amount of money."""
    match = _DECIMAL.fullmatch(text.strip()) if text else None
    return None if match is None else int(match[1]) * 100 + int((match[2] or "").ljust(2, "0"))


def from_cents(cents: int) -> str:
    """Write an amount as a Rails decimal does: `149.0`, `149.5`, `149.55`."""
    whole, part = divmod(cents, 100)
    return f"{whole}.{part:02d}".removesuffix("0")


def to_display(cents: int) -> str:
    """Write an amount for people: `$1,149.50`."""
    return f"${cents // 100:,}.{cents % 100:02d}"


def recurs(billing_frequency: str | None) -> bool:
    """Say whether an offering with this `billing_frequency` bills again."""
    return billing_frequency in _WEEKS or billing_frequency in _MONTHS


def payment_date(start: datetime, billing_frequency: str, number: int) -> datetime:
    """Give the date of the payment `number` periods after `start`; month ends are clamped, never drifted."""
    if billing_frequency in _WEEKS:
        return start + timedelta(weeks=_WEEKS[billing_frequency] * number)
    months = start.year * 12 + start.month - 1 + _MONTHS[billing_frequency] * number
    year, month = divmod(months, 12)
    day = min(start.day, calendar.monthrange(year, month + 1)[1])
    return start.replace(year=year, month=month + 1, day=day)
