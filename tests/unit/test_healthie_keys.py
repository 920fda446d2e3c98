import asyncio
from collections.abc import AsyncIterator, Sequence
from datetime import datetime, timedelta
from typing import Any

import httpx2
import pytest
from pydantic import SecretStr

from booking.catalog.key_proofs import KeyProof, Proving
from booking.errors import UpstreamUnavailable
from booking.local_pacer import LocalPacer
from booking.pacing import Pace
from booking.refusals import ClinicianNotBookable
from integrations.healthie.connect import connect
from integrations.healthie.keys import PROOFS_AT_ONCE, KeyStore
from integrations.upstream.audit import LoggedCalls
from tests.doubles.healthie_script import KEYS, NOON, Script, errors
from tests.doubles.httpx_wire import HttpxWire


@pytest.fixture(autouse=True)
def _no_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("integrations.upstream.calls.FIRST_WAIT", 0.0)


@pytest.fixture
def script() -> Script:
    return Script()


class Time:
    """A clock that is put forward by hand."""

    def __init__(self) -> None:
        self.at = NOON

    def now(self) -> datetime:
        return self.at

    def pass_by(self, **time: float) -> None:
        self.at += timedelta(**time)


@pytest.fixture
def time() -> Time:
    return Time()


@pytest.fixture
async def keys(script: Script, time: Time) -> AsyncIterator[KeyStore]:
    async with script.connected(now=time.now) as healthie:
        assert isinstance(healthie.keys, KeyStore)
        yield healthie.keys


async def test_a_key_is_proved_when_healthie_says_whose_it_is(keys: KeyStore, script: Script) -> None:
    assert keys.proved == frozenset()
    assert await keys.prove_due() == {"11", "12"}
    assert [each.operation for each in script.sent] == ["WhoAmI", "WhoAmI"]
    assert {each.key for each in script.sent} == set(KEYS.values())


async def test_the_key_of_somebody_else_is_not_used(keys: KeyStore, script: Script) -> None:
    script.answers["WhoAmI"] = {"currentUser": {"id": "12"}}

    assert await keys.prove_due() == {"12"}
    with pytest.raises(ClinicianNotBookable):
        await keys.clinician("11")


@pytest.mark.parametrize("reply", [errors("UNAUTHENTICATED"), {"currentUser": None}])
async def test_a_key_that_is_refused_is_not_used(keys: KeyStore, script: Script, reply: Any) -> None:
    script.answers["WhoAmI"] = reply

    assert await keys.prove_due() == frozenset()
    with pytest.raises(ClinicianNotBookable):
        await keys.clinician("11")


async def test_a_clinician_without_a_key_is_not_bookable(keys: KeyStore) -> None:
    with pytest.raises(ClinicianNotBookable):
        await keys.clinician("99")


async def test_the_first_use_proves_the_key_and_concurrent_uses_share_the_question(
    keys: KeyStore, script: Script
) -> None:
    await asyncio.gather(keys.clinician("11"), keys.clinician("11"))

    assert [each.key for each in script.sent] == [KEYS["11"]]


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
    keys: KeyStore, script: Script, time: Time
) -> None:
    await keys.prove_due()
    time.pass_by(days=1)
    script.answers["WhoAmI"] = httpx2.Response(503)
    assert await keys.prove_due() == {"11", "12"}

    time.pass_by(seconds=30)
    script.answers["WhoAmI"] = {"currentUser": {"id": "77"}}
    assert await keys.prove_due() == frozenset()


async def test_a_proof_is_asked_for_again_after_a_day_and_a_refused_key_after_minutes(script: Script) -> None:
    at = NOON
    async with script.connected(now=lambda: at) as healthie:
        keys = healthie.keys
        script.answers["WhoAmI"] = {"currentUser": {"id": "12"}}
        assert await keys.prove_due() == {"12"}
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
    keys: KeyStore, script: Script, time: Time
) -> None:
    await keys.prove_due()
    time.pass_by(days=1)
    owners, refused = {key: owner for owner, key in KEYS.items()}, set[str]()

    def refuse_once(_: Any) -> Any:
        key = script.sent[-1].key
        if key in refused:
            return {"currentUser": {"id": owners[key]}}
        refused.add(key)
        return errors("UNAUTHENTICATED")

    script.answers["WhoAmI"] = refuse_once
    assert await keys.prove_due() == {"11", "12"}
    assert refused == set(KEYS.values())


