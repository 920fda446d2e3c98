"""The audit trail of simulated processes: what was recorded by whom, and whether it can be just now."""

from collections import Counter
from dataclasses import dataclass, field

from booking.audit.model import AuditEntry, AuditKind
from booking.errors import AuditUnavailable
from integrations.upstream.redaction import digest
from tests.simulation.fate import Fate

KEY = b"digests in simulated records"

# The longest that an attempt lasts, with the time that a frozen process does not see pass.
LONGEST_CALL = 300.0


@dataclass(kw_only=True)
class Store:
    """What all processes write into."""

    down_until: float = 0.0


@dataclass(kw_only=True)
class Records:
    """One process's way to it: the port AuditTrail. Public reads it can always let wait."""

    fate: Fate
    store: Store
    announced: Counter[tuple[str, str | None]] = field(default_factory=Counter)  # and not sent yet
    under_way: dict[str, tuple[float, str]] = field(default_factory=dict)  # without an end, by the call's id

    async def record(self, entry: AuditEntry) -> None:
        """Keep it, while the process lives and the store can be written."""
        self.fate.assert_alive()
        if self.fate.loop.time() < self.store.down_until:
            self.fate.trace.say(self.fate.name, f"cannot record {entry.operation}")
            raise AuditUnavailable("down")
        self.later(entry)

    async def record_soon(self, entry: AuditEntry) -> None:
        """Let it wait."""
        self.later(entry)

    def later(self, entry: AuditEntry) -> None:
        """Keep it in memory; of a killed process nothing is kept."""
        if not self.fate.alive:
            return
        if entry.kind is AuditKind.ATTEMPTED:
            self.announced[entry.operation, entry.digest] += 1
            self.under_way[entry.call_id] = self.fate.loop.time(), entry.operation
        else:
            self.under_way.pop(entry.call_id, None)

    def sends(self, operation: str, variables: dict[str, object]) -> bool:
        """Whether exactly this request was announced. It is sent now: another one needs a record of its own."""
        request = operation, digest(operation, variables, key=KEY)
        self.announced[request] -= 1
        return self.announced[request] >= 0

    def without_end(self) -> list[str]:
        """The operations whose end the process should have told by now."""
        if not self.fate.alive:
            return []
        now = self.fate.loop.time()
        return [operation for began, operation in self.under_way.values() if now - began > LONGEST_CALL]
