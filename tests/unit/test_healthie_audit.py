"""Every attempt on record: before it is sent, and after it ended."""

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import httpx2
import pytest
from structlog.testing import capture_logs

from booking.audit.model import AuditEntry, AuditKind
from booking.errors import AuditUnavailable, OutcomeUnknown, UpstreamUnavailable
from booking.models import GuestDetails
from booking.refusals import CardDeclined
from booking.slot_query import SlotQuery
from booking.system_of_record import SystemOfRecord
from booking.work_context import asked_by, working_for
from integrations.upstream.audit import AuditedCalls, LoggedCalls, fingerprint
from integrations.upstream.redaction import digest
from tests.doubles.audit_trail import MemoryTrail
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

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
DIGEST_KEY = b"sample key for digests of 32 bytes"
GUEST = GuestDetails(
    email="canary.email@example.com",
    first_name="CanaryFirst",
    last_name="CanaryLast",
    phone="555-0177",
    birth_date=None,
)


class StillClock:
    def now(self) -> datetime:
        return NOW


@pytest.fixture
def script() -> Script:
    made = Script()
    made.answers["Patient"] = {"user": None}
    made.answers["VisitsOfPatient"] = {"appointments": connection([])}
    made.answers["AvailableDays"] = {"daysAvailableForRange": []}
    return made


@pytest.fixture
def trail() -> MemoryTrail:
    return MemoryTrail()


@pytest.fixture
async def healthie(script: Script, trail: MemoryTrail) -> AsyncIterator[SystemOfRecord]:
    audit = AuditedCalls(inner=LoggedCalls(), trail=trail, clock=StillClock(), key=DIGEST_KEY)
    async with script.connected(audit=audit) as made:
        await made.keys.prove_due()
        trail.entries.clear()
        script.sent.clear()
        yield made


class TestEntries:
    async def test_an_attempt_is_told_before_it_is_sent_and_when_it_ended(
        self, healthie: SystemOfRecord, script: Script, trail: MemoryTrail
    ) -> None:
        known: list[AuditEntry] = []

        def visits(_: Any) -> Any:
            known.extend(trail.entries)
            return httpx2.Response(
                200, json={"data": {"appointments": connection([])}}, headers={"x-request-id": "sample-7"}
            )

        script.answers["VisitsOfPatient"] = visits
        with asked_by("patient:501", request_id="request-1"):
            await healthie.patients.appointments("501")

        before, after = trail.entries
        assert known == [before]
        assert before == AuditEntry(
            kind=AuditKind.ATTEMPTED,
            call_id=before.call_id,
            at=NOW,
            actor="patient:501",
            operation="VisitsOfPatient",
            operation_kind="query",
            attempt=1,
            acting="organization",
            key_fingerprint=fingerprint("sample-organization-key"),
            patient="501",
            request_id="request-1",
            shape={"after": "null", "user_id": "string"},
            digest=digest("VisitsOfPatient", {"after": None, "user_id": "501"}, key=DIGEST_KEY),
        )
        assert (after.kind, after.call_id, after.actor) == (AuditKind.ANSWERED, before.call_id, "patient:501")
        assert (after.status, after.error, after.upstream_request_id) == (200, None, "sample-7")
        assert after.duration_ms is not None
        assert (after.shape, after.digest, after.patient) == (before.shape, before.digest, "501")

    async def test_the_digest_is_of_what_was_sent(
        self, healthie: SystemOfRecord, script: Script, trail: MemoryTrail
    ) -> None:
        script.answers["Charge"] = charged(a_payment())
        await healthie.billing.charge(a_checkout())

        assert [(each.operation, each.digest) for each in trail.of(AuditKind.ATTEMPTED)] == [
            (each.operation, digest(each.operation, each.variables, key=DIGEST_KEY)) for each in script.sent
        ]

    async def test_every_repetition_of_a_read_is_an_attempt_of_its_own(
        self, healthie: SystemOfRecord, script: Script, trail: MemoryTrail
    ) -> None:
        script.answers["Patient"] = [httpx2.Response(502), {"user": None}]
        await healthie.patients.profile("501")

        assert [(each.kind, each.attempt, each.error) for each in trail.entries] == [
            (AuditKind.ATTEMPTED, 1, None),
            (AuditKind.ANSWERED, 1, "http_502"),
            (AuditKind.ATTEMPTED, 2, None),
            (AuditKind.ANSWERED, 2, None),
        ]
        assert len({each.call_id for each in trail.entries}) == 2

    async def test_what_is_done_for_a_checkout_names_it_and_whose_kind_it_is(
        self, healthie: SystemOfRecord, trail: MemoryTrail
    ) -> None:
        with asked_by("worker"), working_for(a_checkout(owner="guest:checkout-a", patient_id="502")):
            await healthie.patients.profile("501")
            await healthie.availability.days(SlotQuery.like(a_checkout().visit_slot))
        await healthie.patients.profile("501")

        by_worker, of_public, by_nobody = trail.of(AuditKind.ATTEMPTED)
        assert (by_worker.actor, by_worker.checkout_id) == ("worker for guest", "checkout-a")
        assert (by_worker.patient, of_public.patient) == ("501", "502")
        assert (by_nobody.actor, by_nobody.checkout_id) == ("system", None)

    async def test_a_caller_who_left_in_mid_call_leaves_its_end_on_record(
        self, healthie: SystemOfRecord, script: Script, trail: MemoryTrail
    ) -> None:
        entered = asyncio.Event()

        async def never(_: Any) -> Any:
            entered.set()
            await asyncio.Event().wait()

        script.answers["CreatePatient"] = never
        call = asyncio.create_task(
            healthie.patients.create(GUEST, clinician_id="11", time_zone="UTC", reference="chk_sample")
        )
        await entered.wait()
        call.cancel()
        await asyncio.gather(call, return_exceptions=True)

        assert [(each.kind, each.status, each.error) for each in trail.entries] == [
            (AuditKind.ATTEMPTED, None, None),
            (AuditKind.ANSWERED, None, "cancelled"),
        ]

    async def test_neither_values_nor_keys_are_in_any_entry(
        self, healthie: SystemOfRecord, script: Script, trail: MemoryTrail
    ) -> None:
        script.answers["PatientsByEmail"] = searched([])
        script.answers["CreatePatient"] = {"createClient": {"user": None, "messages": []}}
        script.answers["AttachCard"] = {
            "createStripeCustomerDetail": {
                "stripe_customer_detail": None,
                "messages": [{"field": None, "message": "CanaryFirst has no card"}],
                "stripeError": None,
            }
        }
        script.answers["PatientsByName"] = searched([])
        await healthie.patients.find(GUEST)
        await healthie.patients.find_created(GUEST, reference="chk_sample", since=NOON)
        with pytest.raises(OutcomeUnknown):
            await healthie.patients.create(GUEST, clinician_id="11", time_zone="UTC", reference="chk_sample")
        with pytest.raises(CardDeclined):
            await healthie.cards.attach(
                patient_id="501", token="tok_canary", make_default=False, clinician_id="11"
            )

        kept = json.dumps([repr(each) for each in trail.entries]).casefold()
        assert len(trail.entries) == 8
        for secret in ("canary", "555-0177", *KEYS.values()):
            assert secret not in kept


