"""Every request that Healthie sees is in the audit trail, whatever becomes of it; and none that cannot be recorded is sent."""

import asyncio
import contextlib
import json
import logging
import random
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import httpx2
import pytest
import structlog
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from booking.audit.chain import AuditKey, entry_of
from booking.audit.model import AuditEntry, AuditKind
from booking.audit.verification import ChainVerifier
from booking.errors import AuditUnavailable, DomainError
from booking.slot_query import SlotQuery
from booking.system_of_record import SystemOfRecord
from gateway.clock import SystemClock
from integrations.database.audit import SqlAuditTrail
from integrations.database.audit_reading import links
from integrations.healthie import base
from integrations.healthie.connect import connect
from integrations.stripe.declines import DECLINES
from integrations.upstream import calls
from integrations.upstream.audit import AuditedCalls, LoggedCalls
from integrations.upstream.redaction import digest
from tests.doubles.healthie_script import (
    KEYS,
    NOON,
    Script,
    a_checkout,
    a_payment,
    a_visit,
    charged,
    connection,
    searched,
)
from tests.doubles.httpx_wire import HttpxWire
from tests.integration.healthie_on_emulator import GUEST, practice

CHAIN = AuditKey(b"sample key of the chain, 32 bytes")
DIGEST_KEY = b"sample key for digests of 32 bytes"

REQUESTS = 10_000
CALLERS = 40

TROUBLES = ("no connection", "reset", "timeout", "silence", "5xx", "throttle", "truncated", "caller leaves")

# Of every hundred requests so many are answered; the others meet each of the troubles alike.
ANSWERED = 70


def audited(trail: SqlAuditTrail) -> AuditedCalls:
    return AuditedCalls(inner=LoggedCalls(), trail=trail, clock=SystemClock(), key=DIGEST_KEY)


async def kept(engine: AsyncEngine, trail: SqlAuditTrail) -> list[AuditEntry]:
    """What stands in the trail, once it holds together."""
    reader = ChainVerifier([CHAIN])
    entries = []
    async for link in links(engine, until=(await trail.head()).sequence):
        reader.read(link)
        entries.append(entry_of(link.record))
    assert reader.end().sound
    return entries


def of(entries: Sequence[AuditEntry], kind: AuditKind) -> list[AuditEntry]:
    return [entry for entry in entries if entry.kind is kind]


@dataclass
class Network(httpx2.AsyncBaseTransport):
    """A practice that answers from a table, behind a network in trouble; it counts what it sees."""

    script: Script
    chance: random.Random
    seen: Counter[tuple[str, str]] = field(default_factory=Counter)
    troubled: Counter[str] = field(default_factory=Counter)

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        trouble = self._trouble()
        if trouble == "no connection":
            raise httpx2.ConnectError("nobody listens")
        body = json.loads(request.content)
        self.seen[
            body["operationName"], digest(body["operationName"], body["variables"], key=DIGEST_KEY)
        ] += 1
        answer = await self.script(request)
        match trouble:
            case "reset":
                raise httpx2.ReadError("reset")
            case "timeout":
                raise httpx2.ReadTimeout("no answer")
            case "silence":
                await asyncio.Event().wait()
            case "caller leaves":
                if caller := asyncio.current_task():
                    caller.cancel()
            case "5xx":
                return httpx2.Response(503, html="<p>Sample Patient</p>")
            case "throttle":
                return httpx2.Response(429)
            case "truncated":
                return httpx2.Response(200, content=answer.content[:9])
        await asyncio.sleep(0)  # who leaves does so here
        return answer

    def _trouble(self) -> str | None:
        if self.chance.randrange(100) < ANSWERED:
            return None
        trouble = self.chance.choice(TROUBLES)
        self.troubled[trouble] += 1
        return trouble


ANSWERS: dict[str, Any] = {
    "Patient": {"user": None},
    "PatientsByEmail": searched([]),
    "CreatePatient": {"createClient": {"user": None, "messages": [{"field": None, "message": "no"}]}},
    "Cards": {"stripeCustomerDetails": connection([])},
    "VisitsOfPatient": {"appointments": connection([])},
    "VisitsBetween": {"appointments": connection([])},
    "VisitById": {"appointment": a_visit()},
    "Book": {"createAppointment": {"appointment": {"id": "901"}, "messages": None}},
    "Charge": charged(a_payment()),
    "AvailableDays": {"daysAvailableForRange": []},
}

CALLS: tuple[Callable[[SystemOfRecord], Awaitable[object]], ...] = (
    lambda healthie: healthie.keys.prove_due(),
    lambda healthie: healthie.patients.profile("501"),
    lambda healthie: healthie.patients.find(GUEST),
    lambda healthie: healthie.patients.create(
        GUEST, clinician_id="11", time_zone="UTC", reference="chk_sample"
    ),
    lambda healthie: healthie.patients.appointments("501"),
    lambda healthie: healthie.cards.on_file("501"),
    lambda healthie: healthie.scheduling.find(a_checkout()),
    lambda healthie: healthie.scheduling.book(a_checkout()),
    lambda healthie: healthie.billing.charge(a_checkout()),
    lambda healthie: healthie.availability.days(SlotQuery.like(a_checkout().visit_slot)),
)


