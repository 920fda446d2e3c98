"""Application service of memberships: quotes to end, pause and resume them, and accepting those. The driver of changes does the work (changes/driver.py)."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import TypeAlias

from booking.change_quotes import MembershipEndQuote, MembershipPauseQuote, MembershipResumeQuote, subject_in
from booking.changes.accepted import AcceptedChanges
from booking.changes.access import may_see
from booking.changes.membership import MembershipAsStands
from booking.changes.membership_end import membership_end_quote, new_membership_end
from booking.changes.membership_pause import (
    MembershipAsked,
    membership_pause_quote,
    membership_resume_quote,
    new_membership_pause,
    new_membership_resumption,
    patient_may_pause,
    paused_by_patient,
)
from booking.changes.model import ChangeState, RequestedChange, Subject, SubjectKind
from booking.changes.outcomes import membership_outcome
from booking.changes.policy import MembershipPolicy
from booking.changes.ports import Memberships
from booking.changes.requests import check_note
from booking.errors import NotFound
from booking.ports import Clock
from booking.principals import Caller, PrincipalKind
from booking.refusals.memberships import (
    MembershipChangeInProgress,
    MembershipChangeNotAllowed,
    MembershipOver,
    MembershipPauseQuoteChanged,
    MembershipQuoteChanged,
    MembershipResumeQuoteChanged,
)
from booking.unit_of_work import Scope, UnitOfWorkFactory

# The row of a quote that is still the present one; raises the refusal otherwise.
_NewRow: TypeAlias = Callable[[MembershipAsked, str, str | None], RequestedChange]

_CHANGED_SINCE = (
    MembershipOver,
    MembershipChangeNotAllowed,
    MembershipQuoteChanged,
    MembershipPauseQuoteChanged,
    MembershipResumeQuoteChanged,
)


class MembershipService:
    """Quotes, ends, pauses and resumes memberships, for their patients and for staff. A foreign membership and a missing one answer alike."""

    def __init__(
        self,
        *,
        accepted: AcceptedChanges,
        memberships: Memberships,
        units: UnitOfWorkFactory,
        clock: Clock,
        policy: MembershipPolicy,
        time_zone: str,
    ) -> None:
        self._accepted = accepted
        self._policy = policy
        self._time_zone = time_zone
        self._memberships = memberships
        self._units = units
        self._clock = clock

    async def end_quote(self, caller: Caller, membership_id: str) -> MembershipEndQuote:
        """What ending the membership does now. Raises NotFound, MembershipOver; UpstreamUnavailable."""
        return membership_end_quote(await self._own(caller, membership_id))

    async def pause_quote(self, caller: Caller, membership_id: str) -> MembershipPauseQuote:
        """What pausing it does now. Raises as end_quote, and MembershipChangeNotAllowed."""
        changes = await self._changes_of(membership_id)
        return membership_pause_quote(self._asked(caller, await self._own(caller, membership_id), changes))

    async def resume_quote(self, caller: Caller, membership_id: str) -> MembershipResumeQuote:
        """What resuming it does now. Raises as pause_quote."""
        changes = await self._changes_of(membership_id)
        return membership_resume_quote(self._asked(caller, await self._own(caller, membership_id), changes))

    async def end(self, caller: Caller, *, quote_id: str, note: str | None = None) -> RequestedChange:
        """End the membership on the terms of this quote. Returns the row, done, or under way when the answer is due.

        Accepting the same quote again joins the change, or answers how it ended. A row at needs_attention may have ended it; a person
        looks after it. Raises InvalidInput; NotFound; MembershipQuoteChanged and MembershipOver (nothing was done),
        MembershipChangeInProgress (of another quote), MembershipChangeFailed; UpstreamUnavailable (nothing was done).
        """
        return await self._accept(caller, "end-membership", quote_id, _end, note=note)

    async def pause(self, caller: Caller, *, quote_id: str, note: str | None = None) -> RequestedChange:
        """Pause it, as `end`. Raises also MembershipPauseQuoteChanged, MembershipChangeNotAllowed and MembershipChangedByPractice."""
        return await self._accept(caller, "pause-membership", quote_id, _pause, note=note)

    async def resume(self, caller: Caller, *, quote_id: str, note: str | None = None) -> RequestedChange:
        """Resume it, as `pause`. Raises MembershipResumeQuoteChanged for terms that have changed."""
        return await self._accept(caller, "resume-membership", quote_id, _resume, note=note)

    async def _accept(
        self, caller: Caller, kind: str, quote_id: str, new_row: _NewRow, *, note: str | None
    ) -> RequestedChange:
        answer_by = self._accepted.answer_by()
        membership_id = subject_in(kind, quote_id)
        check_note(caller, note)
        # Before the membership is read: one that is inserted meanwhile is not the last one that was read, and conflicts.
        changes = await self._changes_of(membership_id)
        asked = self._asked(caller, await self._own(caller, membership_id), changes)
        latest = _latest(changes)
        if latest is None or not _holds(latest, quote_id):
            try:
                latest = await self._request(asked, quote_id, new_row, note=note)
            except _CHANGED_SINCE:
                # The same quote may have been accepted elsewhere, and carried out before the membership was read.
                latest = _latest(await self._changes_of(membership_id))
                if latest is None or not _holds(latest, quote_id):
                    raise
        return membership_outcome(await self._accepted.drive_until(latest, answer_by))

    async def _request(
        self, asked: MembershipAsked, quote_id: str, new_row: _NewRow, *, note: str | None
    ) -> RequestedChange:
        """Insert the row of a quote that is still the present one, or join that of another request."""
        latest = _latest(asked.changes)
        if latest is not None and not latest.ended:
            raise MembershipChangeInProgress
        inserted = await self._accepted.insert(new_row(asked, quote_id, note), latest=latest)
        if inserted is None:
            raise MembershipChangeInProgress
        return inserted

    async def may_pause(self, membership_id: str) -> bool:
        """Whether its patient may pause a membership that bills on; asks the database only."""
        changes = await self._changes_of(membership_id)
        standing = _latest(changes)
        under_way = standing is not None and not standing.ended
        return not under_way and patient_may_pause(changes, self._policy, now=self._clock.now())

    async def may_resume(self, membership_id: str, *, paused_at: datetime | None) -> bool:
        """Whether its patient may end a pause that began then (UTC); asks the database only."""
        changes = await self._changes_of(membership_id)
        standing = _latest(changes)
        under_way = standing is not None and not standing.ended
        return not under_way and paused_by_patient(paused_at, changes)

    async def view(self, caller: Caller, change_id: str) -> RequestedChange | None:
        """The caller's change of a membership; None when it is another's or does not exist, without telling which."""
        async with self._units(Scope.READING) as unit:
            change = await unit.changes.get(change_id)
        if change is None or change.membership_id is None:
            return None
        return change if may_see(caller, change.patient_id) else None

    async def _own(self, caller: Caller, membership_id: str) -> MembershipAsStands:
        if caller.principal.kind not in {PrincipalKind.PATIENT, PrincipalKind.STAFF}:
            raise NotFound("membership")
        of = caller.principal.patient_id
        membership = await self._memberships.get(membership_id, of=of)
        if membership is None or not may_see(caller, membership.patient_id):
            raise NotFound("membership")
        return membership

    async def _changes_of(self, membership_id: str) -> Sequence[RequestedChange]:
        async with self._units(Scope.READING) as unit:
            subject = Subject(kind=SubjectKind.MEMBERSHIP, id=membership_id)
            return await unit.changes.of_subject(subject)

    def _asked(
        self, caller: Caller, membership: MembershipAsStands, changes: Sequence[RequestedChange]
    ) -> MembershipAsked:
        return MembershipAsked(
            caller=caller,
            membership=membership,
            changes=changes,
            policy=self._policy,
            now=self._clock.now(),
            time_zone=self._time_zone,
        )


def _end(asked: MembershipAsked, quote_id: str, note: str | None) -> RequestedChange:
    quote = membership_end_quote(asked.membership)
    if quote.id != quote_id:
        raise MembershipQuoteChanged(quote)
    return new_membership_end(asked.caller, asked.membership, quote, note=note, now=asked.now)


def _pause(asked: MembershipAsked, quote_id: str, note: str | None) -> RequestedChange:
    quote = membership_pause_quote(asked)
    if quote.id != quote_id:
        raise MembershipPauseQuoteChanged(quote)
    return new_membership_pause(asked, quote, note=note)


def _resume(asked: MembershipAsked, quote_id: str, note: str | None) -> RequestedChange:
    quote = membership_resume_quote(asked)
    if quote.id != quote_id:
        raise MembershipResumeQuoteChanged(quote)
    return new_membership_resumption(asked, quote, note=note)


def _latest(changes: Sequence[RequestedChange]) -> RequestedChange | None:
    return changes[-1] if changes else None


def _holds(change: RequestedChange, quote_id: str) -> bool:
    """Whether the change accepted this quote, and goes on or is done. One that was refused is tried again."""
    return change.quote_id == quote_id and (not change.ended or change.state is ChangeState.DONE)
