"""Wiring of the audit trail: its keys from the settings, its anchor sinks, and when anchors are taken."""

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
    """The keys of the chain: the first signs, all verify. Includes the one derived from the secret key, for older records."""
    return tuple(AuditKey(derive_key(secret, "audit-chain")) for secret in settings.audit_secrets)


def _digest_key(settings: Settings) -> bytes:
    """The key of the HMACs of calls' variables; it changes together with the chain's key."""
    return derive_key(settings.audit_secrets[0], "audit-digest")


def anchor_sinks(settings: Settings) -> tuple[AnchorSink, ...]:
    """The sinks for anchors: always the log, and the anchor file where one is set."""
    if settings.audit_anchor_file is None:
        return (LoggedAnchors(),)
    return (LoggedAnchors(), FileAnchors(settings.audit_anchor_file))


def audited_calls(settings: Settings, *, trail: SqlAuditTrail, clock: Clock) -> AuditedCalls:
    """The recorder of every call that this program makes to Healthie."""
    return AuditedCalls(inner=LoggedCalls(), trail=trail, clock=clock, key=_digest_key(settings))


class Anchoring:
    """Takes anchors of the trail and passes them to every sink."""

    def __init__(self, *, trail: SqlAuditTrail, sinks: Sequence[AnchorSink], clock: Clock) -> None:
        self._trail = trail
        self._sinks = sinks
        self._clock = clock
        self._last: Anchor | None = None

    async def take(self) -> Anchor:
        """Anchor the head of the chain, unless it has not moved since the last anchor; returns the head."""
        head = await self._trail.head()
        if head != self._last:
            for sink in self._sinks:
                await sink.keep(head, at=self._clock.now())
            self._last = head
        return head

    async def close(self) -> None:
        """Write the buffered entries and take a last anchor. A failure to take it is logged, and does not stop the shutdown."""
        await self._trail.aclose()
        try:
            await self.take()
        except Exception:
            log.exception("audit.not_anchored")
