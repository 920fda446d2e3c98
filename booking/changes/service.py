"""Application service of cancelling and moving a booked visit: quotes, and accepting them.

`ChangeService.cancel` and `.reschedule` insert a row of frozen actions; changes/driver.py carries them out.
"""

import contextlib
from collections.abc import Sequence
from datetime import timedelta

from booking.change_quotes import CancellationQuote, RescheduleQuote, subject_in
from booking.changes.accepted import AcceptedChanges
from booking.changes.access import OwnVisit, VisitAccess, by_staff
from booking.changes.cancelling import cancellation_quote
from booking.changes.driver import hold_owner
from booking.changes.model import ChangeState, RequestedChange
from booking.changes.options import change_options
from booking.changes.outcomes import outcome
from booking.changes.policy import ChangeOptions, ChangePolicy
from booking.changes.ports import Visits
from booking.changes.requests import check_note, new_cancellation, new_reschedule
from booking.changes.rescheduling import reschedule_quote
from booking.changes.visit import BookedVisit, CancellationReasonOption, Paid
from booking.errors import InvalidInput, UpstreamUnavailable
from booking.models import AppointmentStatus, Hold
from booking.ports import Clock, HoldStore
from booking.principals import Caller
from booking.refusals import HoldExpired
from booking.refusals.changes import (
    CancellationNotAllowed,
    CancellationQuoteChanged,
    CancellationReasonRequired,
    ChangeInProgress,
    RescheduleNotAllowed,
    RescheduleQuoteChanged,
)


