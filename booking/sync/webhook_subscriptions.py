"""Our subscriptions to upstream's words: what is wrong with them, and which of the words sent to them never came in.

Values and rules; what is done about it is in sync/webhook_check.py.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Protocol

from booking.operations.model import AttentionReason
from booking.resources import ChangeHint
from booking.sync.inbox import WebhookDelivery

# Clocks differ: a moment of upstream's and one of ours are in doubt by this.
CLOCKS_DIFFER = timedelta(minutes=2)


@dataclass(frozen=True, kw_only=True)
class Subscription:
    """Where upstream sends words, as it tells us."""

    id: str
    address: str  # a URL, written as `Settings` writes ours
    events: frozenset[str]  # upstream's own names
    enabled: bool
    retries: bool  # whether a word that was not taken is sent again
    warned_at: datetime | None  # UTC; upstream is about to disable it
    failing_since: datetime | None  # UTC; none of what it sent was taken since
    secret: str | None = field(repr=False)  # it signs with this


@dataclass(frozen=True, kw_only=True)
class Attempt:
    """One time that upstream tried to send a word."""

    subscription_id: str | None
    address: str | None
    event: str  # upstream's own name
    resource_type: str  # upstream's own name
    resource_id: str
    at: datetime  # UTC, by upstream's clock
    taken: bool  # whoever listens there answered that it was
    hint: ChangeHint | None  # None: about nothing that is watched


@dataclass(frozen=True, kw_only=True)
class Known:
    """A subscription that was ours when we last looked."""

    id: str
    well_at: datetime | None  # UTC; when it was last seen as it should be


class Defect(StrEnum):
    """What can be wrong. The values are reasons of alerts."""

    MISSING = AttentionReason.WEBHOOK_MISSING  # some event is sent by no subscription to our address
    DISABLED = AttentionReason.WEBHOOK_DISABLED
    FAILING = AttentionReason.WEBHOOK_FAILING  # it was warned
    ELSEWHERE = AttentionReason.WEBHOOK_ELSEWHERE  # one of ours sends to another address


# What the check mends; the others are for people.
MENDED = frozenset({Defect.MISSING, Defect.DISABLED})


@dataclass(frozen=True, kw_only=True)
class Finding:
    """Something wrong."""

    defect: Defect
    subscription_id: str | None = None
    events: frozenset[str] = frozenset()
    since: datetime | None = None  # UTC; from then on words were not taken
    well_at: datetime | None = None  # UTC; where `since` is not known: it was last seen well then

    @property
    def subject(self) -> str:
        """What it is about and since when; the same as long as it lasts."""
        return f"{self.what}, {self.when}"

    @property
    def what(self) -> str:
        """The subscription's id, or the events that none sends."""
        return self.subscription_id or _some(self.events)

    @property
    def when(self) -> str:
        """Since when, as far as that is known."""
        if self.since is not None:
            return f"failing since {minute(self.since)}"
        return f"last seen well {minute(self.well_at)}" if self.well_at else "never seen well before"


def diagnose(
    found: Sequence[Subscription],
    *,
    address: str,
    expected: frozenset[str],
    known: Mapping[str, Known],
    secrets: frozenset[str] = frozenset(),
) -> tuple[Finding, ...]:
    """What is wrong with the subscriptions upstream, measured by the events that we expect at our address.

    Ours elsewhere are those that we know, by their id or secret; what others of the practice subscribe to is not looked at.
    A disabled one matters if it has an event that no live one sends: a practice may disable what it has replaced.
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
    attempts: Iterable[Attempt], received: Iterable[WebhookDelivery], *, address: str, known: Iterable[str]
) -> list[Attempt]:
    """The latest attempt of every word to us that did not come in.

    A word that came in later about the same is as good: we looked at what is so then. Where we are said to have taken it, it
    is looked for about then. Where we are not, only what surely came after it counts.
    """
    ours = frozenset(known)
    latest: dict[tuple[str | None, str, str], Attempt] = {}
    for attempt in sorted(attempts, key=lambda each: each.at):
        mine = attempt.address == address or attempt.subscription_id in ours
        if mine and attempt.hint is not None:
            latest[attempt.subscription_id, attempt.event, attempt.resource_id] = attempt
    came: dict[tuple[str, str], datetime] = {}
    for one in received:
        about = one.event, one.resource_id
        came[about] = max(one.received_at, came.get(about, one.received_at))
    return [attempt for attempt in latest.values() if not _came(attempt, came)]


def _came(attempt: Attempt, came: Mapping[tuple[str, str], datetime]) -> bool:
    at = came.get((attempt.event, attempt.resource_id))
    earliest = attempt.at - CLOCKS_DIFFER if attempt.taken else attempt.at + CLOCKS_DIFFER
    return at is not None and at >= earliest


def _of(one: Subscription, defect: Defect, known: Mapping[str, Known]) -> Finding:
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
    """A moment to the minute, in UTC, for people."""
    return at.strftime("%Y-%m-%d %H:%M UTC")


class Subscriptions(Protocol):
    """Our subscriptions upstream."""

    @property
    def expected(self) -> frozenset[str]:
        """The events that we make something of."""

    async def all(self) -> Sequence[Subscription]:
        """Every subscription of the practice, others' too. Raises UpstreamUnavailable."""

    async def subscribe(self, address: str, events: frozenset[str]) -> None:
        """Have these events sent there; read back. Raises UpstreamRefused, UpstreamUnavailable, OutcomeUnknown."""

    async def enable(self, subscription_id: str) -> None:
        """Bring it back; read back. Raises UpstreamRefused, UpstreamUnavailable, OutcomeUnknown."""

    async def attempts(self, since: datetime) -> Sequence[Attempt]:
        """What upstream tried to send since, to anybody. Raises UpstreamUnavailable."""


class KnownSubscriptions(Protocol):
    """What we remember of our subscriptions, inside one unit of work."""

    async def all(self) -> Mapping[str, Known]:
        """All, by their ids."""

    async def remember(self, subscription: Subscription, *, well_at: datetime | None) -> None:
        """Keep its secret, and when it was last seen well (None: leave that as it is)."""

    async def forget_secret(self, subscription_id: str) -> None:
        """It does not send to us any more: nothing that it signs is taken."""

    async def forget(self, subscription_id: str) -> None:
        """There is none of that id any more."""
