import asyncio
from datetime import timedelta
from typing import Any

import httpx2
import pytest
from pydantic import SecretStr

from booking.errors import UpstreamUnavailable
from booking.refusals import ClinicianNotBookable
from integrations.healthie.audit import LoggedCalls
from integrations.healthie.connect import connect
from integrations.healthie.keys import KeyStore
from tests.unit.healthie_script import KEYS, NOON, Script, errors


@pytest.fixture(autouse=True)
def _no_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("integrations.healthie.base.FIRST_WAIT", 0.0)


@pytest.fixture
def script() -> Script:
    return Script()


@pytest.fixture
async def keys(script: Script) -> Any:
    async with script.connected() as healthie:
        yield healthie.keys


async def test_a_key_is_proved_when_healthie_says_whose_it_is(keys: KeyStore, script: Script) -> None:
    assert keys.proved == frozenset()
    assert await keys.prove() == {"11", "12"}
    assert [each.operation for each in script.sent] == ["WhoAmI", "WhoAmI"]
    assert {each.key for each in script.sent} == set(KEYS.values())


async def test_the_key_of_somebody_else_is_not_used(keys: KeyStore, script: Script) -> None:
    script.answers["WhoAmI"] = {"currentUser": {"id": "12"}}

    assert await keys.prove() == {"12"}
    with pytest.raises(ClinicianNotBookable):
        await keys.clinician("11")


@pytest.mark.parametrize("reply", [errors("UNAUTHENTICATED"), {"currentUser": None}])
async def test_a_key_that_is_refused_is_not_used(keys: KeyStore, script: Script, reply: Any) -> None:
    script.answers["WhoAmI"] = reply

    assert await keys.prove() == frozenset()
    with pytest.raises(ClinicianNotBookable):
        await keys.clinician("11")


async def test_a_clinician_without_a_key_is_not_bookable(keys: KeyStore) -> None:
    with pytest.raises(ClinicianNotBookable):
        await keys.clinician("99")


async def test_the_first_use_proves_the_key_and_concurrent_uses_share_the_question(
    keys: KeyStore, script: Script
) -> None:
    await asyncio.gather(keys.clinician("11"), keys.clinician("11"), keys.settle())

    assert sorted(each.key for each in script.sent) == sorted(KEYS.values())


async def test_while_healthie_cannot_be_asked_nothing_was_done_and_nobody_is_written_off(
    keys: KeyStore, script: Script
) -> None:
    script.answers["WhoAmI"] = httpx2.ConnectError("sample")

    with pytest.raises(UpstreamUnavailable):
        await keys.clinician("11")
    assert keys.pending == {"11", "12"}

    del script.answers["WhoAmI"]
    await keys.clinician("11")


async def test_an_outage_takes_nobody_off_the_list_and_a_changed_owner_does(
    keys: KeyStore, script: Script
) -> None:
    await keys.prove()
    script.answers["WhoAmI"] = httpx2.Response(503)
    assert await keys.prove() == {"11", "12"}

    script.answers["WhoAmI"] = {"currentUser": {"id": "77"}}
    assert await keys.prove() == frozenset()


async def test_a_proof_is_asked_for_again_after_a_day_and_a_refused_key_after_minutes(script: Script) -> None:
    at = NOON
    async with script.connected(now=lambda: at) as healthie:
        keys = healthie.keys
        script.answers["WhoAmI"] = {"currentUser": {"id": "12"}}
        assert await keys.prove() == {"12"}
        del script.answers["WhoAmI"]
        script.sent.clear()

        at += timedelta(minutes=4)
        await keys.prove_due()
        assert script.sent == []

        at += timedelta(minutes=1)
        await keys.prove_due()
        assert [each.key for each in script.sent] == [KEYS["11"]]
        assert keys.proved == {"11", "12"}

        at += timedelta(hours=23, minutes=54)
        await keys.prove_due()
        assert len(script.sent) == 1

        script.answers["WhoAmI"] = errors("UNAUTHENTICATED")
        at += timedelta(minutes=1)
        await keys.prove_due()
        assert [each.key for each in script.sent[1:]] == [KEYS["12"], KEYS["12"]]
        assert keys.proved == {"11"}


async def test_one_refusal_of_a_proved_key_is_asked_about_again_before_its_clinician_is_taken_off(
    keys: KeyStore, script: Script
) -> None:
    await keys.prove()
    owners, refused = {key: owner for owner, key in KEYS.items()}, set[str]()

    def refuse_once(_: Any) -> Any:
        key = script.sent[-1].key
        if key in refused:
            return {"currentUser": {"id": owners[key]}}
        refused.add(key)
        return errors("UNAUTHENTICATED")

    script.answers["WhoAmI"] = refuse_once
    assert await keys.prove() == {"11", "12"}
    assert refused == set(KEYS.values())


async def test_a_proof_that_is_due_and_not_answered_stays_and_is_due_still(script: Script) -> None:
    at = NOON
    async with script.connected(now=lambda: at) as healthie:
        await healthie.keys.prove()
        at += timedelta(days=1)
        script.answers["WhoAmI"] = httpx2.Response(503)
        await healthie.keys.prove_due()
        assert healthie.keys.proved == {"11", "12"}

        script.answers["WhoAmI"] = {"currentUser": {"id": "12"}}
        await healthie.keys.prove_due()
        assert healthie.keys.proved == {"12"}


async def test_the_store_prints_no_secret(script: Script) -> None:
    secrets = {"11": SecretStr(KEYS["11"])}
    async with connect(
        url="https://healthie.invalid/graphql",
        organization_key=SecretStr("sample-organization-key"),
        clinician_keys=secrets,
        declines={},
        audit=LoggedCalls(),
        transport=httpx2.MockTransport(script),
    ) as healthie:
        assert await healthie.keys.prove() == {"11"}
        assert "sample" not in repr(healthie.keys) + repr(vars(healthie.keys))


async def test_a_key_is_refused_once_healthie_has_said_so_and_nobody_is_asked_for_it(
    keys: KeyStore, script: Script
) -> None:
    assert not keys.is_refused("11"), "not heard of yet: whoever sends asks"
    assert keys.is_refused("nobody"), "no key at all"
    assert script.sent == []
    await keys.prove()
    assert not keys.is_refused("11")
    script.answers["WhoAmI"] = {"currentUser": {"id": "99"}}
    await keys.prove()
    assert keys.is_refused("11")
