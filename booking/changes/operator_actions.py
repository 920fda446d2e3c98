"""Operator actions on a requested change that is on the attention list, or stuck: retry, resolve. Each is written to its history."""

from collections.abc import Mapping
from dataclasses import replace
from enum import StrEnum

from booking.changes.actions import ACTIONS
from booking.changes.model import ActionState, ChangeEndReason, ChangeState, RequestedChange
from booking.changes.writer import ChangeWriter
from booking.checkout.timing import SETTLE
from booking.errors import InvalidInput, NotFound
from booking.operations.model import AttentionReason, HistoryKind
from booking.ports import Clock
from booking.stored_names import Unknown
from booking.unit_of_work import Scope, UnitOfWorkFactory


class ChangeResolution(StrEnum):
    """How an operator resolves an escalated change."""

    DONE = "done"  # everything that was accepted is done, the rest of it by hand
    PARTLY = "partly"  # what was done stands, and nothing more will be
    REFUSED = "refused"  # nothing was changed, or it was undone by hand: the visit stands as it was


# Reasons why an action was given up: removed when it is retried, and back when it fails again.
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
        """Make a worker go on with the action at which the change was given up, or is parked.

        Due now, or as soon as the call that was sent last has landed or never will; it looks before it sends. Raises NotFound;
        InvalidInput when the change is being driven, has ended or is a newer version's; StaleChange.
        """
        before = await self._read(change_id)
        now = self._clock.now()
        if before.lease_until is not None and now < before.lease_until:
            raise InvalidInput(field="ID", reason="It is being driven at this moment.")
        if before.state not in {ChangeState.OPEN, ChangeState.NEEDS_ATTENTION}:
            raise InvalidInput(field="ID", reason="It has ended: there is nothing to retry.")
        left = tuple(why for why in before.attention if why not in _OF_AN_ACTION)
        after = _at_action_again(before).changed(state=ChangeState.OPEN, attention=left, tries=0)
        due_at = max(now, before.updated_at + SETTLE)
        if any(action.state is ActionState.FAILED for action in before.actions):
            due_at = now  # it was refused for certain
        return await self._write(before, after.changed(due_at=due_at), HistoryKind.RETRIED)

    async def resolve(self, change_id: str, resolution: ChangeResolution, *, note: str) -> RequestedChange:
        """End the change as resolved, or take one that has ended off the list. The visit and the payment are read again.

        Raises NotFound; InvalidInput when it is not on the attention list, or contradicts the resolution; StaleChange.
        """
        before = await self._read(change_id)
        if any(why not in set(AttentionReason) for why in before.attention) or isinstance(
            before.kind, Unknown
        ):
            raise InvalidInput(
                field="ID",
                reason="A newer version of Frontdoor put it on the list: resolve it with that one.",
            )
        if before.state is ChangeState.NEEDS_ATTENTION:
            after = replace(
                _resolved(before, resolution), attention=(), ended_at=self._clock.now(), due_at=None
            )
        elif before.ended and before.attention:
            if (resolution is ChangeResolution.REFUSED) != (before.state is not ChangeState.DONE):
                reason = f"It ended as {before.state}, and that stands."
                raise InvalidInput(field="--as", reason=reason)
            after = before.changed(attention=())
        else:
            raise InvalidInput(field="ID", reason="It is not on the attention list.")
        return await self._write(before, after, HistoryKind.RESOLVED, note=note)

    async def _read(self, change_id: str) -> RequestedChange:
        async with self._units(Scope.READING) as unit:
            change = await unit.changes.get(change_id)
        if change is None:
            raise NotFound("change")
        return change

    async def _write(
        self, before: RequestedChange, after: RequestedChange, kind: HistoryKind, *, note: str | None = None
    ) -> RequestedChange:
        after = after.changed(updated_at=self._clock.now(), lease_owner=None, lease_until=None)
        return await self._writer.write_for_operator(before, after, kind, operator=self._operator, note=note)


def _at_action_again(change: RequestedChange) -> RequestedChange:
    """The change with its refused action intended again, so that a driver looks for it before it sends."""
    failed = [n for n, action in enumerate(change.actions) if action.state is ActionState.FAILED]
    if not failed or any(action.state is ActionState.UNDO_INTENDED for action in change.actions):
        return change
    return change.with_action(failed[0], state=ActionState.INTENDED, ended_at=None)


def _resolved(change: RequestedChange, resolution: ChangeResolution) -> RequestedChange:
    """The change at its end. Raises InvalidInput for a resolution that its actions contradict."""
    if resolution is ChangeResolution.REFUSED:
        taken_back = dict.fromkeys((ActionState.DONE, ActionState.UNDO_INTENDED), ActionState.UNDONE)
        reason = change.end_reason or ChangeEndReason.REFUSED_UPSTREAM
        return _with_states(change, taken_back).changed(state=ChangeState.REFUSED, end_reason=reason)
    if resolution is ChangeResolution.PARTLY:
        if not change.begun:
            raise InvalidInput(
                field="--as", reason="Nothing of it was done. Resolve it as refused, or as done."
            )
        left = {ActionState.PENDING: ActionState.FAILED, ActionState.INTENDED: ActionState.FAILED}
        return _with_states(change, left).changed(state=ChangeState.DONE, end_reason=None)
    states = dict.fromkeys(ActionState, ActionState.DONE)
    return _with_states(change, states).changed(state=ChangeState.DONE, end_reason=None)


def _with_states(change: RequestedChange, states: Mapping[ActionState, ActionState]) -> RequestedChange:
    actions = (replace(action, state=states.get(action.state, action.state)) for action in change.actions)
    return change.changed(actions=tuple(actions))
