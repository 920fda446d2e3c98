"""Operator actions on a change that is on the attention list: retry and resolve. Each is written to its history."""

from datetime import datetime
from enum import StrEnum

from booking.changes.actions import ACTIONS
from booking.changes.model import Action, ActionState, ChangeState, RequestedChange
from booking.changes.writer import ChangeWriter
from booking.checkout.timing import SETTLE
from booking.errors import InvalidInput, NotFound
from booking.operations.model import AttentionReason, HistoryKind
from booking.ports import Clock
from booking.unit_of_work import Scope, UnitOfWorkFactory


class ChangeResolution(StrEnum):
    """How an operator resolves a change that needs attention."""

    DONE = "done"  # what was accepted is so
    REFUSED = "refused"  # the visit stands as it was, and nothing was charged or given back


# Reasons why an action was escalated: removed when it is retried, and back when it fails again.
_OF_AN_ACTION = {
    *(record.attention for record in ACTIONS.values()),
    AttentionReason.OUT_OF_TRIES,
    AttentionReason.APPOINTMENT_NOT_DELETED,
    AttentionReason.NOT_PERMITTED,
}


class ChangeOperatorActions:
    """The actions; `operator` is the login name that history records."""

    def __init__(self, *, units: UnitOfWorkFactory, clock: Clock, operator: str) -> None:
        self._units = units
        self._writer = ChangeWriter(units=units)
        self._clock = clock
        self._operator = operator

    async def retry(self, change_id: str) -> RequestedChange:
        """Make a worker retry the action that failed, after a look for what became of it; or drive a parked row sooner.

        Due now, or as soon as the call that was sent last has landed or never will. Raises NotFound; InvalidInput when the row is
        being driven, or has ended; StaleChange, UnknownState.
        """
        before = await self._read(change_id)
        now = self._clock.now()
        if before.lease_until is not None and now < before.lease_until:
            raise InvalidInput(field="ID", reason="It is being driven at this moment.")
        if before.state not in {ChangeState.OPEN, ChangeState.NEEDS_ATTENTION}:
            raise InvalidInput(field="ID", reason="It has ended: there is nothing to retry.")
        left = tuple(why for why in before.attention if why not in _OF_AN_ACTION)
        after = before.changed(
            state=ChangeState.OPEN,
            actions=tuple(map(_again, before.actions)),
            attention=left,
            tries=0,
            due_at=self._settled(before, now=now),
        )
        return await self._write(before, after, HistoryKind.RETRIED, note=None)

    async def resolve(self, change_id: str, resolution: ChangeResolution, *, note: str) -> RequestedChange:
        """Take the change off the attention list: a person has finished it, or undone it. Nothing is sent.

        One that is done stays done. Raises NotFound; InvalidInput when it is not on the list; StaleChange, UnknownState.
        """
        before = await self._read(change_id)
        now = self._clock.now()
        if before.state is ChangeState.DONE and before.attention:
            if resolution is not ChangeResolution.DONE:
                raise InvalidInput(field="--as", reason="It is done, and that stands. Resolve it as done.")
            after = before.changed(attention=())
        elif before.state is ChangeState.NEEDS_ATTENTION:
            after = before.changed(
                state=ChangeState(resolution), attention=(), tries=0, due_at=None, ended_at=now
            )
        else:
            raise InvalidInput(field="ID", reason="It is not on the attention list.")
        return await self._write(before, after, HistoryKind.RESOLVED, note=note)

    def _settled(self, before: RequestedChange, *, now: datetime) -> datetime:
        """When a driver may look: the call that was sent last has landed by then, or never will."""
        if any(action.state is ActionState.FAILED for action in before.actions):
            return now  # it was refused for certain
        return max(now, before.updated_at + SETTLE)

    async def _read(self, change_id: str) -> RequestedChange:
        async with self._units(Scope.READING) as unit:
            change = await unit.changes.get(change_id)
        if change is None:
            raise NotFound("change")
        return change

    async def _write(
        self, before: RequestedChange, after: RequestedChange, kind: HistoryKind, *, note: str | None
    ) -> RequestedChange:
        after = after.changed(updated_at=self._clock.now(), lease_owner=None, lease_until=None)
        return await self._writer.write_for_operator(before, after, kind, operator=self._operator, note=note)


def _again(action: Action) -> Action:
    """The action as it is retried: what was refused is intended again, with its former intent time."""
    if action.state is not ActionState.FAILED:
        return action
    return Action(
        kind=action.kind,
        state=ActionState.INTENDED,
        amount=action.amount,
        intended_at=action.intended_at,
        result=action.result,
    )