async def test_a_proof_that_is_due_and_not_answered_stays_and_is_due_still(script: Script) -> None:
    at = NOON
    async with script.connected(now=lambda: at) as healthie:
        await healthie.keys.prove_due()
        at += timedelta(days=1)
        script.answers["WhoAmI"] = httpx2.Response(503)
        await healthie.keys.prove_due()
        assert healthie.keys.proved == {"11", "12"}

        at += timedelta(seconds=30)
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
        digest=str,
        wire=HttpxWire(httpx2.MockTransport(script)),
    ) as healthie:
        assert await healthie.keys.prove_due() == {"11"}
        assert "sample" not in repr(healthie.keys) + repr(vars(healthie.keys))


async def test_a_key_is_refused_once_healthie_has_said_so_and_nobody_is_asked_for_it(
    keys: KeyStore, script: Script, time: Time
) -> None:
    assert not keys.is_refused("11"), "not heard of yet: whoever sends asks"
    assert keys.is_refused("nobody"), "no key at all"
    assert script.sent == []
    await keys.prove_due()
    assert not keys.is_refused("11")
    time.pass_by(days=1)
    script.answers["WhoAmI"] = {"currentUser": {"id": "99"}}
    await keys.prove_due()
    assert keys.is_refused("11")


class SharedProofs:
    """The port KeyProofs in memory, for several key stores."""

    def __init__(self) -> None:
        self.rows: dict[tuple[str, str], KeyProof] = {}
        self.claims: dict[tuple[str, str], datetime] = {}

    async def known(self) -> Sequence[KeyProof]:
        return list(self.rows.values())

    async def claim(
        self, clinician_id: str, fingerprint: str, *, since: datetime, now: datetime, until: datetime
    ) -> bool:
        row, claimed = (
            self.rows.get((clinician_id, fingerprint)),
            self.claims.get((clinician_id, fingerprint)),
        )
        if (claimed and claimed > now) or (row and row.answered_at > since):
            return False
        self.claims[clinician_id, fingerprint] = until
        return True

    async def keep(self, proof: KeyProof) -> None:
        self.rows[proof.clinician_id, proof.fingerprint] = proof
        self.claims.pop((proof.clinician_id, proof.fingerprint), None)


class Hanging:
    """A Healthie that does not answer for one key until it is let go; `answered` are the keys of all others."""

    def __init__(self, script: Script, *keys: str) -> None:
        self.let_go = asyncio.Event()
        self.at_once = self.most_at_once = 0
        self._script, self._keys = script, keys
        script.answers["WhoAmI"] = self._answer

    async def _answer(self, _: Any) -> Any:
        key = self._script.sent[-1].key
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        if key in self._keys:
            await self.let_go.wait()
        self.at_once -= 1
        return {"currentUser": {"id": key.removeprefix("sample-key-of-")}}


MANY = {str(number): f"sample-key-of-{number}" for number in range(100, 300)}


