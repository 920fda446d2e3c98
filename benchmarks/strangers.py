"""What people who have not signed in can take without paying: of a clinician's day, by holds, and in visits that cost nothing.

A gateway process with every bound as it is by default is attacked over HTTP by somebody who wants as much as they can get, with one
visitor's token, one address, one block of addresses, many addresses, and where addresses are not known at all.
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

# As long as an anonymous guest once needed for 79 visits and as many patients.
SECONDS = 94
# Holds last longer than this: what was taken first still stands at the end.
HOLD_SECONDS = 30
# Whoever is refused as often in a row has what there is to have: no bound of a day ends in a minute.
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

# Who attacks: their addresses, one after the other. Each is somebody else, so that no bound is used up by the one before.
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
    """One clinician's day while strangers hold what they can."""

    minutes: int  # of the day
    held: int  # of them, by holding whole hours
    hours: int  # visits of an hour that could be booked
    hours_left: int  # at least, by whichever way of holding


@dataclass(frozen=True, kw_only=True)
class Free:
    """Visits that cost nothing."""

    visits: int
    patients: int
    seconds: int  # of trying; less than it had when it was refused again and again


@dataclass(frozen=True, kw_only=True)
class Strangers:
    """By who attacks."""

    held: dict[str, Held]
    free: dict[str, Free]


async def measure() -> Strangers:
    """Attack two gateways: one that is told addresses, and one that is not."""
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
    """What the practice offers to whoever asks."""

    http: httpx2.AsyncClient
    visits: dict[str, str]  # names to ids
    clinicians: list[str]

    @classmethod
    async def of(cls, http: httpx2.AsyncClient) -> "Practice":
        """As the API tells it."""
        offer = await _ask(http, _OFFER, {}, {ADDRESS: _OBSERVER})
        visits = {one["name"]: one["id"] for one in offer["visitTypes"]}
        return cls(http=http, visits=visits, clinicians=[one["id"] for one in offer["clinicians"]])

    async def free(self, visit: str, *, clinician: int, ahead: int) -> list[dict[str, Any]]:
        """The free times that do not overlap, of a clinician's working day: so many of them ahead."""
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
        """The headers of somebody new at an address."""
        headers = {ADDRESS: address}
        return {
            **headers,
            "Frontdoor-Visitor": (await _ask(self.http, _OPEN, {}, headers))["newVisitorToken"],
        }


async def _days(practice: Practice, addresses: Iterator[str], *, ahead: int, one_name: bool = False) -> Held:
    """Hold what can be had of two days: of one in whole hours, of the next a quarter of an hour in each."""
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
    """Hold these, each by somebody new unless there is one name only, and go round as long as holds last."""
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
    """Book one after the other as guests of many names, on days that nobody else has touched."""
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
    """The gateway refused to execute a request: too many."""


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
    """The figures as they stand in the document."""
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
