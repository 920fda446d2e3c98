"""Our webhook subscriptions upstream: how to diagnose them, and how to find the webhooks that never arrived.

Values, pure rules and ports; sync/webhook_check.py acts on them.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Protocol

from booking.operations.model import AttentionReason
from booking.resources import ChangeHint
from booking.sync.inbox import WebhookDelivery

# Tolerance when a time of upstream's clock is compared with one of ours.
CLOCKS_DIFFER = timedelta(minutes=2)


@dataclass(frozen=True, kw_only=True)
class WebhookSubscription:
    """A webhook subscription, as upstream reports it."""

    id: str
    address: str  # a URL, normalized as `Settings` normalizes ours
    events: frozenset[str]  # upstream's own names
    enabled: bool
    retries: bool  # whether upstream retries deliveries that failed
    warned_at: datetime | None  # UTC; upstream is about to disable it
    failing_since: datetime | None  # UTC; none of its deliveries succeeded since
    secret: str | None = field(repr=False)  # it signs with this


@dataclass(frozen=True, kw_only=True)
class DeliveryAttempt:
    """One attempt by upstream to deliver a webhook."""

    subscription_id: str | None
    address: str | None
    event: str  # upstream's own name
    resource_type: str  # upstream's own name
    resource_id: str
    at: datetime  # UTC, by upstream's clock
    taken: bool  # the receiver acknowledged it
    hint: ChangeHint | None  # None: not about a resource that is synchronized


@dataclass(frozen=True, kw_only=True)
class KnownSubscription:
    """A subscription that was ours at the last check."""

    id: str
    well_at: datetime | None  # UTC; when it was last found in order


class Defect(StrEnum):
    """What can be wrong with a subscription. The values are reasons of alerts."""

    # No enabled subscription sends some expected event to our address.
    MISSING = AttentionReason.WEBHOOK_MISSING
    DISABLED = AttentionReason.WEBHOOK_DISABLED
    FAILING = AttentionReason.WEBHOOK_FAILING  # upstream warns that it will disable it
    ELSEWHERE = AttentionReason.WEBHOOK_ELSEWHERE  # one of ours sends to another address


# Defects that the check repairs; the others need a person.
MENDED = frozenset({Defect.MISSING, Defect.DISABLED})


@dataclass(frozen=True, kw_only=True)
class Finding:
    """A defect, of one subscription or of some events."""

    defect: Defect
    subscription_id: str | None = None
    events: frozenset[str] = frozenset()
    since: datetime | None = None  # UTC; deliveries have failed since then
    well_at: datetime | None = None  # UTC; used where `since` is unknown: when it was last found in order

    @property
    def subject(self) -> str:
        """`what` and `when`. Constant as long as the defect lasts, so that its alert is raised once."""
        return f"{self.what}, {self.when}"

    @property
    def what(self) -> str:
        """The subscription's id, or the events that no subscription sends."""
        return self.subscription_id or _some(self.events)

    @property
    def when(self) -> str:
        """Since when, as far as known, for people."""
        if self.since is not None:
            return f"failing since {minute(self.since)}"
        return f"last seen well {minute(self.well_at)}" if self.well_at else "never seen well before"


def diagnose(
    found: Sequence[WebhookSubscription],
    *,
    address: str,
    expected: frozenset[str],
    known: Mapping[str, KnownSubscription],
    secrets: frozenset[str] = frozenset(),
) -> tuple[Finding, ...]:
    """Find the defects of the subscriptions `found` upstream, given the events that we expect at our address.

    A subscription to another address is ours if we know its id or secret; all others are the practice's own and are ignored.
    A disabled one is a defect only if no enabled one sends its events: a practice may disable what it has replaced.
    """
    here = [one for one in found if one.address == address]
    findings: list[Finding] = []
    covered: frozenset[str] = frozenset().union(*(one.events for one in here if one.enabled))
    for one in sorted(here, key=lambda each: -len(each.events & expected)):
        if not one.enabled and one.events & expected - covered:
            findings.append(_of(one, Defect.DISABLED, known))
            covered |= one.events
        elif one.enabled and one.warned_at is not None:
            findings.append(_of(one, Defect.FAILING, known))
    astray = [
        one for one in found if one.address != address and (one.id in known or (one.secret or "") in secrets)
    ]
    findings += [_of(one, Defect.ELSEWHERE, known) for one in astray]
    if missing := expected - covered:
        lost = [
            each.well_at for each in known.values() if each.well_at and each.id not in {o.id for o in here}
        ]
        findings.append(Finding(defect=Defect.MISSING, events=missing, well_at=max(lost, default=None)))
    return tuple(findings)