class TestNobodyWaits:
    async def test_for_a_key_that_hangs_and_the_others_are_offered(self, script: Script) -> None:
        hanging = Hanging(script, KEYS["11"])
        async with script.connected() as healthie:
            proving = asyncio.create_task(healthie.keys.keep_proved())
            async with asyncio.timeout(5):
                while healthie.keys.proved != {"12"}:  # noqa: ASYNC110 - nobody is told
                    await asyncio.sleep(0)
            hanging.let_go.set()
            await healthie.keys.wait_until_answered(within=5)
            assert healthie.keys.proved == {"11", "12"}
            proving.cancel()

    async def test_at_a_start_longer_than_they_are_told_to(self, script: Script) -> None:
        hanging = Hanging(script, KEYS["11"])
        async with script.connected() as healthie:
            proving = asyncio.create_task(healthie.keys.keep_proved())
            await healthie.keys.wait_until_answered(within=0.05)
            assert healthie.keys.pending == {"11"}
            hanging.let_go.set()
            await healthie.keys.wait_until_answered(within=5)
            proving.cancel()

    async def test_without_any_key_at_all(self, script: Script) -> None:
        async with script.connected(keys={}) as healthie:
            await healthie.keys.wait_until_answered(within=0)

    async def test_and_hanging_keys_hold_few_connections(self, script: Script) -> None:
        hanging = Hanging(script, *MANY.values())
        async with script.connected(keys=MANY) as healthie:
            proving = asyncio.create_task(healthie.keys.keep_proved())
            await healthie.keys.wait_until_answered(within=0.1)
            assert hanging.most_at_once == len(script.sent) == PROOFS_AT_ONCE
            proving.cancel()

    async def test_twice_for_the_same_hanging_key_before_all_others_were_asked_about(
        self, script: Script, time: Time
    ) -> None:
        def answer(_: Any) -> Any:
            key = script.sent[-1].key
            if key == KEYS["11"]:
                return httpx2.ConnectError("sample")
            return {"currentUser": {"id": key.removeprefix("sample-key-of-")}}

        script.answers["WhoAmI"] = answer
        async with script.connected(now=time.now) as healthie:
            await healthie.keys.prove_due()
            time.pass_by(days=1)
            script.sent.clear()
            await healthie.keys.prove_due()
            assert [one.key for one in script.sent] == [KEYS["12"], *[KEYS["11"]] * 3]


