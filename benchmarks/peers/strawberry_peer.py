"""The gateway as anybody would write it first: Strawberry on FastAPI, with httpx2; no duties, nothing kept but the clinicians' names.

`uvicorn benchmarks.peers.strawberry_peer:app`, with the system of record's URL in `PEER_UPSTREAM`.
"""

import base64
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Annotated, Any

import httpx2
import strawberry
from fastapi import FastAPI
from strawberry.fastapi import GraphQLRouter

from benchmarks.peers.strawberry_types import (
    BillingFrequency,
    Clinician,
    ContactType,
    Day,
    Money,
    Plan,
    PlanConnection,
    PlanVisits,
    Slot,
    SlotFilter,
    VisitType,
)

_OFFERINGS = "query Offerings { offerings { nodes { id } } appointmentTypes { nodes { id } } }"
_MEMBERS = "query Members { organizationMembers { nodes { id full_name } } }"
_AVAILABLE = "query AvailableSlots { availableSlotsForRange { user_id date length is_fully_booked } }"

_http = httpx2.AsyncClient(limits=httpx2.Limits(max_connections=64), timeout=60)
_clinicians: dict[str, Clinician] = {}


async def _ask(operation: str, query: str, variables: dict[str, Any]) -> Any:
    """The data of one operation of the system of record."""
    body = {"query": query, "operationName": operation, "variables": variables}
    headers = {"Authorization": "Basic key-1"}
    answer = await _http.post(os.environ["PEER_UPSTREAM"], json=body, headers=headers)
    return answer.raise_for_status().json()["data"]


@strawberry.type
class Query:
    """What can be asked."""

    @strawberry.field
    async def plans(self, first: int = 20) -> PlanConnection:
        """The plans, asked for each time."""
        data = await _ask("Offerings", _OFFERINGS, {})
        kinds = {one["id"]: _visit_type(one) for one in data["appointmentTypes"]["nodes"]}
        plans = [_plan(one, kinds) for one in data["offerings"]["nodes"]]
        return PlanConnection(total_count=len(plans), nodes=plans[:first])

    @strawberry.field
    async def slots(
        self,
        filter: SlotFilter,  # noqa: A002  # the API's name
        since: Annotated[date, strawberry.argument(name="from")],
        until: date,
    ) -> list[Day]:
        """The free time of some days, asked for each time."""
        variables = {
            "appt_type_id": filter.visit_type_id,
            "start_date": f"{since}T00:00:00",
            "end_date": f"{until}T23:59:59",
            "timezone": filter.time_zone,
        }
        data = await _ask("AvailableSlots", _AVAILABLE, variables)
        days = {
            since + timedelta(days=n): Day(date=since + timedelta(days=n), slots=[])
            for n in range((until - since).days + 1)
        }
        for one in data["availableSlotsForRange"]:
            slot = _slot(one, filter.visit_type_id)
            if not one["is_fully_booked"] and slot.start.date() in days:
                days[slot.start.date()].slots.append(slot)
        return list(days.values())


def _visit_type(kind: dict[str, Any]) -> VisitType:
    return VisitType(
        name=kind["client_facing_display_name"],
        minutes=kind["length"],
        contact_types=[ContactType(way) for way in kind["available_contact_types"]],
    )


def _plan(offering: dict[str, Any], kinds: dict[str, VisitType]) -> Plan:
    return Plan(
        id=offering["id"],
        name=offering["name"],
        description=offering["description"],
        frequency=BillingFrequency(offering["billing_frequency"]),
        sold_out=not offering["under_purchase_cap"],
        price=_money(offering["price"], offering["currency"]),
        due_today=_money(offering["initial_price_with_taxes"], offering["currency"]),
        visits=[
            PlanVisits(
                visit_type_id=each["appointment_type_id"],
                quantity=int(each["quantity"]),
                visit_type=kinds.get(each["appointment_type_id"]),
            )
            for each in offering["offering_includes"]
        ],
    )


def _money(text: str, currency: str) -> Money:
    return Money(amount=Decimal(text).quantize(Decimal("0.01")), currency=currency)


def _slot(row: dict[str, Any], visit_type: str) -> Slot:
    start = datetime.strptime(row["date"], "%Y-%m-%d %H:%M:%S %z")  # in the time zone that was asked for
    named = f"America/New_York|{row['user_id']}|{visit_type}|video||{int(start.timestamp())}|{row['length']}"
    return Slot(
        id=strawberry.ID(base64.urlsafe_b64encode(named.encode()).decode().rstrip("=")),
        start=start,
        minutes=row["length"],
        contact_type=ContactType.VIDEO,
        clinician=_clinicians.get(row["user_id"]),
    )


@asynccontextmanager
async def _lifespan(_: FastAPI) -> AsyncIterator[None]:
    data = await _ask("Members", _MEMBERS, {})
    for one in data["organizationMembers"]["nodes"]:
        _clinicians[one["id"]] = Clinician(id=one["id"], name=one["full_name"])
    yield
    await _http.aclose()


app = FastAPI(lifespan=_lifespan)
app.include_router(GraphQLRouter(strawberry.Schema(query=Query)), prefix="/graphql")