def missed(
    attempts: Iterable[DeliveryAttempt],
    received: Iterable[WebhookDelivery],
    *,
    address: str,
    known: Iterable[str],
) -> list[DeliveryAttempt]:
    """The webhooks sent to us that never arrived: of each its latest attempt.

    A later webhook of the same event and resource stands in for a lost one, since it caused a fetch of the current state. For
    an attempt that upstream reports as acknowledged, one received up to CLOCKS_DIFFER before it counts too; for one reported
    as failed, only one received at least CLOCKS_DIFFER after it.
    """
    ours = frozenset(known)
    latest: dict[tuple[str | None, str, str], DeliveryAttempt] = {}
    for attempt in sorted(attempts, key=lambda each: each.at):
        mine = attempt.address == address or attempt.subscription_id in ours
        if mine and attempt.hint is not None:
            latest[attempt.subscription_id, attempt.event, attempt.resource_id] = attempt
    arrivals: dict[tuple[str, str], datetime] = {}
    for one in received:
        key = one.event, one.resource_id
        arrivals[key] = max(one.received_at, arrivals.get(key, one.received_at))
    return [attempt for attempt in latest.values() if not _arrived(attempt, arrivals)]


def _arrived(attempt: DeliveryAttempt, arrivals: Mapping[tuple[str, str], datetime]) -> bool:
    at = arrivals.get((attempt.event, attempt.resource_id))
    earliest = attempt.at - CLOCKS_DIFFER if attempt.taken else attempt.at + CLOCKS_DIFFER
    return at is not None and at >= earliest


def _of(one: WebhookSubscription, defect: Defect, known: Mapping[str, KnownSubscription]) -> Finding:
    seen = known.get(one.id)
    return Finding(
        defect=defect,
        subscription_id=one.id,
        since=one.failing_since if defect is not Defect.ELSEWHERE else None,
        well_at=seen.well_at if seen else None,
    )


def _some(events: Iterable[str]) -> str:
    first, *others = sorted(events)
    return f"{first} and {len(others)} more" if others else first


def minute(at: datetime) -> str:
    """Format a UTC time to the minute, for people."""
    return at.strftime("%Y-%m-%d %H:%M UTC")


class Subscriptions(Protocol):
    """Port: webhook subscriptions upstream."""

    @property
    def expected(self) -> frozenset[str]:
        """The events that we process, by upstream's names."""

    async def all(self) -> Sequence[WebhookSubscription]:
        """Every subscription of the practice, not only ours. Raises UpstreamUnavailable."""

    async def subscribe(self, address: str, events: frozenset[str]) -> None:
        """Create a subscription of these events to the address, verified by read-back.

        Raises UpstreamRefused, UpstreamUnavailable, OutcomeUnknown.
        """

    async def enable(self, subscription_id: str) -> None:
        """Enable it again, verified by read-back. Raises UpstreamRefused, UpstreamUnavailable, OutcomeUnknown."""

    async def attempts(self, since: datetime) -> Sequence[DeliveryAttempt]:
        """Every delivery that upstream attempted since `since`, to any address. Raises UpstreamUnavailable."""


class KnownSubscriptions(Protocol):
    """Port: what we store about our subscriptions, inside one unit of work."""

    async def all(self) -> Mapping[str, KnownSubscription]:
        """All, by id."""

    async def remember(self, subscription: WebhookSubscription, *, well_at: datetime | None) -> None:
        """Store its secret, and when it was last found in order (None: leave that unchanged)."""

    async def forget_secret(self, subscription_id: str) -> None:
        """Delete the secret of one that no longer sends to us: its signature is no longer accepted."""

    async def forget(self, subscription_id: str) -> None:
        """Delete the row of one that upstream no longer has."""
