"""The client over a real connection: what the network does to it, and what it makes of that."""

from collections import Counter
from collections.abc import AsyncIterator

import pytest

from booking.errors import OutcomeUnknown, UpstreamUnavailable
from booking.models import GuestDetails
from booking.system_of_record import SystemOfRecord
from integrations.healthie.connect import connect
from integrations.upstream.audit import LoggedCalls
from tests.plugins.emulator import EmulatorClient

GUEST = GuestDetails(email="sample.guest@example.com", first_name="Sample", last_name="Guest")

NETWORK = ("lost_request", "lost_answer", "truncated", "http_5xx", "not_json")


@pytest.fixture
async def healthie(
    emulator_server: EmulatorClient, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[SystemOfRecord]:
    monkeypatch.setattr("integrations.upstream.calls.FIRST_WAIT", 0.0)
    seed = await emulator_server.control.seed()
    async with connect(
        url=f"{emulator_server.url}/graphql",
        organization_key=seed["owner"]["key"],
        clinician_keys=seed["clinician_keys"],
        declines={},
        audit=LoggedCalls(),
        digest=str,
        version="2026-10-01",  # the one that is answered whatever today's date
    ) as connected:
        yield connected


async def asked(server: EmulatorClient) -> Counter[str]:
    return Counter(each["operation"] for each in await server.control.requests())


@pytest.mark.parametrize("kind", NETWORK)
async def test_a_read_lives_through_two_failures_and_no_third(
    healthie: SystemOfRecord, emulator_server: EmulatorClient, kind: str
) -> None:
    await emulator_server.control.faults({"kind": kind, "operation": "PatientsByEmail", "count": 5})

    with pytest.raises(UpstreamUnavailable):
        await healthie.patients.find(GUEST)
    assert await healthie.patients.find(GUEST) is None  # two failures, and an answer
    assert (await asked(emulator_server))["PatientsByEmail"] == 6


@pytest.mark.parametrize("kind", NETWORK)
async def test_a_change_that_met_trouble_is_unknown_and_not_repeated(
    healthie: SystemOfRecord, emulator_server: EmulatorClient, kind: str
) -> None:
    await emulator_server.control.faults({"kind": kind, "operation": "CreatePatient", "count": 1})

    with pytest.raises(OutcomeUnknown):
        await healthie.patients.create(GUEST, clinician_id="200002", time_zone="UTC", reference="chk_sample")
    executed = kind in {"lost_answer", "truncated"}
    assert (await healthie.patients.find(GUEST) is not None) is executed
    assert (await asked(emulator_server))["CreatePatient"] == 1


async def test_a_change_whose_answer_takes_too_long_is_unknown(
    healthie: SystemOfRecord, emulator_server: EmulatorClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("integrations.healthie.base.MUTATION_TIMEOUT", 0.1)
    slow = {"kind": "slow_answer", "operation": "CreatePatient", "count": 1, "seconds": 2.0}
    await emulator_server.control.faults(slow)

    with pytest.raises(OutcomeUnknown):
        await healthie.patients.create(GUEST, clinician_id="200002", time_zone="UTC", reference="chk_sample")


async def test_where_nobody_listens_nothing_was_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("integrations.upstream.calls.FIRST_WAIT", 0.0)
    nowhere = "http://127.0.0.1:1/graphql"  # tcpmux: closed on any machine of this century
    async with connect(
        url=nowhere,
        organization_key="sample",
        clinician_keys={"11": "sample"},
        declines={},
        audit=LoggedCalls(),
        digest=str,
    ) as healthie:
        with pytest.raises(UpstreamUnavailable):
            await healthie.patients.create(GUEST, clinician_id="11", time_zone="UTC", reference="chk_sample")
        assert await healthie.keys.prove_due() == frozenset()
        assert healthie.keys.pending == {"11"}
