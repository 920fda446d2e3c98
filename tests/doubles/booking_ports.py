"""Small doubles of the domain's ports: a settable clock, a database and holds in memory, and an upstream with fault switches.

Every commit and every foreign call is noted on one tape, in order; the tape can kill the process at any of its points.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from datetime import UTC, datetime, timedelta
from functools import cached_property
from types import TracebackType
from typing import Self, TypeVar

from booking.change_signals import BLOCKS, ChangeSignals, of_checkout, of_event
from booking.changes.model import ChangeState, RequestedChange
from booking.changes.repository import ChangeEntry
from booking.checkout.guards import SendFacts
from booking.checkout.model import Checkout, CheckoutState
from booking.checkout.transitions import CALLING, CLAIMING, ENDED, IN_FLIGHT, LATE, TERMINAL, UNDER_WAY
from booking.errors import AlreadyCounted, StaleCheckout, UnknownState
from booking.events.deliveries import Endpoints, EventDeliveries
from booking.events.model import DomainEvent
from booking.models import Hold
from booking.operations.model import Alert, CheckoutSummary, ClinicianBlock, HistoryEntry, ListCursor
from booking.principals import is_anonymous
from booking.refusals import HoldExpired, HoldLimitReached, PaymentInProgress, SlotTaken
from booking.resources import Resource, Snapshot
from booking.scheduling.day_capacity import DayCapacity, free_again_at, refusal
from booking.scheduling.taken_time import RecordedTime
from booking.slots import Busy, Interval, Slot
from booking.stored_names import Unknown
from booking.sync.daily import DailyJobs
from booking.sync.inbox import PendingRefreshes, Polls
from booking.sync.webhook_subscriptions import KnownSubscriptions
from booking.unit_of_work import Claimant, Scope, SlotConflicts
from tests.doubles.changes_repository import FakeRequestedChanges
from tests.doubles.waitlist_repository import FakeWaitlist, WaitlistRows

T = TypeVar("T")

# A Monday morning, US summer time.
NOW = datetime(2026, 6, 1, 15, 0, tzinfo=UTC)

# As in the SQL adapters: by so much two clocks may differ, and for so long a row rests that failed.
CLOCK_SKEW = timedelta(minutes=1)
SHORTEST_REST, LONGEST_REST = timedelta(seconds=5), timedelta(minutes=5)


class Killed(BaseException):
    """The process dies here: nothing below may catch it."""


@dataclass
class FakeClock:
    """Stands still until it is told to go on."""

    at: datetime = NOW

    def now(self) -> datetime:
        return self.at

    def advance(self, **span: float) -> None:
        self.at += timedelta(**span)


@dataclass
class Tape:
    """What happened, in order. Each commit and call passes two points, before and after its effect."""

    events: list[str] = field(default_factory=list)
    points: int = 0
    kill_at: int | None = None
    open_units: int = 0
    # Once, at a state that the row enters in the commit.
    refused_commit: dict[str, Exception] = field(default_factory=dict)
    after_commit: dict[str, Callable[[], None]] = field(default_factory=dict)

    def point(self) -> None:
        self.points += 1
        if self.points == self.kill_at:
            self.events.append("killed")
            raise Killed

    def calls(self) -> list[str]:
        return [event.removeprefix("call ") for event in self.events if event.startswith("call ")]


class FakeDatabase:
    """Rows and claims; units of work one after another, as SQLite's BEGIN IMMEDIATE has them.

    `test_unit_of_work_conformance.py` holds it to what the SQL adapters do. Beyond that it asserts at each commit that a row
    has its claim exactly while its state owns one, unless `checks_claims` is off.
    """

    def __init__(
        self, tape: Tape, change_signals: ChangeSignals | None = None, *, checks_claims: bool = True
    ) -> None:
        self.tape = tape
        self.change_signals = change_signals
        self.checks_claims = checks_claims
        self.rows: dict[str, Checkout] = {}
        self.changes: dict[str, RequestedChange] = {}
        self.change_events: list[ChangeEntry] = []
        self.refreshes: list[str] = []
        self.claims: dict[str, Slot] = {}
        self.lost_claims: set[str] = set()
        self.events: list[HistoryEntry] = []
        self.outbox: list[DomainEvent] = []
        self.snapshots: dict[Resource, Snapshot] = {}
        self.alerts: dict[str, Alert] = {}
        self.alerts_due: dict[str, datetime] = {}
        self.blocks: dict[str, ClinicianBlock] = {}
        self.blocks_read = 0
        self.waitlist = WaitlistRows()
        self.writer = asyncio.Lock()

    async def blocked(self) -> frozenset[str]:
        self.blocks_read += 1
        return frozenset(self.blocks)

    async def of(self, checkout: Checkout) -> SendFacts:
        assert self.tape.open_units == 0, "the guards are asked while a unit of work is open"
        return SendFacts(
            version=self.rows[checkout.id].version,
            has_claim=checkout.id in self.claims,
            is_blocked=checkout.clinician_id in self.blocks,
        )

    def lose_claim(self, checkout_id: str) -> None:
        """What no step does: the claim is given back while its checkout stands on it."""
        del self.claims[checkout_id]
        self.lost_claims.add(checkout_id)

    def history(self, checkout: Checkout) -> list[str]:
        return [f"{event.kind} {event.after}" for event in self.events if event.checkout_id == checkout.id]

    def sent(self, checkout: Checkout) -> list[str]:
        """What others were told of the checkout, in order."""
        return [event.name for event in self.outbox if event.resource.id == checkout.id]

    def __call__(self, scope: Scope = Scope.TRANSACTION) -> "FakeUnit":
        return FakeUnit(self, scope)


class FakeUnit:
    """One transaction on copies, each made when it is first asked for."""

    # Not kept in memory: what uses these is tested on the real database.
    deliveries: EventDeliveries
    endpoints: Endpoints
    pending_refreshes: PendingRefreshes
    polls: Polls
    known_subscriptions: KnownSubscriptions
    daily_jobs: DailyJobs

    def __init__(self, database: FakeDatabase, scope: Scope) -> None:
        self._database = database
        self._scope = scope

    @cached_property
    def checkouts(self) -> "FakeCheckouts":
        return FakeCheckouts(dict(self._database.rows), self)

    @cached_property
    def changes(self) -> FakeRequestedChanges:
        kept = self._database
        return FakeRequestedChanges(
            dict(kept.changes), list(kept.change_events), list(kept.refreshes), self.claims.slots
        )

    @property
    def changes_at_begin(self) -> Mapping[str, RequestedChange]:
        return dict(self._database.changes)

    @cached_property
    def claims(self) -> "FakeClaims":
        return FakeClaims(dict(self._database.claims), self)

    @cached_property
    def history(self) -> "FakeHistory":
        return FakeHistory(list(self._database.events))

    @cached_property
    def outbox(self) -> "FakeEventOutbox":
        return FakeEventOutbox(list(self._database.outbox))

    @cached_property
    def alerts(self) -> "FakeAlerts":
        return FakeAlerts(dict(self._database.alerts), dict(self._database.alerts_due))

    @cached_property
    def blocks(self) -> "FakeBlocks":
        return FakeBlocks(dict(self._database.blocks))

    @cached_property
    def waitlist(self) -> FakeWaitlist:
        return FakeWaitlist(self._database.waitlist)

    @property
    def snapshots(self) -> "FakeSnapshots":
        return FakeSnapshots(self._database.snapshots)

    async def commit(self) -> None:
        if self._scope is Scope.READING:
            raise AssertionError("a unit of work that only reads has nothing to commit")
        if self.checkouts.refused:
            raise AssertionError("a transaction ends with the write that is refused")
        before, after = self._database.rows, self.checkouts.rows
        changed = [row for row in after.values() if before.get(row.id) != row]
        for row in changed if self._database.checks_claims else ():
            claims = row.slot is not None and row.state in CLAIMING
            kept = claims and row.id not in self._database.lost_claims
            assert (row.id in self.claims.slots) == kept, f"the claim of a row at {row.state}"
        passed = {row.id: self._passed(row) for row in changed}
        for row in changed:
            self._refuse(row, passed[row.id])
        self._database.tape.point()
        self._database.rows, self._database.claims = dict(after), dict(self.claims.slots)
        moved = [one for one in self.changes.rows.values() if self._database.changes.get(one.id) != one]
        self._database.changes = dict(self.changes.rows)
        self._database.change_events = list(self.changes.events)
        self._database.refreshes = list(self.changes.refreshes)
        self._database.waitlist = self.waitlist.rows
        self._database.events = list(self.history.events)
        self._database.outbox = list(self.outbox.added)
        self._database.alerts, self._database.alerts_due = dict(self.alerts.raised), dict(self.alerts.due_at)
        self._database.blocks = dict(self.blocks.blocks)
        self._database.tape.events += [f"commit {' '.join(passed[row.id])}" for row in changed]
        self._database.tape.events += [f"commit change {one.state}" for one in moved]
        self._database.tape.point()
        for row in changed:
            for state in passed[row.id]:
                self._database.tape.after_commit.pop(state, lambda: None)()
        if self._database.change_signals is not None:
            written = (
                *map(of_checkout, self.checkouts.written),
                *map(of_event, self.outbox.written),
                {BLOCKS} if self.blocks.written else set[str](),
                {f"waitlist:{patient}" for patient in self.waitlist.patients},
            )
            self._database.change_signals.publish(set().union(*written))

    def _passed(self, row: Checkout) -> list[str]:
        """The states that the row passes in this commit, as its history tells them; its own is the last."""
        entries = self.history.events[len(self._database.events) :]
        moved = [one.after for one in entries if one.checkout_id == row.id and one.after != one.before]
        return [*moved, *([row.state] if row.state not in moved else [])]

    def _refuse(self, row: Checkout, passed: Sequence[str]) -> None:
        """Refuse a commit as the test has ordered. What only follows in it, or comes with a lease, is refused alone too."""
        standing, refused = self._database.rows.get(row.id), self._database.tape.refused_commit
        leases = standing is not None and standing.lease_owner is None and row.lease_owner is not None
        for place, state in enumerate(passed):
            if state in refused:
                raise refused[state] if place or leases else refused.pop(state)

    async def __aenter__(self) -> Self:
        await self._database.writer.acquire()
        self._database.tape.open_units += 1
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._database.tape.open_units -= 1
        self._database.writer.release()


@dataclass
class FakeSnapshots:
    """Snapshots that a test has put there; nothing writes them here."""

    kept: dict[Resource, Snapshot]

    async def get(self, resource: Resource) -> Snapshot:
        return self.kept.get(resource, Snapshot(resource=resource))

    async def save(self, snapshot: Snapshot) -> None:
        raise NotImplementedError

    async def standing_visits(self, first: datetime, last: datetime) -> Sequence[str]:
        raise NotImplementedError


class FakeCheckouts:
    """Rows with versioned writes and the unique rules of the design."""

    def __init__(self, rows: dict[str, Checkout], unit: "FakeUnit") -> None:
        self.rows = rows
        self._unit = unit
        self.written: list[Checkout] = []  # in this unit of work, so far
        self.refused = False  # a write of this unit of work, which is ended by it

    async def add(self, checkout: Checkout, *, history: Sequence[HistoryEntry] = ()) -> Checkout | None:
        standing = await self.live_for_hold(checkout.hold_id)
        is_second = standing is not None and checkout.state not in ENDED
        if not is_second and checkout.id not in self.rows and self._refusal(checkout) is None:
            self.rows[checkout.id] = checkout.changed(version=1)
            self.written.append(checkout)
            await self._unit.history.add(*history)
            return None
        if standing is None:
            raise StaleCheckout(checkout.id)
        return standing

    async def get(self, checkout_id: str) -> Checkout | None:
        return self.rows.get(checkout_id)

    async def booked(self, appointment_id: str) -> Checkout | None:
        return next((row for row in self.rows.values() if row.appointment_id == appointment_id), None)

    async def live_for_hold(self, hold_id: str) -> Checkout | None:
        return next(
            (row for row in self.rows.values() if row.hold_id == hold_id and row.state not in ENDED), None
        )

    async def save(
        self,
        checkout: Checkout,
        *,
        was: Checkout | None = None,
        history: Sequence[HistoryEntry] = (),
        frees_claim: bool = False,
        events: Sequence[DomainEvent] = (),
    ) -> Checkout:
        if was is not None and (was.id, was.version) != (checkout.id, checkout.version):
            raise AssertionError("what the row was is told of another row, or of another version")
        if isinstance(checkout.state, Unknown) or (was is not None and isinstance(was.state, Unknown)):
            raise UnknownState(checkout.id)
        standing = self.rows.get(checkout.id)
        if standing is None or standing.version != checkout.version:
            raise StaleCheckout(checkout.id)
        if (refusal := self._refusal(checkout)) is not None:
            self.refused = True
            raise refusal
        saved = checkout.changed(version=checkout.version + 1)
        self.rows[checkout.id] = saved if was is None else _merged(standing, was, saved)
        self.written.append(saved)
        await self._unit.history.add(*history)
        if frees_claim:
            await self._unit.claims.release(checkout.id)
        await self._unit.outbox.add(events)
        return saved

    async def due(self, now: datetime, *, limit: int) -> Sequence[str]:
        due = [
            (row.state in TERMINAL, row.due_at, row.id)
            for row in self.rows.values()
            if row.due_at and _is_due(row, now) and not isinstance(row.state, Unknown)
        ]
        return [row_id for *_, row_id in sorted(due)][:limit]

    async def defer(self, checkout_id: str, *, now: datetime) -> None:
        row = self.rows.get(checkout_id)
        if row is not None and _is_due(row, now):
            rest = min(max(now - row.updated_at, SHORTEST_REST), LONGEST_REST)
            self.rows[checkout_id] = row.changed(due_at=now + rest)

    async def note_hold(self, hold_id: str, *, expires_at: datetime) -> None:
        if (row := await self.live_for_hold(hold_id)) is not None:
            self.rows[row.id] = row.changed(hold_expires_at=expires_at)

    async def of_patient(self, patient_id: str, *, besides: str) -> Sequence[Checkout]:
        return [row for row in self.rows.values() if row.patient_id == patient_id and row.id != besides]

    async def in_doubt(self, since: datetime) -> Sequence[str]:
        return sorted(
            row.id
            for row in self.rows.values()
            if (row.state in CALLING and row.intended_at and row.intended_at <= since)
            or (row.state in UNDER_WAY and row.confirm_deadline and row.confirm_deadline <= since)
        )

    async def awaiting(
        self, state: CheckoutState, *, checkout_id: str | None, patient_id: str | None
    ) -> Sequence[str]:
        return sorted(
            row.id
            for row in self.rows.values()
            if row.state == state
            and row.lease_owner is None
            and (row.id == checkout_id if checkout_id is not None else row.patient_id == patient_id)
        )

    async def of_unknown_state(self) -> Sequence[str]:
        return [row.id for row in self.rows.values() if isinstance(row.state, Unknown)]

    async def listed(
        self, *, state: str | None, attention: bool, limit: int, after: ListCursor | None = None
    ) -> Sequence[CheckoutSummary]:
        rows = sorted(self.rows.values(), key=lambda row: (row.created_at, row.id), reverse=True)
        return [
            CheckoutSummary(
                id=row.id,
                state=row.state,
                attention=row.attention,
                clinician_id=row.clinician_id,
                starts_at=row.slot.start if row.slot else None,
                tries=row.tries,
                created_at=row.created_at,
                updated_at=row.updated_at,
                due_at=row.due_at,
            )
            for row in rows
            if (state is None or row.state == state)
            and (row.attention or not attention)
            and (after is None or (row.created_at, row.id) < (after.created_at, after.id))
        ][:limit]

    def _refusal(self, checkout: Checkout) -> Exception | None:
        """What the unique indexes would say to this row."""
        others = [row for row in self.rows.values() if row.id != checkout.id]
        patients = {row.patient_id for row in others if row.state in IN_FLIGHT} - {None}
        if checkout.state in IN_FLIGHT and checkout.patient_id in patients:
            return PaymentInProgress()
        items = {row.charge.billing_item_id for row in others if row.charge}
        if checkout.charge and checkout.charge.billing_item_id in items:
            return AlreadyCounted("billing_item_id")
        if checkout.appointment_id and checkout.appointment_id in {row.appointment_id for row in others}:
            return AlreadyCounted("appointment_id")
        return None


def _is_due(row: Checkout, now: datetime) -> bool:
    is_free = row.lease_until is None or row.lease_until <= now
    return row.due_at is not None and row.due_at <= now and is_free


def _merged(standing: Checkout, was: Checkout, saved: Checkout) -> Checkout:
    """The row after a write of what differs from `was`: at the same version it may have been put off, and its hold extended."""
    assert was.changed(due_at=None, hold_expires_at=None) == standing.changed(
        due_at=None, hold_expires_at=None
    ), "it is not what the row was"
    changes = {
        each.name: getattr(saved, each.name)
        for each in fields(Checkout)
        if getattr(saved, each.name) != getattr(was, each.name)
    }
    return standing.changed(**changes | {"due_at": saved.due_at})


class FakeClaims:
    """Claims that never overlap."""

    def __init__(self, slots: dict[str, Slot], unit: "FakeUnit") -> None:
        self.slots = slots
        self._unit = unit
        self._rows = unit.checkouts.rows
        self._changes = unit.changes_at_begin

    async def release_begun(self, now: datetime) -> int:
        begun = [
            one for one, slot in self.slots.items() if slot.start <= now and self._waits_for_a_person(one)
        ]
        for one in begun:
            del self.slots[one]
        return len(begun)

    def _waits_for_a_person(self, claimant_id: str) -> bool:
        if (change := self._changes.get(claimant_id)) is not None:
            return change.state is ChangeState.NEEDS_ATTENTION
        return self._rows[claimant_id].state == CheckoutState.NEEDS_ATTENTION

    async def take(self, claimant: Claimant) -> None:
        slot = claimant.slot
        if slot is None:
            return
        others = {owner: slot for owner, slot in self.slots.items() if owner != claimant.id}
        if _overlapping(others.values(), [slot.clinician_id], slot.interval):
            raise SlotTaken
        self.slots.setdefault(claimant.id, slot)
        booked = _booked_since(self._rows.values(), claimant.created_at, besides=claimant.id)
        if _overlapping(booked, [slot.clinician_id], slot.interval):
            del self.slots[claimant.id]
            raise SlotTaken

    async def release(self, checkout_id: str) -> None:
        self.slots.pop(checkout_id, None)

    async def busy(self, clinician_ids: Sequence[str], span: Interval) -> Sequence[Busy]:
        return _overlapping(self.slots.values(), clinician_ids, span)

    async def against(self, clinician_id: str, span: Interval) -> SlotConflicts:
        return SlotConflicts(
            is_blocked=await self._unit.blocks.is_blocked(clinician_id),
            is_claimed=bool(await self.busy([clinician_id], span)),
        )


class FakeHistory:
    """Events in a list."""

    def __init__(self, events: list[HistoryEntry]) -> None:
        self.events = events

    async def add(self, *entries: HistoryEntry) -> None:
        self.events += entries


class FakeAlerts:
    """An outbox in a dictionary."""

    def __init__(self, raised: dict[str, Alert], due_at: dict[str, datetime]) -> None:
        self.raised = raised
        self.due_at = due_at

    async def raise_once(self, alert: Alert) -> None:
        if alert.id not in self.raised:
            self.raised[alert.id], self.due_at[alert.id] = replace(alert, tries=0), alert.raised_at

    async def due(self, now: datetime, *, limit: int) -> Sequence[Alert]:
        due = [self.raised[one] for one, at in self.due_at.items() if at <= now]
        return sorted(due, key=lambda alert: (alert.raised_at, alert.id))[:limit]

    async def claim(self, alert: Alert, *, now: datetime, until: datetime) -> bool:
        if alert.id not in self.due_at or self.due_at[alert.id] > now:
            return False
        self.due_at[alert.id] = until
        return True

    async def mark_sent(self, alert: Alert, at: datetime) -> None:
        self.due_at.pop(alert.id, None)

    async def defer(self, alert: Alert, due_at: datetime) -> None:
        standing = self.raised[alert.id]
        self.raised[alert.id] = replace(standing, tries=standing.tries + 1)
        self.due_at[alert.id] = due_at

    async def forget(self, subject: str) -> None:
        sent = [one for one, alert in self.raised.items() if alert.subject == subject]
        for one in sent:
            if one not in self.due_at:
                del self.raised[one]


class FakeEventOutbox:
    """The outbox in a list."""

    def __init__(self, added: list[DomainEvent]) -> None:
        self.added = added
        self.written: list[DomainEvent] = []  # in this unit of work, so far

    async def add(self, events: Sequence[DomainEvent]) -> None:
        for event in events:
            if event.id not in {each.id for each in self.added}:
                self.added.append(event)
        self.written += events


class FakeBlocks:
    """Blocks in a dictionary."""

    def __init__(self, blocks: dict[str, ClinicianBlock]) -> None:
        self.blocks = blocks
        self.written = False  # in this unit of work, so far

    async def block(self, block: ClinicianBlock) -> None:
        self.blocks.setdefault(block.clinician_id, block)
        self.written = True

    async def is_blocked(self, clinician_id: str) -> bool:
        return clinician_id in self.blocks

    async def standing(self) -> Sequence[ClinicianBlock]:
        return sorted(self.blocks.values(), key=lambda block: block.blocked_at)

    async def clear(self, clinician_id: str) -> bool:
        self.written = True
        return self.blocks.pop(clinician_id, None) is not None


class FakeChanges:
    """The change poller's small reads, of the rows in memory."""

    def __init__(self, database: FakeDatabase) -> None:
        self._database = database

    async def versions(self, checkout_ids: Collection[str]) -> Mapping[str, int]:
        return {row.id: row.version for row in self._database.rows.values() if row.id in checkout_ids}

    async def claims(self, clinician_ids: Collection[str], span: Interval) -> Sequence[Busy]:
        return _overlapping(self._database.claims.values(), clinician_ids, span)

    async def bookings(self, patient_ids: Collection[str]) -> Mapping[str, int]:
        return Counter(
            row.patient_id
            for row in self._database.rows.values()
            if _visit_stands(row) and row.patient_id and row.patient_id in patient_ids
        )

    async def recorded(
        self, clinician_ids: Collection[str], span: Interval, *, since: datetime
    ) -> RecordedTime:
        booked = _booked_since(self._database.rows.values(), since)
        return RecordedTime(
            claimed=await self.claims(clinician_ids, span),
            booked=_overlapping(booked, clinician_ids, span),
        )


