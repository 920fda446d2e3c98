"""A mutation whose database is in the way: nothing is begun, or the outcome is not known, and never a fault of ours to its caller."""

import sqlite3
from collections.abc import Mapping
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from graphql import GraphQLError
from sqlalchemy.exc import OperationalError
from strawberry import ID
from structlog.testing import capture_logs

from booking.errors import OutcomeUnknown, UpstreamUnavailable
from booking.refusals import HoldExpired
from gateway.errors import explain, is_fault, log_fault
from gateway.idempotency.guard import MutationGuard
from integrations.database.idempotency import Claimed
from schema.results import ReleaseHoldSuccess
from tests.doubles.booking_ports import NOW, FakeClock

DONE = ReleaseHoldSuccess(hold_id=ID("hold_1"))


def disk_full() -> OperationalError:
    cause = sqlite3.OperationalError("canary")
    cause.sqlite_errorcode = sqlite3.SQLITE_FULL
    return OperationalError("INSERT canary", None, cause)


class Keys:
    """The keys' rows, on a disk that is full for some of the calls."""

    def __init__(self, *failing: str) -> None:
        self.failing = failing
        self.called: list[str] = []

    def _meet(self, what: str) -> bool:
        self.called.append(what)
        if what in self.failing:
            raise disk_full()
        return True

    async def claim(self, scope: Any, **_: object) -> Claimed:
        self._meet("claim")
        return Claimed(scope=scope, attempt=1)

    async def renew(self, claim: Claimed, **_: object) -> bool:
        return self._meet("renew")

    async def release(self, claim: Claimed) -> bool:
        return self._meet("release")

    async def suspend(self, claim: Claimed, **_: object) -> bool:
        return self._meet("suspend")

    async def complete(self, claim: Claimed, *, reference: Mapping[str, Any]) -> bool:
        return self._meet("complete")


async def run(keys: Any, outcome: object) -> object:
    """Run a mutation that comes to this, or raises it."""

    async def resolve(_root: object, _info: object) -> object:
        keys.called.append("mutation")
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    guard = MutationGuard(
        keys=keys, clock=FakeClock(NOW), fingerprint_key=b"sample", tenant="t", patience=timedelta()
    )
    context = SimpleNamespace(
        idempotency_key="key", identified=SimpleNamespace(principal=SimpleNamespace(key="visitor:sample"))
    )
    info = SimpleNamespace(context=context, operation_extensions={})
    return await guard.around("releaseHold", resolve)(None, info)


async def test_a_key_that_cannot_be_claimed_means_that_nothing_was_begun() -> None:
    keys = Keys("claim")
    with capture_logs() as logs, pytest.raises(UpstreamUnavailable):
        await run(keys, DONE)
    assert keys.called == ["claim"]
    assert [one["event"] for one in logs] == ["mutation.not_begun"]
    assert "canary" not in str(logs)


@pytest.mark.parametrize("failing", [(), ("suspend",)])
async def test_a_mutation_that_is_interrupted_has_an_unknown_outcome_under_its_key(
    failing: tuple[str, ...],
) -> None:
    keys = Keys(*failing)
    with pytest.raises(OutcomeUnknown):
        await run(keys, disk_full())
    assert keys.called == ["claim", "mutation", "suspend"]


async def test_what_was_done_is_told_though_it_cannot_be_noted() -> None:
    assert await run(Keys("complete"), DONE) == DONE


async def test_a_refusal_is_told_though_its_key_cannot_be_released() -> None:
    with pytest.raises(HoldExpired):
        await run(Keys("release"), HoldExpired())


async def test_a_fault_that_is_no_outage_stays_one() -> None:
    with pytest.raises(ZeroDivisionError):
        await run(Keys(), ZeroDivisionError())


def test_a_query_that_meets_an_outage_is_to_be_asked_again_and_is_logged_without_values() -> None:
    error = GraphQLError("", original_error=disk_full(), path=["checkout"])
    told = explain(error, request_id="r")
    assert (told.code, told.extensions["retryable"]) == ("UPSTREAM_UNAVAILABLE", True)
    assert is_fault(error)
    with capture_logs() as logs:
        log_fault(error)
    assert [one["event"] for one in logs] == ["graphql.database_unavailable"]
    assert "canary" not in str(logs)
