"""Compares the emulator's records of charges and appointments with the visits of the journey."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Any, TypeAlias

import httpx2

from gateway.development.demo.screen import Screen

Books: TypeAlias = dict[str, list[dict[str, Any]]]


@dataclass(frozen=True, kw_only=True)
class Visit:
    """A visit that the journey paid and booked."""

    appointment_id: str
    clinician_id: str
    start: str
    paid: Decimal


async def read_books(http: httpx2.AsyncClient, emulator: str) -> Books:
    """All records of the emulator at this address."""
    answer = await http.get(f"{emulator}/_control/books")
    books: Books = answer.raise_for_status().json()
    return books


def check_books(seeded: Books, books: Books, *, visits: list[Visit], screen: Screen) -> None:
    """Prints the records added since `seeded`, and compares them with the journey's visits. Raises Broken."""
    screen.chapter("What Healthie's own books say")
    charges, appointments, refunds = (
        [one for one in books[name] if one not in seeded[name]]
        for name in ("charges", "appointments", "refunds")
    )
    screen.table(
        "charge",
        "amount",
        rows=[(charge["id"], f"{_cents(charge):.2f} {charge['currency'].upper()}") for charge in charges],
    )
    screen.table(
        "visit",
        "with clinician",
        "starts (UTC)",
        rows=[(visit["id"], visit["provider_id"], visit["starts_at"]) for visit in appointments],
    )
    screen.holds(
        {visit["id"]: visit["provider_id"] for visit in appointments}
        == {visit.appointment_id: visit.clinician_id for visit in visits}
        and len(appointments) == len(visits),
        "every visit stands there once, with its clinician, and no other",
    )
    screen.holds(
        sorted(map(_cents, charges)) == sorted(visit.paid for visit in visits),
        "exactly one charge a visit, of the amount that was quoted",
    )
    screen.holds(not refunds, "nothing had to be given back")


def _cents(charge: dict[str, Any]) -> Decimal:
    return Decimal(charge["amount"]) / 100