class FakeHolds:
    """A hold store in a dictionary; `emptied` is what happens when its server restarts."""

    def __init__(self, clock: FakeClock) -> None:
        self._clock = clock
        self._holds: dict[str, Hold] = {}

    @property
    def live(self) -> list[Hold]:
        return [hold for hold in self._holds.values() if hold.is_live(self._clock.now())]

    def emptied(self) -> None:
        self._holds.clear()

    async def acquire(
        self,
        hold: Hold,
        *,
        limit: int | None,
        client_limit: int | None = None,
        capacity: DayCapacity | None = None,
    ) -> Hold:
        own = next((one for one in self.live if (one.owner, one.slot) == (hold.owner, hold.slot)), None)
        if own is not None:
            return own
        if _overlapping([other.slot for other in self.live], [hold.slot.clinician_id], hold.slot.interval):
            raise SlotTaken
        mine = [other for other in self.live if other.taken_by == hold.taken_by]
        if limit is not None and len(mine) >= limit:
            raise HoldLimitReached(limit)
        theirs = [other for other in self.live if hold.client is not None and other.client == hold.client]
        if client_limit is not None and len(theirs) >= client_limit:
            raise HoldLimitReached(client_limit)
        if capacity is not None:
            others = await self.anonymous(hold.slot.clinician_id, capacity.day)
            if free_again_at(capacity, hold, others) is not None:
                raise refusal(capacity, hold, others, now=self._clock.now())
        self._holds[hold.id] = hold
        return hold

    async def get(self, hold_id: str) -> Hold | None:
        return next((hold for hold in self.live if hold.id == hold_id), None)

    async def extend(self, hold: Hold, *, expires_at: datetime, counted: bool = True) -> Hold:
        standing = await self.get(hold.id)
        if standing is None or standing.owner != hold.owner:
            raise HoldExpired
        if standing.extensions != hold.extensions:
            return standing
        return self._changed(hold, expires_at=expires_at, extensions=hold.extensions + counted)

    async def transfer(self, hold: Hold, *, owner: str) -> Hold:
        return self._changed(hold, owner=owner)

    async def release(self, hold_id: str, *, owners: Collection[str]) -> Hold | None:
        hold = await self.get(hold_id)
        return self._holds.pop(hold_id) if hold is not None and hold.owner in owners else None

    async def busy(self, clinician_ids: Sequence[str], span: Interval) -> Sequence[Busy]:
        return [
            replace(busy, until=hold.expires_at)
            for hold in self.live
            for busy in _overlapping([hold.slot], clinician_ids, span)
        ]

    async def anonymous(self, clinician_id: str, day: Interval) -> Sequence[Hold]:
        return [
            hold
            for hold in self.live
            if hold.slot.clinician_id == clinician_id
            and is_anonymous(hold.owner)
            and day.start <= hold.slot.start < day.end
        ]

    def _changed(self, hold: Hold, **changes: object) -> Hold:
        current = next((one for one in self.live if one.id == hold.id and one.owner == hold.owner), None)
        if current is None:
            raise HoldExpired
        changed: Hold = replace(current, **changes)  # type: ignore[arg-type]  # names as in Hold
        self._holds[hold.id] = changed
        return changed


def _busy(slot: Slot) -> Busy:
    return Busy(clinician_id=slot.clinician_id, interval=slot.interval)


def _overlapping(slots: Iterable[Slot], clinician_ids: Collection[str], span: Interval) -> list[Busy]:
    return [
        _busy(slot) for slot in slots if slot.clinician_id in clinician_ids and slot.interval.overlaps(span)
    ]


def _visit_stands(row: Checkout) -> bool:
    """Whether the visit is confirmed, and no more than a late finding beside it is being undone."""
    undone = row.late is not None and row.state in LATE and row.late.ended_as == CheckoutState.CONFIRMED
    return row.state == CheckoutState.CONFIRMED or undone


def _booked_since(rows: Iterable[Checkout], since: datetime, *, besides: str | None = None) -> list[Slot]:
    """The slots of visits that were confirmed here since then, by whichever process' clock, and still stand."""
    return [
        row.slot
        for row in rows
        if row.slot is not None
        and _visit_stands(row)
        and row.ended_at
        and row.ended_at >= since - CLOCK_SKEW
        and row.id != besides
    ]