class ChangeService:
    """Quotes and accepts changes of booked visits, for their patients and for staff; the driver does the work."""

    def __init__(
        self,
        *,
        accepted: AcceptedChanges,
        access: VisitAccess,
        visits: Visits,
        holds: HoldStore,
        clock: Clock,
        policy: ChangePolicy,
    ) -> None:
        self._accepted = accepted
        self._access = access
        self._visits = visits
        self._holds = holds
        self._clock = clock
        self._policy = policy

    @property
    def answer_within(self) -> timedelta:
        """The longest that an accepted change waits before it is answered."""
        return self._accepted.answer_within

    async def cancellation_quote(self, caller: Caller, appointment_id: str) -> CancellationQuote:
        """What cancelling the visit does now. Raises NotFound, CancellationNotAllowed, ChangeInProgress."""
        own = await self._access.get(caller, appointment_id)
        quote, _ = await self._cancellation(caller, own)
        return quote

    async def reschedule_quote(self, caller: Caller, appointment_id: str) -> RescheduleQuote:
        """What moving the visit does now. Raises NotFound, RescheduleNotAllowed, ChangeInProgress."""
        own = await self._access.get(caller, appointment_id)
        return self._reschedule(caller, own)

    async def cancel(
        self,
        caller: Caller,
        *,
        quote_id: str,
        reason: str | None,
        reason_id: str | None,
        note: str | None = None,
    ) -> RequestedChange:
        """Cancel the visit on the terms of this quote. Returns the row, done, or under way when `answer_within` is over.

        A row at needs_attention has its visit cancelled, or nobody knows; a person finishes it. Accepting the same quote again
        joins the change, or answers how it ended. Raises InvalidInput; NotFound; CancellationQuoteChanged (nothing was done),
        CancellationReasonRequired, CancellationNotAllowed, ChangeInProgress (of another quote), ChangedByPractice, ChangeFailed;
        UpstreamUnavailable (nothing was done).
        """
        answer_by = self._accepted.answer_by()
        own = await self._access.get(caller, subject_in("cancel", quote_id))
        check_note(caller, note)
        if (accepted := _cancelled_before(own, quote_id)) is not None:
            return outcome(await self._accepted.drive_until(accepted, answer_by))
        try:
            change = await self._request_cancellation(
                caller, own, quote_id=quote_id, reason=reason, reason_id=reason_id, note=note
            )
        except (CancellationNotAllowed, CancellationQuoteChanged):
            # The same quote may have been accepted elsewhere, and carried out before the visit was read.
            accepted = _cancelled_before(await self._access.get(caller, own.visit.appointment.id), quote_id)
            if accepted is None:
                raise
            change = accepted
        return outcome(await self._accepted.drive_until(change, answer_by))

    async def _request_cancellation(
        self,
        caller: Caller,
        own: OwnVisit,
        *,
        quote_id: str,
        reason: str | None,
        reason_id: str | None,
        note: str | None,
    ) -> RequestedChange:
        """Insert the row of a quote that is still the present one, or join that of another request."""
        _check_none_open(own)
        now = self._clock.now()
        quote, paid = await self._cancellation(caller, own)
        if quote.id != quote_id:
            raise CancellationQuoteChanged(quote)
        await self._check_reason(quote, reason, reason_id)
        change = new_cancellation(
            caller, own, quote, paid, reason=reason, reason_id=reason_id, note=note, now=now
        )
        return await self._insert(change, own)

    async def reschedule(
        self, caller: Caller, *, quote_id: str, hold_id: str, note: str | None = None
    ) -> RequestedChange:
        """Move the visit into the held slot, on the terms of this quote. Returns the row as `cancel`.

        Raises InvalidInput; NotFound; RescheduleQuoteChanged (nothing was done), RescheduleNotAllowed, SlotDoesNotFit,
        HoldExpired, HoldInCheckout, SlotTaken, ClinicianNotBookable, ChangeInProgress, ChangedByPractice, ChangeFailed;
        UpstreamUnavailable (nothing was done).
        """
        answer_by = self._accepted.answer_by()
        own = await self._access.get(caller, subject_in("move", quote_id))
        check_note(caller, note)
        if (accepted := _moved_before(own, quote_id, hold_id)) is not None:
            return outcome(await self._accepted.drive_until(accepted, answer_by))
        try:
            change = await self._request_move(caller, own, quote_id=quote_id, hold_id=hold_id, note=note)
        except (RescheduleNotAllowed, RescheduleQuoteChanged, HoldExpired):
            # As above; the other request has the hold then, and the visit may stand at the new time.
            again = await self._access.get(caller, own.visit.appointment.id)
            if (accepted := _moved_before(again, quote_id, hold_id)) is None:
                raise
            change = accepted
        return outcome(await self._accepted.drive_until(change, answer_by))

    async def _request_move(
        self, caller: Caller, own: OwnVisit, *, quote_id: str, hold_id: str, note: str | None
    ) -> RequestedChange:
        """Insert the row of a quote that is still the present one, with its hold, or join that of another request."""
        _check_none_open(own)
        now = (
            self._clock.now()
        )  # before the hold is read: a visit that is booked after this conflicts with the claim
        quote = self._reschedule(caller, own)
        if quote.id != quote_id:
            raise RescheduleQuoteChanged(quote)
        hold = await self._own_hold(caller, hold_id)
        change = new_reschedule(caller, own, quote, hold, note=note, now=now)
        inserted = await self._insert(change, own)
        if inserted.id == change.id:
            await self._take_over(hold, change)
        return inserted

    async def view(self, caller: Caller, change_id: str) -> RequestedChange | None:
        """Return the caller's change; None when it is another's or does not exist, without telling which."""
        return await self._access.view(caller, change_id)

    async def visit(self, change: RequestedChange) -> BookedVisit | None:
        """The visit of a change as it stands now: the new one where the change has booked one, and has not undone that."""
        booked = change.new_appointment_id if change.state is not ChangeState.REFUSED else None
        return await self._visits.get(booked or change.visit_id)

    async def options(self, visit: BookedVisit) -> ChangeOptions:
        """What its patient may still do with the visit, for showing it; whose it is, is the caller's to know."""
        paid = await self._access.paid_as_known(visit)
        return change_options(visit, paid, self._policy, now=self._clock.now())

    async def cancellation_reasons(self) -> Sequence[CancellationReasonOption]:
        """The practice's reasons for a cancellation by a patient, in its order."""
        return await self._visits.cancellation_reasons()

    async def _cancellation(self, caller: Caller, own: OwnVisit) -> tuple[CancellationQuote, Paid | None]:
        paid = await self._access.paid(own)
        now = self._clock.now()
        quote = cancellation_quote(own.visit, paid, self._policy, now=now, by_staff=by_staff(caller))
        return quote, paid

    def _reschedule(self, caller: Caller, own: OwnVisit) -> RescheduleQuote:
        return reschedule_quote(own.visit, self._policy, now=self._clock.now(), by_staff=by_staff(caller))

    async def _check_reason(
        self, quote: CancellationQuote, reason: str | None, reason_id: str | None
    ) -> None:
        """Raises CancellationReasonRequired; InvalidInput for a reason that is not of the practice's list."""
        if reason_id is not None:
            offered = await self._visits.cancellation_reasons()
            if all(one.id != reason_id for one in offered):
                raise InvalidInput(field="reasonId", reason="This is not one of the practice's reasons.")
        elif quote.reason_required and not (reason or "").strip():
            raise CancellationReasonRequired

    async def _own_hold(self, caller: Caller, hold_id: str) -> Hold:
        hold = await self._holds.get(hold_id)
        if hold is None or not caller.owns(hold.owner):
            raise HoldExpired
        return hold

    async def _insert(self, change: RequestedChange, own: OwnVisit) -> RequestedChange:
        """Insert the row; returns it, or the one of the same quote that another request has inserted since the visit was read.

        Raises ChangeInProgress.
        """
        inserted = await self._accepted.insert(change, latest=own.latest)
        if inserted is None:
            raise ChangeInProgress
        return inserted

    async def _take_over(self, hold: Hold, change: RequestedChange) -> None:
        """Give the hold to the change, so that nothing else uses it. A hold that is lost by now is not needed: the claim is final."""
        with contextlib.suppress(HoldExpired, UpstreamUnavailable):
            await self._holds.transfer(hold, owner=hold_owner(change))


def _cancelled_before(own: OwnVisit, quote_id: str) -> RequestedChange | None:
    """The visit's latest change, when it accepted this quote and that still holds: it goes on, or the visit is cancelled.

    One that was refused is not: whoever accepts the same quote again wants another try.
    """
    latest = own.latest
    if latest is None or latest.quote_id != quote_id:
        return None
    cancelled = own.visit.appointment.status is AppointmentStatus.CANCELLED
    return latest if not latest.ended or (latest.state is ChangeState.DONE and cancelled) else None


def _moved_before(own: OwnVisit, quote_id: str, hold_id: str) -> RequestedChange | None:
    """The visit's latest change, when it accepted this quote with this hold, which serves once."""
    latest = own.latest
    return latest if latest is not None and (latest.quote_id, latest.hold_id) == (quote_id, hold_id) else None


def _check_none_open(own: OwnVisit) -> None:
    if own.latest is not None and not own.latest.ended:
        raise ChangeInProgress
