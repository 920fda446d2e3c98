"""What changed while nothing was sent: what Healthie lists of each kind, and what it may not let us list."""

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import httpx2
import pytest

from booking.errors import UpstreamUnavailable
from booking.resources import Changes
from tests.doubles.healthie_script import NOON, Script, connection, errors

SINCE = NOON - timedelta(days=1)
BEFORE, AFTER = "2026-11-23 11:59:00 -0500", "2026-11-23 12:00:00 -0500"  # a minute before SINCE, and SINCE


def listed(root: str, *dated: tuple[str, str | None]) -> dict[str, Any]:
    return {root: connection([{"id": one, "updated_at": at} for one, at in dated])}


@pytest.fixture
def script() -> Script:
    return Script(
        answers={
            "VisitsChanged": listed("appointments", ("1", AFTER), ("2", BEFORE)),
            "PatientsChanged": listed("users"),
            "PaymentsChanged": listed("billingItems", ("3", BEFORE)),
            "DisputesChanged": listed("chargeBacks", ("4", AFTER), ("5", BEFORE)),
            "FormsChanged": listed("formAnswerGroups", ("6", AFTER), ("7", BEFORE)),
            "HoursSet": {
                "once": [{"id": "8", "updated_at": AFTER}, {"id": "9", "updated_at": BEFORE}],
                "weekly": [
                    {"id": "2026-11-25-10", "repeating_availability_id": "10", "updated_at": AFTER},
                    {"id": "2026-12-02-10", "repeating_availability_id": "10", "updated_at": AFTER},
                    {"id": "2026-11-26-11", "repeating_availability_id": "11", "updated_at": BEFORE},
                    {"id": "2026-11-27-12", "repeating_availability_id": "12", "updated_at": None},
                ],
            },
        }
    )


@pytest.fixture
async def changes(script: Script) -> AsyncIterator[Changes]:
    async with script.connected(now=lambda: NOON) as healthie:
        yield healthie.changes


async def found(changes: Changes) -> list[str]:
    return [str(hint.resource) for hint in await changes.since(SINCE)]


async def test_what_changed_since_is_found_of_every_kind_that_is_listed(
    changes: Changes, script: Script
) -> None:
    assert await found(changes) == [
        "visit 1",
        "dispute 4",
        "form 6",
        "availability 8",
        "availability 10",  # once, and not for each week
        "availability 12",  # nobody says when
    ]
    (asked,) = script.of("HoursSet")
    assert asked.variables["first"].startswith("2026-11-24T17:00")
    assert asked.variables["last"].startswith("2026-12-08T17:00")


async def test_patients_who_are_archived_are_found_as_well(changes: Changes, script: Script) -> None:
    """A list of patients holds one status; who was archived since is missing among the active ones."""
    card = {"id": "31", "created_at": None}  # nobody says when
    script.answers["PatientsChanged"] = lambda given: {
        "users": connection(
            [
                {
                    "id": "21" if given["active_status"] == "active" else "22",
                    "updated_at": AFTER,
                    "stripe_customer_details": [card] if given["active_status"] == "archived" else [],
                }
            ]
        )
    }
    assert {"patient 21", "patient 22", "card 31"} <= set(await found(changes))


@pytest.mark.parametrize(
    ("operation", "kind"),
    [("DisputesChanged", "dispute"), ("FormsChanged", "form"), ("HoursSet", "availability")],
)
async def test_a_kind_that_this_key_may_not_list_does_not_keep_the_others_from_being_found(
    changes: Changes, script: Script, operation: str, kind: str
) -> None:
    everything = await found(changes)
    script.answers[operation] = errors("FORBIDDEN")
    assert await found(changes) == [one for one in everything if not one.startswith(kind)]


@pytest.mark.parametrize("operation", ["VisitsChanged", "DisputesChanged", "FormsChanged", "HoursSet"])
async def test_a_list_that_cannot_be_had_at_the_moment_is_asked_for_again(
    changes: Changes, script: Script, operation: str
) -> None:
    script.answers[operation] = httpx2.Response(503, text="busy")
    with pytest.raises(UpstreamUnavailable):
        await changes.since(SINCE)
