"""Measures what strangers (callers who have not signed in) can take without paying: holds on a clinician's day, and unpaid visits.

A gateway with the default limits is attacked over HTTP by a caller who takes as much as possible: with one visitor token, one address,
one block of addresses, many addresses, and where addresses are not known.
"""

import asyncio
import itertools
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx2

from benchmarks.figures import titled
from benchmarks.production import production
from gateway.development.local_stack import LocalStack

ADDRESS = "X-Forwarded-For"

# Seconds in which an anonymous guest once booked 79 visits for as many patients.
SECONDS = 94
# Seconds; shorter than a hold, so that the first still stands at the end.
HOLD_SECONDS = 30
# Refusals in a row after which the attacker gives up: no limit per day ends within a minute.
GIVES_UP = 12

_SATURDAY = 5

_DEFAULTS = {
    "FRONTDOOR_RATE_FACTOR": "1",
    "FRONTDOOR_CARDS_PER_CALLER": "5",
    "FRONTDOOR_CARDS_OF_GUESTS": "60",
    "FRONTDOOR_UNPAID_PER_CLINICIAN_DAY": "8",
    "FRONTDOOR_UNPAID_OF_GUESTS": "60",
}

_OPEN = "query Open { newVisitorToken }"
_OFFER = "query Offer { visitTypes { id name } clinicians { id } }"
_SLOTS = """query Slots($filter: SlotFilter!, $from: Date!, $until: Date!) {
  slots(filter: $filter, from: $from, until: $until) { slots { id start end minutes } }
}"""
_HOLD = """mutation Hold($input: HoldSlotInput!) {
  holdSlot(input: $input) { __typename ... on HoldSlotSuccess { hold { id } } ... on Problem { code } }
}"""
_START = """mutation Start($input: StartCheckoutInput!) {
  startCheckout(input: $input) {
    __typename ... on StartCheckoutSuccess { guestToken checkout { id quote { id } } } ... on Problem { code }
  }
}"""
_CONFIRM = """mutation Confirm($input: ConfirmCheckoutInput!) {
  confirmCheckout(input: $input) { __typename ... on Problem { code } }
}"""

Addresses = Callable[[], Iterator[str]]

# The attackers and their addresses. No two share one, so that none starts with limits used up by another.
WHO: dict[str, Addresses] = {
    "one address": lambda: itertools.repeat("203.0.113.9"),
    "one IPv6 /48": lambda: (f"2001:db8:1:{n:x}::1" for n in itertools.count()),
    "many addresses": lambda: (f"2001:db8:{n:x}::1" for n in itertools.count(0x100)),
}
UNKNOWN = "addresses not known"
ONE_VISITOR = "one visitor's token"
_OBSERVER = "198.51.100.7"


@dataclass(frozen=True, kw_only=True)
class Held:
    """One clinician's day while strangers hold as much as possible."""

    minutes: int  # offered on the day
    held: int  # of these, by holds of an hour each
    hours: int  # visits of an hour that could be booked
    hours_left: int  # the fewest, over all ways of holding


@dataclass(frozen=True, kw_only=True)
class Free:
    """Unpaid visits."""

    visits: int
    patients: int
    seconds: int  # until it gave up, or until the time was over


@dataclass(frozen=True, kw_only=True)
class Strangers:
    """The figures by attacker."""

    held: dict[str, Held]
    free: dict[str, Free]


async def measure() -> Strangers:
    """Attack two gateways: one with the client address header, and one without."""
    held: dict[str, Held] = {}
    free: dict[str, Free] = {}
    async with production(**_DEFAULTS, FRONTDOOR_CLIENT_ADDRESS_HEADER=ADDRESS) as (_, http):
        practice = await Practice.of(http)
        held[ONE_VISITOR] = await _days(practice, itertools.repeat("192.0.2.1"), ahead=3, one_name=True)
        for n, (who, addresses) in enumerate(WHO.items()):
            held[who] = await _days(practice, addresses(), ahead=5 + 2 * n)
    for who, addresses in WHO.items():
        async with production(**_DEFAULTS, FRONTDOOR_CLIENT_ADDRESS_HEADER=ADDRESS) as (stack, http):
            free[who] = await _free_visits(stack, await Practice.of(http), addresses())
    async with production(**_DEFAULTS) as (stack, http):
        practice = await Practice.of(http)
        held[UNKNOWN] = await _days(practice, itertools.repeat("192.0.2.1"), ahead=3)
        free[UNKNOWN] = await _free_visits(stack, practice, itertools.repeat("192.0.2.1"))
    return Strangers(held=held, free=free)


