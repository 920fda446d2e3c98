"""An audit trail in memory: keeps what the port promises, and can be out of order."""

from dataclasses import dataclass, field

from booking.audit.model import AuditEntry, AuditKind
from booking.errors import AuditUnavailable


@dataclass(kw_only=True)
class MemoryTrail:
    """The port AuditTrail. While it is `down` nothing becomes durable, and `room` entries can wait."""

    entries: list[AuditEntry] = field(default_factory=list)  # in the order in which they were taken
    down: bool = False
    room: int = 0

    async def record(self, entry: AuditEntry) -> None:
        """Keep it."""
        if self.down:
            raise AuditUnavailable("down")
        self.entries.append(entry)

    async def record_soon(self, entry: AuditEntry) -> None:
        """Let it wait, or keep it when there is no room."""
        if self.down:
            if self.room <= 0:
                raise AuditUnavailable("no room")
            self.room -= 1
        self.entries.append(entry)

    def later(self, entry: AuditEntry) -> None:
        """Let it wait."""
        self.entries.append(entry)

    def of(self, kind: AuditKind) -> list[AuditEntry]:
        """The entries of a kind."""
        return [entry for entry in self.entries if entry.kind is kind]
