"""The audit trail of a running program: its keys, and the anchors that are taken of it."""

from collections.abc import Sequence

import structlog

from booking.audit.chain import Anchor, AnchorSink, AuditKey
from booking.ports import Clock
from gateway.callers.tokens import derive_key
from gateway.settings import Settings
from integrations.anchors import FileAnchors, LoggedAnchors
from integrations.database.audit import SqlAuditTrail
from integrations.upstream.audit import AuditedCalls, LoggedCalls

log = structlog.get_logger(__name__)


def audit_keys(settings: Settings) -> tuple[AuditKey, ...]:
    """The keys of the chain: the first signs, all verify. The secret's is among them, for what was signed with it."""
    return tuple(AuditKey(derive_key(secret, "audit-chain")) for secret in settings.audit_secrets)


def _digest_key(settings: Settings) -> bytes:
    """The key of the digests of calls' variables; it changes with the chain's."""
    return derive_key(settings.audit_secrets[0], "audit-digest")


def anchor_sinks(settings: Settings) -> tuple[AnchorSink, ...]:
    """Where anchors are kept: the log in any case."""
    if settings.audit_anchor_file is None:
        return (LoggedAnchors(),)
    return (LoggedAnchors(), FileAnchors(settings.audit_anchor_file))


def audited_calls(settings: Settings, *, trail: SqlAuditTrail, clock: Clock) -> AuditedCalls:
    """What sees every call that this program makes at Healthie."""
    return AuditedCalls(inner=LoggedCalls(), trail=trail, clock=clock, key=_digest_key(settings))


class Anchoring:
    """Takes anchors of a trail, one after the other."""

    def __init__(self, *, trail: SqlAuditTrail, sinks: Sequence[AnchorSink], clock: Clock) -> None:
        self._trail = trail
        self._sinks = sinks
        self._clock = clock
        self._kept: Anchor | None = None

    async def take(self) -> Anchor:
        """Keep where the chain stands, unless it stands where it stood; answers it."""
        head = await self._trail.head()
        if head != self._kept:
            for sink in self._sinks:
                await sink.keep(head, at=self._clock.now())
            self._kept = head
        return head

    async def close(self) -> None:
        """Write what waits and take a last anchor; what keeps it from being taken keeps nobody from ending."""
        await self._trail.aclose()
        try:
            await self.take()
        except Exception:
            log.exception("audit.not_anchored")
