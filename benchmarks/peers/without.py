"""`frontdoor` with some of its duties left out, to measure what they cost: `python -m benchmarks.peers.without audit,logs serve`.

For the benchmark alone: the product has no setting that leaves one out. A test proves that everything named here exists.
"""

import os
import sys
from collections.abc import Callable
from typing import Any

from booking.principals import Caller, Principal, PrincipalKind
from gateway.callers.authentication import Authenticator
from gateway.command_line import main as frontdoor
from gateway.rates import OperationRates
from integrations.upstream.audit import Answer, AuditedCalls, Call

_SOMEBODY = Caller(principal=Principal(kind=PrincipalKind.VISITOR, id="somebody"))


async def _somebody(*_: object) -> Caller:
    """Whoever asks is the same visitor; no token is looked at."""
    return _SOMEBODY


async def _nothing(*_: object) -> None:
    """Count nothing."""


async def _only_logged(calls: AuditedCalls, call: Call) -> None:
    await calls._inner.attempted(call)


async def _only_logged_after(calls: AuditedCalls, call: Call, answer: Answer) -> None:
    await calls._inner.answered(call, answer)


# What is put in the place of which methods. What a document may cost stays limited: its validation is part of answering it.
DUTIES: dict[str, list[tuple[type, str, Callable[..., Any]]]] = {
    "authentication": [(Authenticator, "caller", _somebody)],
    "limits": [(OperationRates, name, _nothing) for name in ("network", "caller", "fields", "free_time")],
    "audit": [
        (AuditedCalls, "attempted", _only_logged),
        (AuditedCalls, "answered", _only_logged_after),
    ],
    "logs": [],  # by the level
}


def main() -> None:
    """Leave out the duties that the first argument names, and go on as `frontdoor` with the others."""
    for duty in sys.argv.pop(1).split(","):
        for owner, name, instead in DUTIES[duty]:
            setattr(owner, name, instead)
        if duty == "logs":
            os.environ["FRONTDOOR_LOG_LEVEL"] = "ERROR"
    frontdoor()


if __name__ == "__main__":
    main()