@dataclass(frozen=True, kw_only=True)
class Practice:
    """The visit types and clinicians of the practice."""

    http: httpx2.AsyncClient
    visits: dict[str, str]  # names to ids
    clinicians: list[str]

    @classmethod
    async def of(cls, http: httpx2.AsyncClient) -> "Practice":
        """Read them from the API."""
        offer = await _ask(http, _OFFER, {}, {ADDRESS: _OBSERVER})
        visits = {one["name"]: one["id"] for one in offer["visitTypes"]}
        return cls(http=http, visits=visits, clinicians=[one["id"] for one in offer["clinicians"]])

    async def free(self, visit: str, *, clinician: int, ahead: int) -> list[dict[str, Any]]:
        """Free slots that do not overlap, on the clinician's working day so many working days ahead."""
        today = (datetime.now(UTC) - timedelta(hours=5)).date()
        following = (today + timedelta(days=n) for n in itertools.count(1))
        workdays = (one for one in following if one.weekday() < _SATURDAY)
        day = next(itertools.islice(workdays, ahead, None)).isoformat()
        sought = {
            "visitTypeId": self.visits[visit],
            "clinicianIds": [self.clinicians[clinician % len(self.clinicians)]],
            "timeZone": "America/New_York",
        }
        given = {"filter": sought, "from": day, "until": day}
        apart: list[dict[str, Any]] = []
        for one in (await _ask(self.http, _SLOTS, given, {ADDRESS: _OBSERVER}))["slots"][0]["slots"]:
            if not apart or one["start"] >= apart[-1]["end"]:
                apart.append(one)
        return apart

    async def visitor(self, address: str) -> dict[str, str]:
        """The headers of a new visitor at an address."""
        headers = {ADDRESS: address}
        return {
            **headers,
            "Frontdoor-Visitor": (await _ask(self.http, _OPEN, {}, headers))["newVisitorToken"],
        }


async def _days(practice: Practice, addresses: Iterator[str], *, ahead: int, one_name: bool = False) -> Held:
    """Hold as much as possible of two days: on one in whole hours, on the next a quarter of each hour."""
    hours = await practice.free("Initial Visit", clinician=0, ahead=ahead)
    minutes = len(await practice.free("Free Consultation", clinician=0, ahead=ahead)) * 15
    await _hold_all(practice, addresses, hours, one_name=one_name)
    left = len(await practice.free("Free Consultation", clinician=0, ahead=ahead)) * 15
    hours_left = len(await practice.free("Initial Visit", clinician=0, ahead=ahead))
    quarters = (await practice.free("Free Consultation", clinician=0, ahead=ahead + 1))[3::4]
    await _hold_all(practice, addresses, quarters, one_name=one_name)
    scattered = len(await practice.free("Initial Visit", clinician=0, ahead=ahead + 1))
    return Held(minutes=minutes, held=minutes - left, hours=len(hours), hours_left=min(hours_left, scattered))


async def _hold_all(
    practice: Practice, addresses: Iterator[str], slots: list[dict[str, Any]], *, one_name: bool
) -> None:
    """Hold these slots, each as a new visitor unless `one_name`, again and again until HOLD_SECONDS are over."""
    until = time.monotonic() + HOLD_SECONDS
    headers = await practice.visitor(next(addresses))
    for refused, slot in zip(itertools.count(), itertools.cycle(slots), strict=False):
        if refused > 3 * len(slots) or time.monotonic() > until:
            break
        await _do(practice.http, _HOLD, {"slotId": slot["id"], "timeZone": "UTC"}, headers)
        if not one_name:
            try:
                headers = await practice.visitor(next(addresses))
            except Refused:
                break


