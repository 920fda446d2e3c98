"""The practice that everybody is asked about: plans, clinicians, free time by visit type; and the answers that must come.

Everything is made up, and depends on nothing but the sizes and the first day, so that every contender's answer can be foretold.
"""

import base64
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

ZONE = ZoneInfo("America/New_York")

# Slots of one question, which is about two days: one request to the system of record.
SIZES = (100, 400, 1000, 2000, 5000)
DAYS_ASKED = 2

# So many visit types of each size, and days with slots: the questions that can be asked without asking one twice.
VISIT_TYPES = 20
DAYS = 600

PLANS = 20
CLINICIANS = 40
MINUTES = 15
_OPENS, _OPEN_MINUTES = time(9), 480

Json = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Practice:
    """A practice of some size, with free time from its first day on."""

    first_day: date
    clinicians: int = CLINICIANS

    @property
    def clinician_ids(self) -> list[str]:
        """The ids of its clinicians."""
        return [str(200_001 + number) for number in range(self.clinicians)]

    @property
    def keys(self) -> dict[str, str]:
        """The API key of each clinician."""
        return {one: f"key-{one}" for one in self.clinician_ids}

    def names(self) -> dict[str, str]:
        """The clinicians' names by their ids."""
        return {one: f"Clinician Sample-{number}" for number, one in enumerate(self.clinician_ids)}

    def days(self) -> Iterator[tuple[date, str]]:
        """Each day with slots, and the offset from UTC on it, such as `-0500`."""
        for number in range(DAYS):
            day = self.first_day + timedelta(days=number)
            yield day, datetime.combine(day, _OPENS, ZONE).strftime("%z")

    def has_room_for(self, size: int) -> bool:
        """Whether its clinicians can have the slots of such a question."""
        return size // DAYS_ASKED <= self.clinicians * _OPEN_MINUTES

    def times(self, per_day: int) -> Iterator[tuple[str, time]]:
        """The slots of one day, by start and clinician: whose, and when."""
        who = self.clinician_ids
        starts = -(-per_day // len(who))
        step = _OPEN_MINUTES // starts
        if not step:
            raise ValueError(f"{len(who)} clinicians cannot have {per_day} slots a day")
        for number in range(per_day):
            start = datetime.combine(date.min, _OPENS) + timedelta(minutes=step * (number // len(who)))
            yield who[number % len(who)], start.time()


def visit_type(size: int, number: int = 0) -> str:
    """The id of a visit type that has so many slots in the days that a question is about."""
    return f"6{size:04}{number:02}"


def visit_types() -> Iterator[tuple[str, int]]:
    """The id of every visit type, and its slots a day."""
    for size in SIZES:
        for number in range(VISIT_TYPES):
            yield visit_type(size, number), size // DAYS_ASKED


def slot_id(clinician: str, visit: str, start: datetime) -> str:
    """The id that the gateway gives a slot in the zone of every question; the peers make the same ones."""
    text = f"{ZONE.key}|{clinician}|{visit}|video||{int(start.timestamp())}|{MINUTES}"
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def plans() -> list[Json]:
    """The plans, as `offerings` has them."""
    return [
        {
            "id": str(900_001 + number),
            "name": f"Plan number {number} — metabolic care",
            "description": "A care plan with visits, messaging and labs. " * 2,
            "price": f"{99 + number}.0",
            "initial_payment_amount": None,
            "initial_price_with_taxes": f"{99 + number}.0",
            "currency": "USD",
            "billing_frequency": "Monthly" if number % 2 else "One-Time",
            "repeat_times": None,
            "archived": False,
            "show_offering": True,
            "visibility_status": "Visible",
            "under_purchase_cap": True,
            "offering_includes": [
                {"appointment_type_id": visit_type(400), "quantity": "1"},
                {"appointment_type_id": visit_type(2000), "quantity": "4"},
            ],
        }
        for number in range(PLANS)
    ]


def expected_slots(practice: Practice, visit: str, size: int, first: date) -> list[Json]:
    """What `slots` answers for the days of a question, in the practice's time zone."""
    names = practice.names()

    def slots(day: date) -> Iterator[Json]:
        for clinician, at in practice.times(size // DAYS_ASKED):
            start = datetime.combine(day, at, ZONE)
            yield {
                "id": slot_id(clinician, visit, start.astimezone(UTC)),
                "start": start.isoformat(),
                "minutes": MINUTES,
                "contactType": "VIDEO",
                "clinician": {"id": clinician, "name": names[clinician]},
            }

    days = [first + timedelta(days=number) for number in range(DAYS_ASKED)]
    return [{"date": day.isoformat(), "slots": list(slots(day))} for day in days]


def expected_plans() -> list[Json]:
    """What `plans` answers, page by page of all."""

    def visit(of_plan: Json) -> Json:
        visit_type_id = of_plan["appointment_type_id"]
        kind = {
            "name": f"Visit {visit_type_id}",
            "minutes": MINUTES,
            "contactTypes": ["VIDEO", "PHONE"],
        }
        return {"visitTypeId": visit_type_id, "quantity": int(of_plan["quantity"]), "visitType": kind}

    def money(text: str) -> Json:
        return {"amount": f"{float(text):.2f}", "currency": "USD"}

    return [
        {
            "id": one["id"],
            "name": one["name"],
            "description": one["description"],
            "frequency": one["billing_frequency"].upper().replace("-", "_"),
            "soldOut": not one["under_purchase_cap"],
            "price": money(one["price"]),
            "dueToday": money(one["initial_price_with_taxes"]),
            "visits": [visit(each) for each in one["offering_includes"]],
        }
        for one in plans()
    ]