class TestPace:
    async def test_two_hundred_keys_are_proved_within_it(self, script: Script) -> None:
        Hanging(script)
        now, sent = 0.0, []

        async def sleep(seconds: float) -> None:
            nonlocal now
            now += seconds

        pacer = LocalPacer(Pace(per_second=1, burst=5), clock=lambda: now)
        proofs = SharedProofs()
        async with script.connected(keys=MANY, proving=Proving(proofs=proofs, pacer=pacer)) as healthie:
            with pytest.MonkeyPatch.context() as patched:
                patched.setattr("integrations.healthie.keys.asyncio.sleep", sleep)
                script.answers["WhoAmI"] = _noting(script, lambda: sent.append(now))
                assert await healthie.keys.prove_due() == MANY.keys()
        assert len(sent) == len(MANY)
        assert all(last - first >= 9.9 for first, last in zip(sent, sent[15:], strict=False))
        assert now <= 200

    async def test_and_none_is_asked_about_after_too_many_requests_until_one_is_answered(
        self, script: Script, time: Time, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        async def sleep(seconds: float) -> None:
            time.pass_by(seconds=seconds)

        monkeypatch.setattr("integrations.healthie.keys.asyncio.sleep", sleep)
        pacer = LocalPacer(
            Pace(per_second=100, burst=100), clock=lambda: time.now().timestamp(), jitter=float
        )
        script.answers["WhoAmI"] = errors("TOO_MANY_REQUESTS")
        async with script.connected(keys=MANY, proving=Proving(pacer=pacer), now=time.now) as healthie:
            await healthie.keys.prove_due()
            assert len(script.sent) <= PROOFS_AT_ONCE
            Hanging(script)
            time.pass_by(seconds=59)
            script.sent.clear()
            assert await healthie.keys.prove_due() == frozenset()
            assert script.sent == []
            time.pass_by(seconds=31)
            await healthie.keys.prove_due()  # one finds out
            time.pass_by(seconds=31)
            assert await healthie.keys.prove_due() == MANY.keys()

    async def test_and_are_asked_for_by_no_later_start_of_the_same_day(
        self, script: Script, time: Time
    ) -> None:
        Hanging(script)
        proving = Proving(proofs=SharedProofs())
        async with script.connected(keys=MANY, proving=proving, now=time.now) as healthie:
            await healthie.keys.prove_due()
        script.sent.clear()
        time.pass_by(hours=23)
        async with script.connected(keys=MANY, proving=proving, now=time.now) as healthie:
            assert await healthie.keys.prove_due() == MANY.keys()
        assert script.sent == []


class TestRemembered:
    @pytest.fixture
    def proving(self) -> Proving:
        return Proving(proofs=SharedProofs())

    async def test_two_processes_ask_once_and_both_go_by_the_answer(
        self, script: Script, proving: Proving
    ) -> None:
        hanging = Hanging(script, *KEYS.values())
        async with script.connected(proving=proving) as one, script.connected(proving=proving) as other:
            asking = [asyncio.create_task(each.keys.prove_due()) for each in (one, other)]
            await asyncio.sleep(0.05)
            hanging.let_go.set()
            await asyncio.gather(*asking)
            assert one.keys.proved | other.keys.proved == {"11", "12"}
            assert len(script.sent) == 2
            for each in (one, other):
                assert await each.keys.prove_due() == {"11", "12"}
            assert len(script.sent) == 2

    async def test_a_refusal_is_heard_by_every_process(
        self, script: Script, proving: Proving, time: Time
    ) -> None:
        async with (
            script.connected(proving=proving, now=time.now) as one,
            script.connected(proving=proving, now=time.now) as other,
        ):
            assert await one.keys.prove_due() == await other.keys.prove_due() == {"11", "12"}
            time.pass_by(days=1)
            script.answers["WhoAmI"] = errors("UNAUTHENTICATED")
            await one.keys.prove_due()
            script.sent.clear()
            assert await other.keys.prove_due() == frozenset()
            assert script.sent == []

    async def test_another_key_of_the_same_clinician_has_a_proof_of_its_own(
        self, script: Script, proving: Proving
    ) -> None:
        async with script.connected(proving=proving) as healthie:
            await healthie.keys.prove_due()
        async with script.connected(proving=proving, keys={"11": "another", "12": KEYS["12"]}) as healthie:
            assert await healthie.keys.prove_due() == {"12"}

    async def test_nobody_is_offered_whom_the_next_process_would_have_to_ask_about_again(
        self, script: Script
    ) -> None:
        kept = asyncio.Event()

        class Slow(SharedProofs):
            async def keep(self, proof: KeyProof) -> None:
                await kept.wait()
                await super().keep(proof)

        async with script.connected(proving=Proving(proofs=Slow())) as healthie:
            proving = asyncio.create_task(healthie.keys.prove_due())
            while len(script.sent) < 2:  # noqa: ASYNC110 - nobody is told
                await asyncio.sleep(0)
            await asyncio.sleep(0.05)
            assert healthie.keys.proved == frozenset()
            kept.set()
            assert await proving == {"11", "12"}

    async def test_what_is_days_old_takes_nobody_onto_the_list(
        self, script: Script, proving: Proving, time: Time
    ) -> None:
        async with script.connected(proving=proving, now=time.now) as healthie:
            await healthie.keys.prove_due()
        time.pass_by(days=2)
        script.answers["WhoAmI"] = httpx2.Response(503)
        async with script.connected(proving=proving, now=time.now) as healthie:
            assert await healthie.keys.prove_due() == frozenset()

    async def test_what_is_days_old_is_asked_about_anew(
        self, script: Script, proving: Proving, time: Time
    ) -> None:
        async with script.connected(proving=proving, now=time.now) as healthie:
            await healthie.keys.prove_due()
        time.pass_by(days=3)
        async with script.connected(proving=proving, now=time.now) as healthie:
            assert await healthie.keys.prove_due() == {"11", "12"}

    async def test_no_key_is_remembered(self, script: Script) -> None:
        proofs = SharedProofs()
        async with script.connected(proving=Proving(proofs=proofs)) as healthie:
            await healthie.keys.prove_due()
        assert not any(key in repr(proofs.rows) for key in KEYS.values())

    async def test_a_memory_that_fails_keeps_nobody_from_what_is_known(self, script: Script) -> None:
        class Broken(SharedProofs):
            async def keep(self, proof: KeyProof) -> None:
                raise OSError("sample")

        async with script.connected(proving=Proving(proofs=Broken())) as healthie:
            assert await healthie.keys.prove_due() == {"11", "12"}


def _noting(script: Script, note: Any) -> Any:
    def answer(_: Any) -> Any:
        note()
        return {"currentUser": {"id": script.sent[-1].key.removeprefix("sample-key-of-")}}

    return answer