async def _free_visits(stack: LocalStack, practice: Practice, addresses: Iterator[str]) -> Free:
    """Book visits as guests of many names, on days without other bookings."""
    before, began, in_vain = await _books(stack), time.monotonic(), 0
    places = ((clinician, ahead) for ahead in range(14, 24) for clinician in range(3))
    for number, (clinician, ahead) in zip(itertools.count(), itertools.cycle(places), strict=False):
        if in_vain >= GIVES_UP or time.monotonic() - began > SECONDS:
            break
        try:
            booked = await _book(practice, next(addresses), number, clinician=clinician, ahead=ahead)
        except Refused:
            booked = False
        in_vain = 0 if booked else in_vain + 1
    seconds, after = time.monotonic() - began, await _books(stack)
    return Free(
        visits=len(after["appointments"]) - len(before["appointments"]),
        patients=len(after["patients"]) - len(before["patients"]),
        seconds=round(seconds),
    )


async def _book(practice: Practice, address: str, number: int, *, clinician: int, ahead: int) -> bool:
    slots = await practice.free("Free Consultation", clinician=clinician, ahead=ahead)
    headers, http = await practice.visitor(address), practice.http
    hold = await _do(http, _HOLD, {"slotId": slots[0]["id"], "timeZone": "UTC"}, headers)
    if "hold" not in hold:
        return False
    guest = {"email": f"sample.guest.{number}@example.com", "firstName": "Sample", "lastName": "Guest"}
    started = await _do(http, _START, {"holdId": hold["hold"]["id"], "guest": guest}, headers)
    if "checkout" not in started:
        return False
    signed = {ADDRESS: address, "Authorization": f"Bearer {started['guestToken']}"}
    checkout = started["checkout"]
    accepted = {"checkoutId": checkout["id"], "quoteId": checkout["quote"]["id"]}
    answer = await _do(http, _CONFIRM, accepted, signed)
    return bool(answer["__typename"] == "ConfirmCheckoutSuccess")


class Refused(Exception):
    """The gateway refused a request with 429."""


async def _ask(
    http: httpx2.AsyncClient, document: str, variables: dict[str, Any], headers: dict[str, str]
) -> dict[str, Any]:
    answer = await http.post("/graphql", json={"query": document, "variables": variables}, headers=headers)
    body: dict[str, Any] = answer.json()
    if "errors" in body:
        if answer.status_code == httpx2.codes.TOO_MANY_REQUESTS:
            raise Refused
        raise AssertionError(answer.text[:300])
    data: dict[str, Any] = body["data"]
    return data


async def _do(
    http: httpx2.AsyncClient, document: str, given: dict[str, Any], headers: dict[str, str]
) -> dict[str, Any]:
    keyed = {**headers, "Idempotency-Key": str(uuid.uuid4())}
    (result,) = (await _ask(http, document, {"input": given}, keyed)).values()
    answered: dict[str, Any] = result
    return answered


async def _books(stack: LocalStack) -> dict[str, Any]:
    async with httpx2.AsyncClient(timeout=60) as http:
        books: dict[str, Any] = (await http.get(f"{stack.emulator}/_control/books")).raise_for_status().json()
        return books


def shown(figures: dict[str, Any]) -> str:
    """The figures as a Markdown table, for docs/reliability.md."""
    held = [
        (
            who,
            f"{day['held']} of {day['minutes']} min",
            f"{day['held'] / day['minutes']:.0%}",
            f"{day['hours_left']} of {day['hours']}",
        )
        for who, day in figures["held"].items()
    ]
    free = [
        (who, str(one["visits"]), str(one["patients"]), f"{one['seconds']} s")
        for who, one in figures["free"].items()
    ]
    return "\n\n".join(
        (
            titled(
                "What strangers can hold of a clinician's day at once",
                ("", "held", "of the day", "visits of an hour that patients can still book"),
                held,
            ),
            titled(
                f"Visits that cost nothing, booked by guests of many names in {SECONDS} s",
                ("", "visits", "new patients", "until nothing more was to be had"),
                free,
            ),
        )
    )


if __name__ == "__main__":
    print(shown(asdict(asyncio.run(measure()))))