class TestUnavailable:
    """A trail that cannot be written."""

    async def test_what_touches_a_patient_is_not_sent_and_says_so(
        self, healthie: SystemOfRecord, script: Script, trail: MemoryTrail
    ) -> None:
        trail.down = True
        checkout = a_checkout(appointment_id="901")
        calls = (
            healthie.patients.find(GUEST),
            healthie.patients.create(GUEST, clinician_id="11", time_zone="UTC", reference="chk_sample"),
            healthie.patients.profile("501"),
            healthie.patients.appointments("501"),
            healthie.cards.on_file("501"),
            healthie.cards.attach(patient_id="501", token="tok", make_default=True, clinician_id="11"),
            healthie.billing.charge(checkout),
            healthie.billing.find_charge(checkout, since=NOW),
            healthie.scheduling.book(checkout),
            healthie.scheduling.find(checkout),
            healthie.scheduling.delete(checkout),
        )
        with capture_logs() as logs:
            for call in calls:
                with pytest.raises(AuditUnavailable):
                    await call

        assert script.sent == []
        assert trail.entries == []
        refused = [each for each in logs if each["event"] == "upstream.call_not_recorded"]
        assert [each["log_level"] for each in refused] == ["error"] * len(calls)
        assert issubclass(AuditUnavailable, UpstreamUnavailable), "the saga parks the row: nothing was sent"

    async def test_a_read_back_that_cannot_be_recorded_leaves_the_change_unknown(
        self, healthie: SystemOfRecord, script: Script, trail: MemoryTrail
    ) -> None:
        def book(_: Any) -> Any:
            trail.down = True
            return {"createAppointment": {"appointment": {"id": "901"}, "messages": None}}

        script.answers["Book"] = book
        with pytest.raises(OutcomeUnknown):
            await healthie.scheduling.book(a_checkout())

        assert [each.operation for each in script.sent] == ["Book"]
        assert [(each.kind, each.error) for each in trail.entries] == [
            (AuditKind.ATTEMPTED, None),
            (AuditKind.ANSWERED, None),
        ]

    async def test_an_outcome_stands_though_its_record_must_wait(
        self, healthie: SystemOfRecord, script: Script, trail: MemoryTrail
    ) -> None:
        script.answers["Book"] = {"createAppointment": {"appointment": {"id": "901"}, "messages": None}}

        def visit(_: Any) -> Any:
            trail.down = True
            return {"appointment": a_visit()}

        script.answers["VisitById"] = visit
        assert (await healthie.scheduling.book(a_checkout())).id == "901"
        assert len(trail.of(AuditKind.ANSWERED)) == 2

    async def test_public_reads_go_on_until_no_more_records_can_wait(
        self, healthie: SystemOfRecord, script: Script, trail: MemoryTrail
    ) -> None:
        trail.down, trail.room = True, 2

        async def days() -> None:
            await healthie.availability.days(SlotQuery.like(a_checkout().visit_slot))

        await days()
        await days()
        with pytest.raises(AuditUnavailable):
            await days()
        assert len(script.sent) == len(trail.of(AuditKind.ATTEMPTED)) == 2
