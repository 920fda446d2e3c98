"""The driver of requested changes: intent, commit, call, commit, for each action in order.

1. The intent of an action is committed before it is sent; its outcome and the intent of the next one are one commit.
2. A driver that finds an intent of another driver, or of an earlier try, looks upstream for the outcome before it sends.
3. Right before each send of a change of the visit its guards are asked (changes/guards.py): the practice's own change wins.
4. While the outcome is unknown the row is parked; after the last try it is escalated to a person: needs_attention.
5. What a certain refusal means stands with each action (changes/actions.py).
6. After the end of a change whose outcome was looked for, a call that landed late is looked for (changes/late_looks.py).

Any number of processes may drive; a lease gives each row to one driver at a time, and the row's version fences a driver that lost
its lease. The durations, and why they are safe, are those of the checkout (checkout/timing.py).
"""

import contextlib
import itertools
from datetime import datetime

import structlog

from booking.changes.actions import ACTIONS, ActionRecord
from booking.changes.guards import Guards
from booking.changes.late_looks import LateLooks, follow_up_at, is_due, looked_for, looked_in_vain, next_check
from booking.changes.model import Action, ActionState, ChangeState, RequestedChange
from booking.changes.rows import current, escalated, refused, stopped, taken_back, with_intent
from booking.changes.steps import ChangeSteps
from booking.changes.writer import ChangeWriter
from booking.checkout.timing import LEASE, MAX_TRIES, SETTLE, STEP_BUDGET, pause_after
from booking.errors import OutcomeUnknown, StaleChange, UnknownState, UpstreamRefused, UpstreamUnavailable
from booking.operations.model import AttentionReason
from booking.ports import Clock, HoldStore
from booking.refusals import Refusal
from booking.unit_of_work import UnitOfWorkFactory
from booking.work_context import working_for_change

log = structlog.get_logger(__name__)


def hold_owner(change: RequestedChange) -> str:
    """The owner of the hold of a change that is under way: nobody else can use or release it meanwhile."""
    return f"change:{change.id}"


