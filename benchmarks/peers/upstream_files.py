"""Writes what the system of record answers: the files that `answers.c` reads."""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path

from benchmarks.peers.practice import (
    DAYS_ASKED,
    MINUTES,
    SIZES,
    ZONE,
    Json,
    Practice,
    plans,
    visit_types,
)

# Pages as Healthie gives them to the gateway: the first with the rest of the catalog, then so many a request.
_FIRST_PAGE, _PAGE = 30, 50


def _kinds() -> list[Json]:
    return [
        {
            "id": one,
            "name": f"Visit {one}",
            "client_facing_display_name": f"Visit {one}",
            "client_display_description": "A visit.",
            "length": MINUTES,
            "clients_can_book": True,
            "deleted_at": None,
            "is_group": False,
            "is_waitlist_enabled": False,
            "bookable_by_groups": False,
            "available_contact_types": ["Healthie Video Call", "Phone Call"],
            "pricing_info": {"price": "149.0"},
            "require_specific_providers": False,
            "provider_appt_type_connections": [],
            "has_specific_appointment_settings": False,
            "appointment_setting": None,
        }
        for one, _ in visit_types()
    ]


def _members(practice: Practice) -> list[Json]:
    return [
        {
            "id": one,
            "full_name": name,
            "first_name": name.partition(" ")[0],
            "last_name": name.partition(" ")[2],
            "qualifications": "MD",
            "timezone": ZONE.key,
            "active": True,
            "state_licenses": [{"state": "NY"}, {"state": "CA"}],
        }
        for one, name in practice.names().items()
    ]


def write(practice: Practice, directory: Path) -> None:
    """Write the files that `answers.c` answers from."""
    directory.mkdir(parents=True, exist_ok=True)

    def answer(name: str, data: Json) -> None:
        (directory / f"op.{name}.json").write_text(_compact({"data": data}))

    kinds, members = _kinds(), _members(practice)
    first = {"offerings": plans(), "appointmentTypes": kinds, "organizationMembers": members}
    pages = {root: _pages(nodes) for root, nodes in first.items()}
    setting = {
        "minimum_advance_schedule_time": 60,
        "minimum_advance_cancel_time": 1440,
        "late_cancellation_fee": 5000,
        "no_show_fee": 5000,
    }
    answer(
        "PublicCatalog",
        {
            **{root: of_root[0] for root, of_root in pages.items()},
            "appointmentLocations": _pages([])[0],
            "currentUser": {"default_currency": "USD", "appointment_setting": setting},
        },
    )
    for root, more in (("organizationMembers", "MoreMembers"), ("appointmentTypes", "MoreAppointmentTypes")):
        for number, page in enumerate(pages[root][1:], start=1):
            answer(f"{more}.after.c{number}", {root: page})
    sold = {one["appointment_type_id"] for plan in plans() for one in plan["offering_includes"]}
    # What a peer asks for: plans with the visits that they include, and once the clinicians' names.
    answer(
        "Offerings",
        {
            "offerings": {"nodes": plans()},
            "appointmentTypes": {"nodes": [one for one in kinds if one["id"] in sold]},
        },
    )
    answer("Members", {"organizationMembers": {"nodes": members}})
    for per_day in {size // DAYS_ASKED for size in SIZES if practice.has_room_for(size)}:
        rows = ",".join(_compact(one) for one in _rows(practice, per_day))
        (directory / f"rows.{per_day}.json").write_text(rows)
    (directory / "visit_types.txt").write_text(
        "".join(f"{one} {per_day}\n" for one, per_day in visit_types())
    )
    (directory / "days.txt").write_text("".join(f"{day} {offset}\n" for day, offset in practice.days()))


def _rows(practice: Practice, per_day: int) -> Iterator[Json]:
    """The slots of a day, with placeholders for the day and for the offset."""
    for clinician, start in practice.times(per_day):
        yield {
            "user_id": clinician,
            "date": f"0000-00-00 {start} +0000",
            "length": MINUTES,
            "is_fully_booked": False,
        }


def _pages(nodes: Sequence[Json]) -> list[Json]:
    cuts = [nodes[:_FIRST_PAGE], *(nodes[at : at + _PAGE] for at in range(_FIRST_PAGE, len(nodes), _PAGE))]
    return [
        {
            "nodes": page,
            "page_info": {
                "has_next_page": number < len(cuts) - 1,
                "end_cursor": f"c{number + 1}" if number < len(cuts) - 1 else None,
            },
        }
        for number, page in enumerate(cuts)
    ]


def _compact(value: object) -> str:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)
