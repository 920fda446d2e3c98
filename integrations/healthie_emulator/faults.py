"""Fault injection: network and upstream faults, configured by operation, count or probability."""

import dataclasses
import random
from collections.abc import Collection

KINDS = frozenset(
    {
        "lost_request",  # not executed, the connection drops
        "lost_answer",  # executed, the connection drops
        "delay",  # executed after `seconds`
        "slow_answer",  # executed at once, answered after `seconds`
        "http_5xx",  # not executed, answered 503 in HTML
        "not_json",  # not executed, answered 404 in plain text
        "too_many_requests",  # not executed, HTTP 200 with TOO_MANY_REQUESTS
        "truncated",  # executed, half of the answer and then nothing
        "duplicate_webhook",  # delivered twice
        "reordered_webhook",  # delivered after the one that follows it
        "stripe_key_in_use",  # of createBillingItem or updateBillingItem: Stripe says so, nothing is charged
        "stripe_lock_timeout",  # the same
    }
)

WEBHOOK_KINDS = frozenset({"duplicate_webhook", "reordered_webhook"})
STRIPE_KINDS = {"stripe_key_in_use": "idempotency_key_in_use", "stripe_lock_timeout": "lock_timeout"}


@dataclasses.dataclass(kw_only=True)
class Fault:
    """One kind of fault that affects an operation, root field or webhook event (`*`: any)."""

    kind: str
    operation: str = "*"
    count: int | None = None  # how many more times; None: no end
    probability: float = 1.0
    seconds: float = 0.0  # for `delay` and `slow_answer`

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"unknown fault {self.kind!r}; there are {', '.join(sorted(KINDS))}")
        if not 0 <= self.probability <= 1 or self.seconds < 0 or (self.count is not None and self.count < 1):
            raise ValueError("probability is 0 to 1, seconds at least 0, count at least 1")


class Faults:
    """The configured faults. The same seed and the same requests meet the same faults."""

    def __init__(self, *, seed: int) -> None:
        self._random = random.Random(seed)  # noqa: S311 - chance that repeats, not secrecy
        self._ordered: list[Fault] = []

    def order(self, fault: Fault, *, seed: int | None = None) -> None:
        """Add a fault; a `seed` restarts the random sequence."""
        if seed is not None:
            self._random.seed(seed)
        self._ordered.append(fault)

    def clear(self) -> None:
        """Remove every fault."""
        self._ordered.clear()

    def listed(self) -> list[Fault]:
        """Return the faults that are configured and not used up."""
        return list(self._ordered)

    def take(self, kind: str, *names: str) -> Fault | None:
        """Return the fault of this kind that applies to one of these names now, if any, and count its use."""
        return next((f for f in self._ordered if f.kind == kind and self._strikes(f, names)), None)

    def take_all(self, names: Collection[str]) -> dict[str, Fault]:
        """Return every fault that applies to a request with these names now, by kind."""
        later = {*WEBHOOK_KINDS, *STRIPE_KINDS}
        kinds = dict.fromkeys(fault.kind for fault in self._ordered if fault.kind not in later)
        return {kind: fault for kind in kinds if (fault := self.take(kind, *names))}

    def _strikes(self, fault: Fault, names: Collection[str]) -> bool:
        if fault.operation != "*" and fault.operation not in names:
            return False
        if fault.probability < 1 and self._random.random() >= fault.probability:
            return False
        if fault.count is not None:
            fault.count -= 1
            if fault.count == 0:
                self._ordered.remove(fault)
        return True
