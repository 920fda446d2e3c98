"""Application service of ending memberships: quotes, and accepting them. The driver of changes does the work (changes/driver.py)."""

from booking.change_quotes import MembershipEndQuote, subject_in
from booking.changes.accepted import AcceptedChanges
from booking.changes.membership import MembershipAsStands
from booking.changes.membership_end import membership_end_quote, new_membership_end
from booking.changes.model import ChangeState, RequestedChange, Subject, SubjectKind
from booking.changes.outcomes import membership_outcome
from booking.changes.ports import Memberships
from booking.changes.requests import check_note
from booking.errors import NotFound
from booking.ports import Clock
from booking.principals import Caller, PrincipalKind
from booking.refusals.memberships import MembershipChangeInProgress, MembershipOver, MembershipQuoteChanged
from booking.unit_of_work import Scope, UnitOfWorkFactory


class MembershipService:
    """Quotes and ends memberships, for their patients and for staff. A foreign membership and a missing one answer alike."""

    def __init__(
        self,
        *,
        accepted: AcceptedChanges,
        memberships: Memberships,
        units: UnitOfWorkFactory,
        clock: Clock,
    ) -> None:
        self._accepted = accepted
        self._memberships = memberships
        self._units = units
        self._clock = clock

    async def end_quote(self, caller: Caller, membership_id: str) -> MembershipEndQuote:
        """What ending the membership does now. Raises NotFound, MembershipOver; UpstreamUnavailable."""
        return membership_end_quote(await self._own(caller, membership_id))

    async def end(self, caller: Caller, *, quote_id: str, note: str | None = None) -> RequestedChange:
        """End the membership on the terms of this quote. Returns the row, done, or under way when the answer is due.

        Accepting the same quote again joins the change, or answers how it ended. A row at needs_attention may have ended it; a person
        looks after it. Raises InvalidInput; NotFound; MembershipQuoteChanged and MembershipOver (nothing was done),
        MembershipChangeInProgress (of another quote), MembershipChangeFailed; UpstreamUnavailable (nothing was done).
        """
        answer_by = self._accepted.answer_by()
        membership_id = subject_in("end-membership", quote_id)
        check_note(caller, note)
        # Before the membership is read: one that is inserted meanwhile is not the last one that was read, and conflicts.
        latest = await self._latest(membership_id)
        membership = await self._own(caller, membership_id)
        if latest is None or not _holds(latest, quote_id):
            try:
                latest = await self._request(caller, membership, quote_id, note=note, latest=latest)
            except (MembershipOver, MembershipQuoteChanged):
                # The same quote may have been accepted elsewhere, and carried out before the membership was read.
                latest = await self._latest(membership_id)
                if latest is None or not _holds(latest, quote_id):
                    raise
        return membership_outcome(await self._accepted.drive_until(latest, answer_by))

    async def _request(
        self,
        caller: Caller,
        membership: MembershipAsStands,
        quote_id: str,
        *,
        note: str | None,
        latest: RequestedChange | None,
    ) -> RequestedChange:
        """Insert the row of a quote that is still the present one, or join that of another request."""
        if latest is not None and not latest.ended:
            raise MembershipChangeInProgress
        quote = membership_end_quote(membership)
        if quote.id != quote_id:
            raise MembershipQuoteChanged(quote)
        change = new_membership_end(caller, membership, quote, note=note, now=self._clock.now())
        inserted = await self._accepted.insert(change, latest=latest)
        if inserted is None:
            raise MembershipChangeInProgress
        return inserted

    async def view(self, caller: Caller, change_id: str) -> RequestedChange | None:
        """The caller's change of a membership; None when it is another's or does not exist, without telling which."""
        async with self._units(Scope.READING) as unit:
            change = await unit.changes.get(change_id)
        if change is None or change.membership_id is None:
            return None
        return change if _has(caller, change.patient_id) else None

    async def _own(self, caller: Caller, membership_id: str) -> MembershipAsStands:
        if caller.principal.kind not in {PrincipalKind.PATIENT, PrincipalKind.STAFF}:
            raise NotFound("membership")
        of = caller.principal.patient_id
        membership = await self._memberships.get(membership_id, of=of)
        if membership is None or not _has(caller, membership.patient_id):
            raise NotFound("membership")
        return membership

    async def _latest(self, membership_id: str) -> RequestedChange | None:
        async with self._units(Scope.READING) as unit:
            subject = Subject(kind=SubjectKind.MEMBERSHIP, id=membership_id)
            changes = await unit.changes.of_subject(subject)
        return changes[-1] if changes else None


def _has(caller: Caller, patient_id: str) -> bool:
    """Whether what is of this patient is the caller's."""
    kind = caller.principal.kind
    own = kind is PrincipalKind.PATIENT and caller.principal.patient_id == patient_id
    return own or kind is PrincipalKind.STAFF


def _holds(change: RequestedChange, quote_id: str) -> bool:
    """Whether the change accepted this quote, and goes on or is done. One that was refused is tried again."""
    return change.quote_id == quote_id and (not change.ended or change.state is ChangeState.DONE)
