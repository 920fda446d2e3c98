"""What patients do with what they booked: they cancel the visit and move it, to another clinician too, and end the membership; twice, and in two tabs."""

import asyncio
import functools
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeAlias

from booking.change_quotes import CancellationQuote, MembershipEndQuote, RescheduleQuote
from booking.changes.model import ActionKind, ActionState, ChangeState, RequestedChange
from booking.checkout.model import CheckoutState
from booking.errors import DomainError
from booking.principals import Caller
from booking.refusals import Refusal
from booking.refusals.changes import CancellationQuoteChanged, RescheduleQuoteChanged
from booking.refusals.memberships import MembershipQuoteChanged
from booking.slots import Slot
from tests.simulation.process import ConnectionLost

if TYPE_CHECKING:
    from tests.simulation.patients import Patient

Quote: TypeAlias = CancellationQuote | MembershipEndQuote | RescheduleQuote

# How often a patient looks at terms that change under their hands.
LOOKS = 3


@dataclass(frozen=True, kw_only=True)
class Later:
    """One change that a patient wants, decided before they come."""

    to: Slot | None = None  # None: they cancel
    ends_membership: bool = False  # instead of either; of one who is signed in and bought a plan that recurs
    after: float = 30.0  # seconds after the page of the booking
    thinks: float = 10.0  # seconds between the quote and accepting it
    tabs: int = 1  # in which they accept the same quote
    again: "Later | None" = None  # what they want after that


async def change_later(patient: "Patient", later: Later) -> None:
    """Carry it out, with whatever gateway answers."""
    await asyncio.sleep(later.after)
    said = f"patient {patient.wish.number}"
    if (appointment_id := _visit_of(patient)) is None:
        return
    try:
        if later.ends_membership:
            await _end_membership(patient, later)
        elif later.to is None:
            await _cancel(patient, appointment_id, later)
        else:
            await _move(patient, appointment_id, later.to, later)
    except (Refusal, ConnectionLost, DomainError) as refusal:
        patient.schedule.trace.say(said, f"changes nothing: {type(refusal).__name__}")
    if later.again is not None:
        await change_later(patient, later.again)


def _caller(patient: "Patient") -> Caller:
    owner = patient.owner(patient.checkout_ids[-1])
    return replace(owner, visitor=patient.visitor.visitor or patient.visitor.principal)


def _visit_of(patient: "Patient") -> str | None:
    """The id of the visit that the patient has booked, wherever it is now."""
    rows = {row.id: row for row in patient.schedule.witness.rows()}
    row = rows[patient.checkout_ids[-1]]
    if row.state is not CheckoutState.CONFIRMED:
        return None
    new = [
        change.new_appointment_id
        for change in patient.schedule.witness.changes.rows()
        if change.checkout_id == row.id and change.state is ChangeState.DONE and change.new_appointment_id
    ]
    return new[-1] if new else row.appointment_id


async def _cancel(patient: "Patient", appointment_id: str, later: Later) -> None:
    caller = _caller(patient)
    quote = await patient.ask(lambda process: process.changes.cancellation_quote(caller, appointment_id))

    async def accept(quote: CancellationQuote) -> RequestedChange:
        patient.quotes_accepted[quote.id] = quote
        return await patient.ask(
            lambda process: process.changes.cancel(
                caller, quote_id=quote.id, reason="sample words", reason_id=None
            )
        )

    for _ in range(LOOKS):
        await asyncio.sleep(later.thinks)
        try:
            await _in_tabs(patient, later, functools.partial(accept, quote))
        except CancellationQuoteChanged as changed:
            quote = changed.quote
        else:
            return


async def _move(patient: "Patient", appointment_id: str, to: Slot, later: Later) -> None:
    caller = _caller(patient)
    quote = await patient.ask(lambda process: process.changes.reschedule_quote(caller, appointment_id))
    hold = await patient.ask(
        lambda process: process.holds.hold(patient.visitor, to.id, time_zone="America/New_York")
    )

    async def accept(quote: RescheduleQuote) -> RequestedChange:
        patient.quotes_accepted[quote.id] = quote
        return await patient.ask(
            lambda process: process.changes.reschedule(caller, quote_id=quote.id, hold_id=hold.id)
        )

    for _ in range(LOOKS):
        await asyncio.sleep(later.thinks)
        try:
            await _in_tabs(patient, later, functools.partial(accept, quote))
        except RescheduleQuoteChanged as changed:
            quote = changed.quote
        else:
            return


async def _end_membership(patient: "Patient", later: Later) -> None:
    caller = _caller(patient)
    row = next(row for row in patient.schedule.witness.rows() if row.id == patient.checkout_ids[-1])
    membership_id = row.charge.recurring_payment_id if row.charge is not None else None
    if membership_id is None:
        return
    quote = await patient.ask(lambda process: process.memberships.end_quote(caller, membership_id))

    async def accept(quote: MembershipEndQuote) -> RequestedChange:
        patient.quotes_accepted[quote.id] = quote
        return await patient.ask(lambda process: process.memberships.end(caller, quote_id=quote.id))

    for _ in range(LOOKS):
        await asyncio.sleep(later.thinks)
        try:
            await _in_tabs(patient, later, functools.partial(accept, quote))
        except MembershipQuoteChanged as changed:
            quote = changed.quote
        else:
            return


async def _in_tabs(
    patient: "Patient", later: Later, accept: Callable[[], Awaitable[RequestedChange]]
) -> None:
    """Accept in every tab; what one of them is refused is not what another is. Raises what all of them were refused with."""
    answers = await asyncio.gather(*(accept() for _ in range(later.tabs)), return_exceptions=True)
    told = [one for one in answers if isinstance(one, RequestedChange)]
    patient.changes_answered += told
    for one in answers:
        if isinstance(one, BaseException) and not isinstance(one, DomainError | ConnectionLost):
            raise one
    for change in told:
        patient.schedule.trace.say(
            f"patient {patient.wish.number}", f"is told {change.kind} {change.state}: {change.id}"
        )
    if not told:
        raise next(one for one in answers if isinstance(one, BaseException))


def done(change: RequestedChange, *kinds: ActionKind) -> bool:
    """Whether an action of one of these kinds is done."""
    return any(action.kind in kinds and action.state is ActionState.DONE for action in change.actions)
