"""A group visit that the practice has planned, with patients in it."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from tests.plugins.emulator import CLINICIAN_1
from tests.plugins.stack import Stack

Json = Any

VIDEO = "Healthie Video Call"

_TYPE = """mutation Type($input: createAppointmentTypeInput) { createAppointmentType(input: $input) {
  appointmentType { id } messages { field message } } }"""

_PLAN = """mutation Plan($input: createAppointmentInput!) { createAppointment(input: $input) {
  appointment { id } messages { field message } } }"""

_SEATS = """query Seats($id: ID) { appointment(id: $id, include_deleted: true) { pm_status deleted_at
  attended_clients { id external_uuid cancelled user { id email } } } }"""

GROUP_VISITS = """query GroupVisits($filter: GroupVisitFilter, $first: Int! = 20, $after: String, $zone: String!) {
  groupVisits(filter: $filter, first: $first, after: $after) {
    totalCount
    pageInfo { hasNextPage endCursor }
    nodes { id visitTypeId name minutes start(timeZone: $zone) end(timeZone: $zone) contactType clinicianId clinician { name }
      location { name } price { amount currency } requiresPlan seats seatsLeft isFull hasWaitlist }
  }
}"""


@dataclass(frozen=True, kw_only=True)
class Group:
    """The group visit, and its type."""

    stack: Stack
    type_id: str
    id: str

    async def seats(self) -> Json:
        """The visit with its seats, as the practice has them."""
        return (await self.stack.emulator.ask(_SEATS, id=self.id))["appointment"]


async def a_group(stack: Stack, *patients: int, seats: str | None = "3", days: int = 3, **kind: Any) -> Group:
    """Plan one with clinician 1, with these patients in it; the gateway's catalog knows its type after that."""
    asked = {"name": "Sample Group", "length": 60, "is_group": True, "contact_type_overrides": ["video_chat"]}
    made = await stack.emulator.ask(_TYPE, input=asked | kind)
    type_id = str(made["createAppointmentType"]["appointmentType"]["id"])
    found = await plan(stack, type_id, *patients, seats=seats, days=days)
    await stack.pass_time(timedelta(seconds=61))
    return found


async def plan(
    stack: Stack,
    type_id: str,
    *patients: int,
    seats: str | None = "3",
    days: int = 3,
    clinician: str = CLINICIAN_1,
) -> Group:
    """Plan another one of the type."""
    booked = await stack.emulator.ask(
        _PLAN,
        key=clinician,
        input={
            "appointment_type_id": type_id,
            "contact_type": VIDEO,
            "datetime": f"{stack.day(days)} 10:00:00",
            "timezone": "America/New_York",
            "max_attendees": seats,
            "attendee_ids": [stack.practice["patients"][number - 1]["id"] for number in patients],
        },
    )
    return Group(stack=stack, type_id=type_id, id=str(booked["createAppointment"]["appointment"]["id"]))
