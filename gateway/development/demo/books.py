"""Compares the emulator's records of charges and appointments with the visits of the journey."""

from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, TypeAlias

import httpx2

from gateway.development.demo.screen import Screen

Books: TypeAlias = dict[str, list[dict[str, Any]]]


@dataclass(frozen=True, kw_only=True)
class Visit:
    """A visit that the journey paid and booked, as it stands at the end."""

    appointment_id: str
    clinician_id: str
    start: str
    paid: Decimal
    status: str | None = None  # as Healthie calls it; None: it stands
    refunded: Decimal = Decimal(0)

    @property
    def stands(self) -> bool:
        """Whether it is going to take place."""
        return self.status is None


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
        "given back",
        rows=[
            (
                charge["id"],
                f"{_cents(charge):.2f} {charge['currency'].upper()}",
                f"{_cents(charge, 'refunded'):.2f}" if charge["refunded"] else "",
            )
            for charge in charges
        ],
    )
    screen.table(
        "visit",
        "with clinician",
        "starts (UTC)",
        "status",
        rows=[
            (visit["id"], visit["provider_id"], visit["starts_at"], visit["pm_status"] or "")
            for visit in appointments
        ],
    )
    screen.holds(
        sorted(map(_as_booked, appointments)) == sorted(map(_as_told, visits)),
        "every visit is there once, at its time, with its clinician and its status, and no other",
    )
    screen.holds(
        sorted((_cents(charge), _cents(charge, "refunded")) for charge in charges)
        == sorted((visit.paid, visit.refunded) for visit in visits),
        "exactly one charge a visit, of the amount that was quoted, and given back what the patient was told",
    )
    screen.holds(len(refunds) == sum(visit.refunded > 0 for visit in visits), "nothing was given back twice")


def _as_booked(visit: dict[str, Any]) -> tuple[str, str, datetime, str]:
    return (
        visit["id"],
        visit["provider_id"],
        datetime.fromisoformat(visit["starts_at"]),
        visit["pm_status"] or "",
    )


def _as_told(visit: Visit) -> tuple[str, str, datetime, str]:
    start = datetime.fromisoformat(visit.start).astimezone(UTC)
    return visit.appointment_id, visit.clinician_id, start, visit.status or ""


def _cents(charge: dict[str, Any], part: str = "amount") -> Decimal:
    return Decimal(charge[part]) / 100
