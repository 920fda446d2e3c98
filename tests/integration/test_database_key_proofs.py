"""Whose the clinicians' keys are, on both databases: one process asks, all hear, and keys out of use are forgotten."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from booking.catalog.key_proofs import KeyProof
from integrations.database.key_proofs import FORGOTTEN_AFTER, SqlKeyProofs

NOW = datetime(2027, 1, 4, 15, 0, tzinfo=UTC)
EARLIER = NOW - timedelta(days=2)
LEASE = timedelta(seconds=30)
PROOF = KeyProof(clinician_id="11", fingerprint="0f" * 32, theirs=True, answered_at=NOW)


@pytest.fixture
def proofs(engine: AsyncEngine) -> SqlKeyProofs:
    return SqlKeyProofs(engine=engine)


async def claimed(
    proofs: SqlKeyProofs, *, since: datetime = EARLIER, now: datetime = NOW, fingerprint: str = "0f" * 32
) -> bool:
    return await proofs.claim("11", fingerprint, since=since, now=now, until=now + LEASE)


async def test_of_several_processes_one_asks(proofs: SqlKeyProofs) -> None:
    assert sum(await asyncio.gather(*(claimed(proofs) for _ in range(5)))) == 1
    assert await proofs.known() == []


async def test_a_process_that_died_while_it_asked_loses_its_claim(proofs: SqlKeyProofs) -> None:
    assert await claimed(proofs)
    assert not await claimed(proofs, now=NOW + LEASE - timedelta(seconds=1))
    assert await claimed(proofs, now=NOW + LEASE)


async def test_an_answer_is_known_to_all_and_nobody_asks_who_has_not_heard_it(proofs: SqlKeyProofs) -> None:
    await claimed(proofs)
    await proofs.keep(PROOF)
    assert await proofs.known() == [PROOF]
    assert not await claimed(proofs)
    assert not await claimed(proofs, since=NOW - timedelta(seconds=1))
    assert await claimed(proofs, since=NOW)


async def test_a_newer_answer_takes_the_place_of_an_older(proofs: SqlKeyProofs) -> None:
    await proofs.keep(PROOF)
    newer = replace(PROOF, theirs=False, answered_at=NOW + LEASE)
    await proofs.keep(newer)
    assert await proofs.known() == [newer]


async def test_each_key_of_a_clinician_has_an_answer_of_its_own_until_it_is_long_out_of_use(
    proofs: SqlKeyProofs,
) -> None:
    await proofs.keep(PROOF)
    other = replace(PROOF, fingerprint="1e" * 32, answered_at=NOW + FORGOTTEN_AFTER)
    assert await claimed(proofs, fingerprint=other.fingerprint)
    await proofs.keep(other)
    assert {proof.fingerprint for proof in await proofs.known()} == {PROOF.fingerprint, other.fingerprint}
    later = replace(other, answered_at=other.answered_at + timedelta(seconds=1))
    await proofs.keep(later)
    assert await proofs.known() == [later]