async def ask(healthie: SystemOfRecord, chance: random.Random) -> None:
    """Ask for anything; one in twenty leaves before they are answered. What comes of it is not looked at."""

    async def asked() -> None:
        with contextlib.suppress(DomainError):
            await chance.choice(CALLS)(healthie)

    asking = asyncio.create_task(asked())
    if chance.random() < 0.05:
        await asyncio.sleep(chance.uniform(0, 0.02))
        asking.cancel()
    await asyncio.wait({asking})
    assert asking.cancelled() or asking.exception() is None


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    """Nothing is logged: ten thousand calls are much to say, and faults with their traces more."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    yield
    structlog.reset_defaults()


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Timeouts and pauses that a test can wait for."""
    for name, seconds in {
        "READ_TIMEOUT": 0.02,
        "SLOW_READ_TIMEOUT": 0.02,
        "MUTATION_TIMEOUT": 0.02,
    }.items():
        monkeypatch.setattr(base, name, seconds)
    for name in ("GRACE", "FIRST_WAIT", "LONGEST_WAIT"):
        monkeypatch.setattr(calls, name, 0.0)


@pytest.mark.usefixtures("impatient")
async def test_after_ten_thousand_requests_in_trouble_the_trail_holds_just_those_that_were_seen(
    sqlite_engine: AsyncEngine,
) -> None:
    trail = SqlAuditTrail(engine=sqlite_engine, key=CHAIN)
    network = Network(script=Script(answers=ANSWERS), chance=random.Random(7))

    async def caller(number: int, healthie: SystemOfRecord) -> None:
        chance = random.Random(number)
        while network.seen.total() < REQUESTS:
            await ask(healthie, chance)

    async with connect(
        url="http://healthie.invalid/graphql",
        organization_key="sample-organization-key",
        clinician_keys=KEYS,
        declines=DECLINES,
        wire=HttpxWire(network),
        audit=audited(trail),
        digest=str,
    ) as healthie:
        await asyncio.gather(*(caller(number, healthie) for number in range(CALLERS)))
    await trail.aclose()

    entries = await kept(sqlite_engine, trail)
    attempted = {each.call_id: each for each in of(entries, AuditKind.ATTEMPTED)}
    ended = {each.call_id: each for each in of(entries, AuditKind.ANSWERED)}
    seen = [each for each in ended.values() if each.error != "not_sent"]

    assert len(network.troubled) == len(TROUBLES)
    assert Counter((each.operation, each.digest) for each in seen) == network.seen
    assert len(ended) + len(attempted) == len(entries), "each attempt has one beginning and one end"
    assert ended.keys() <= attempted.keys()
    # Whoever left while their record was being written has sent nothing.
    assert len(attempted) - len(ended) < 0.05 * len(attempted)
    errors = {each.error for each in ended.values()}
    assert errors >= {None, "cancelled", "connection_lost", "http_503", "not_sent", "rate_limited", "timeout"}


FAULTS = ("lost_request", "lost_answer", "http_5xx", "not_json", "truncated", "too_many_requests")


async def test_the_trail_holds_what_the_emulator_counts(engine: AsyncEngine) -> None:
    """Purchases against the emulator's program, with its own faults and its own count."""
    trail = SqlAuditTrail(engine=engine, key=CHAIN)
    async with practice(audit=audited(trail)) as here:
        checkout = await here.checkout()
        clinician = checkout.visit_slot.clinician_id
        for kind in FAULTS:
            for operation in ("PatientsByEmail", "CreatePatient", "AttachCard", "Charge", "Book"):
                here.fault(kind, operation)
            for call in (
                here.healthie.patients.find(GUEST),
                here.healthie.patients.create(
                    GUEST, clinician_id=clinician, time_zone="UTC", reference="chk_sample"
                ),
                here.healthie.cards.attach(
                    patient_id=here.patient(1), token="tok_visa", make_default=False, clinician_id=clinician
                ),
                here.healthie.billing.charge(checkout),
                here.healthie.scheduling.book(checkout),
            ):
                with contextlib.suppress(DomainError):
                    await call
        seen = Counter(each.operation for each in here.emulator.seen)
        faults = {fault for each in here.emulator.seen for fault in each.faults}
    await trail.aclose()

    entries = await kept(engine, trail)
    assert faults == set(FAULTS)
    assert Counter(each.operation for each in of(entries, AuditKind.ATTEMPTED)) == seen
    assert Counter(each.operation for each in of(entries, AuditKind.ANSWERED)) == seen


async def test_while_the_trail_cannot_be_written_only_public_reads_go_on_and_are_told_later(
    engine: AsyncEngine,
) -> None:
    async def rename(old: str, new: str) -> None:
        async with engine.begin() as connection:
            await connection.execute(text(f"ALTER TABLE {old} RENAME TO {new}"))

    trail, now = SqlAuditTrail(engine=engine, key=CHAIN), NOON
    async with practice(audit=audited(trail), now=lambda: now) as here:
        checkout = await here.checkout()
        here.emulator.seen.clear()
        now += timedelta(days=1)  # each key is to be proved again
        await rename("audit_records", "audit_records_away")
        try:
            for call in (
                here.healthie.patients.find(GUEST),
                here.healthie.patients.profile(here.patient(1)),
                here.healthie.cards.on_file(here.patient(1)),
                here.healthie.billing.charge(checkout),
                here.healthie.scheduling.book(checkout),
            ):
                with pytest.raises(AuditUnavailable):
                    await call
            assert await here.healthie.keys.prove_due() == {here.clinician(number) for number in (1, 2, 3)}
            assert {each.operation for each in here.emulator.seen} == {"WhoAmI"}
        finally:
            await rename("audit_records_away", "audit_records")
        assert (await here.healthie.billing.charge(checkout)).net == checkout.quote.due_today
    await trail.aclose()

    entries = await kept(engine, trail)
    proofs = [each for each in entries if each.operation == "WhoAmI" and each.kind is AuditKind.ANSWERED]
    assert len(proofs) == len({each.call_id for each in proofs}) == 2 * len(here.seed["clinicians"]) - 2
    assert [each.kind for each in entries if each.operation == "Charge"] == ["attempted", "answered"]