class ChangeDriver:
    """Drives changes, for ChangeService and for the worker; `name` is the process's, unique among all that drive."""

    def __init__(
        self,
        *,
        steps: ChangeSteps,
        guards: Guards,
        late_looks: LateLooks,
        units: UnitOfWorkFactory,
        holds: HoldStore,
        clock: Clock,
        name: str,
    ) -> None:
        self._steps = steps
        self._guards = guards
        self._late_looks = late_looks
        self._writer = ChangeWriter(units=units)
        self._holds = holds
        self._clock = clock
        self._name = name
        self._serial = itertools.count(1)

    async def load(self, change_id: str) -> RequestedChange:
        """Read the current row; the change must exist (AssertionError)."""
        return await self._writer.load(change_id)

    async def insert(self, change: RequestedChange, *, latest: str | None) -> RequestedChange | None:
        """Insert a new change, as ChangeWriter.insert."""
        return await self._writer.insert(change, latest=latest)

    async def resume(self, change_id: str) -> None:
        """Do what is due on a row, for the worker: drive it on, or follow one up that has ended."""
        change = await self.load(change_id)
        if not change.ended:
            await self.drive(change)
        elif change.due_at is not None:
            after = await self._follow_up(change)
            with contextlib.suppress(StaleChange):
                await self._writer.write(change, after, by=self._name)

    async def drive(self, change: RequestedChange) -> RequestedChange:
        """Carry the actions out from the row as just read, until it ends or is parked; returns the row then.

        Returns a row that is parked, leased by another driver, or at a state of a newer release, unchanged. Raises UnknownState
        (actions of a newer release, which drives the row), and what a step raises unexpectedly, with the row parked.
        """
        now = self._clock.now()
        if change.state is not ChangeState.OPEN or (change.due_at is not None and now < change.due_at):
            return change
        if any(action.kind not in ACTIONS for action in change.actions):
            raise UnknownState(change.id)
        driver = f"{self._name}/{next(self._serial)}"
        try:
            intended = with_intent(change, now=now)
            leased = await self._write(change, intended.changed(lease_owner=driver))
            return await self._carry_out(leased, driver, sent_before=leased.actions == change.actions)
        except StaleChange:  # another driver took over
            return await self.load(change.id)

    async def _carry_out(self, change: RequestedChange, driver: str, *, sent_before: bool) -> RequestedChange:
        """Carry out actions while this driver has the lease. Raises StaleChange when another has taken the row over."""
        while change.state is ChangeState.OPEN and change.lease_owner == driver:
            try:
                with working_for_change(change):
                    after = await self._next_row(change, look=sent_before)
            except (OutcomeUnknown, UpstreamUnavailable) as error:
                return await self._park(change, type(error).__name__)
            except Exception as error:
                await self._park(change, type(error).__name__)
                raise
            change = await self._write(change, with_intent(after, now=self._clock.now()))
            sent_before = False  # an intent that this driver has committed, or looked after just now
        return change

    async def _next_row(self, change: RequestedChange, *, look: bool) -> RequestedChange:
        """Return the row to be written next."""
        _, action = current(change)
        record = ACTIONS[action.kind]
        try:
            if action.state is ActionState.UNDO_INTENDED:
                return await self._undo(change, record)
            if look:
                self._ensure_settled(action)
                change = looked_for(change)
                if record.look is not None and (found := await record.look(self._steps, change)) is not None:
                    return found
            why = await self._guards.stop(change, record.guards)
            if why is not None:
                log.info("change.not_sent", change=change.id, action=action.kind, why=why)
                return stopped(change, why, attention=record.attention, takes_back=record.takes_back)
            if not self._lease_lasts(change):
                return change  # writing it renews the lease; the step is taken on the next round
            return await record.step(self._steps, change)
        except (UpstreamRefused, Refusal) as refusal:
            log.info("change.refused", change=change.id, action=action.kind, why=type(refusal).__name__)
            return refused(
                change,
                refusal,
                attention=record.attention,
                takes_back=record.takes_back,
                now=self._clock.now(),
            )

    async def _undo(self, change: RequestedChange, record: ActionRecord) -> RequestedChange:
        """Undo what was done; what cannot be undone is for a person. Idempotent: it is not looked after first."""
        if record.undo is None:
            raise AssertionError("only what can be undone is being undone")
        if not self._lease_lasts(change):
            return change
        try:
            await record.undo(self._steps, change)
        except (UpstreamRefused, Refusal) as refusal:
            return escalated(change, AttentionReason.APPOINTMENT_NOT_DELETED, refusal)
        return taken_back(change, now=self._clock.now())

    def _ensure_settled(self, action: Action) -> None:
        """Raise OutcomeUnknown until SETTLE after the intent: before, finding nothing does not mean that nothing landed."""
        if action.intended_at is None or self._clock.now() < action.intended_at + SETTLE:
            raise OutcomeUnknown("too early to look")

    def _lease_lasts(self, change: RequestedChange) -> bool:
        return change.lease_until is not None and change.lease_until - self._clock.now() >= STEP_BUDGET

    async def _write(self, before: RequestedChange, after: RequestedChange) -> RequestedChange:
        """Write the row, renew its lease, or release it where no driver has anything to do; after an end release the hold.

        Raises StaleChange.
        """
        now = self._clock.now()
        driver = after.lease_owner or self._name
        saved = await self._writer.write(before, _with_times(after, now=now), by=driver)
        if saved.state is not before.state or saved.at != before.at:
            log.info("change.moved", change=saved.id, state=saved.state, at=saved.at)
        if saved.ended:
            await self._release_hold(saved)
        return saved

    async def _park(self, change: RequestedChange, why: str) -> RequestedChange:
        """Park the row until what was sent has landed or never will; after MAX_TRIES escalate it instead."""
        now, tries = self._clock.now(), change.tries + 1
        log.warning("change.parked", change=change.id, at=change.at, tries=tries, why=why)
        if tries >= MAX_TRIES:
            return await self._write(change, escalated(change, AttentionReason.OUT_OF_TRIES))
        parked = change.changed(
            tries=tries, updated_at=now, due_at=now + pause_after(tries), lease_owner=None, lease_until=None
        )
        return await self._writer.write(change, parked, by=change.lease_owner or self._name)

    async def _follow_up(self, change: RequestedChange) -> RequestedChange:
        """Release the hold once more, and look for a call that landed late; returns the row to be written."""
        now = self._clock.now()
        if not await self._release_hold(change):
            return change.changed(due_at=now + SETTLE)
        if not is_due(change, now=now):
            return change.changed(due_at=next_check(change, now=now))
        try:
            with working_for_change(change):
                changes = await self._writer.of_subject(change.subject)
                return await self._late_looks.look(change, changes, now=now)
        except (OutcomeUnknown, UpstreamUnavailable, UpstreamRefused, Refusal) as error:
            log.warning("change.late_look_failed", change=change.id, why=type(error).__name__)
            return looked_in_vain(change, now=now)

    async def _release_hold(self, change: RequestedChange) -> bool:
        """Release the hold; returns whether the hold store confirmed it. If not, a worker tries again."""
        if change.hold_id is None:
            return True
        try:
            await self._holds.release(change.hold_id, owners={change.owner, hold_owner(change)})
        except UpstreamUnavailable:
            log.warning("change.hold_not_released", change=change.id)
            return False
        return True


def _with_times(change: RequestedChange, *, now: datetime) -> RequestedChange:
    """Return the row with its times, lease and due time as they are to be written."""
    if change.state is ChangeState.OPEN:
        return change.changed(updated_at=now, lease_until=now + LEASE, due_at=now + LEASE)
    # After the end a worker releases the hold once more: the process may die right after this commit.
    return change.changed(
        updated_at=now,
        lease_owner=None,
        lease_until=None,
        due_at=follow_up_at(change, now=now) if change.ended else None,
        ended_at=now if change.ended else None,
        reason=None if change.ended else change.reason,
    )
