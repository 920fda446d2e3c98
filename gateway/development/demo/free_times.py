"""Queries and compares free slots for the journey."""

from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from gateway.development.demo import documents
from gateway.development.demo.api import App, Broken

# The sample patients' time zone.
ZONE = "America/New_York"


async def days_of_week(app: App, wanted: dict[str, Any]) -> list[dict[str, Any]]:
    """The seven days from today on, each with its free slots."""
    today = datetime.now(ZoneInfo(ZONE)).date()
    week = {"from": today.isoformat(), "until": (today + timedelta(days=6)).isoformat()}
    days: list[dict[str, Any]] = (await app.ask(documents.SLOTS, filter=wanted, **week))["slots"]
    return days


async def slots_of_week(app: App, wanted: dict[str, Any]) -> list[dict[str, Any]]:
    """The free slots of the seven days from today on."""
    return [slot for day in await days_of_week(app, wanted) for slot in day["slots"]]


def two_apart(slots: list[dict[str, Any]]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Two free slots on different days, so that they cannot overlap. Raises Broken."""
    first = slots[len(slots) // 3]
    later = [slot for slot in slots if local(slot).date() > local(first).date()]
    if not later:
        raise Broken("the practice has free times on one day only")
    return first, later[0]


def overlaps(slot: dict[str, Any], booked: list[datetime]) -> bool:
    """Whether the slot overlaps a visit of the same length that starts at one of the `booked` times."""
    length = timedelta(minutes=slot["minutes"])
    return any(abs(datetime.fromisoformat(slot["start"]) - start) < length for start in booked)


def ids(slots: list[dict[str, Any]]) -> set[str]:
    """The ids of the slots."""
    return {slot["id"] for slot in slots}


def local(slot: dict[str, Any]) -> datetime:
    """The slot's start in ZONE."""
    return datetime.fromisoformat(slot["start"]).astimezone(ZoneInfo(ZONE))
