"""What must never be of changes of booked visits: after every commit by their rows, and at the end by Healthie's books."""

from collections.abc import Callable
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import select

from booking.change_quotes import CancellationQuote, MembershipEndQuote
from booking.changes.model import (
    Action,
    ActionKind,
    ChangeState,
    RequestedChange,
)
from booking.checkout.model import Checkout
from booking.operations.model import AttentionReason
from booking.slot_query import SlotQuery
from integrations.database.change_rows import from_row
from integrations.database.tables.changes import requested_changes
from integrations.healthie.visits import CHANGE_REFERENCE
from integrations.healthie_emulator.hours import FREEING_STATUSES
from integrations.healthie_emulator.scheduling.records import Appointment
from tests.integration.database_samples import SEALER
from tests.simulation.fate import Trouble
from tests.simulation.later import done

if TYPE_CHECKING:
    from tests.simulation.schedule import Schedule

# What goes by between the look at the visit and the execution of the request that changes it.
LOOK_TO_SEND = 25.0

_CLAIMLESS = """
    SELECT id FROM requested_changes WHERE state = 'open' AND new_starts_at IS NOT NULL
    AND id NOT IN (SELECT change_id FROM slot_claims WHERE change_id IS NOT NULL)
"""

_LEFT = """
    SELECT c.id FROM requested_changes c JOIN slot_claims s ON s.change_id = c.id
    WHERE c.state IN ('done', 'refused', 'superseded')
"""

ENDS = frozenset({ChangeState.DONE, ChangeState.REFUSED, ChangeState.SUPERSEDED})


class ChangeWitness:
    """Sees every commit, and judges the end."""

    def __init__(self, schedule: "Schedule", raw: Any, note: Callable[[str], None]) -> None:
        self._schedule = schedule
        self._raw = raw
        self.note = note
        self._known: dict[str, tuple[int, str]] = {}

    def see(self) -> None:
        """Look at the rows as they are after a commit."""
        found = self._raw.execute("SELECT id, version, state FROM requested_changes").fetchall()
        moved = False
        for change_id, version, state in found:
            known = self._known.get(change_id)
            if known == (version, state):
                continue
            moved = True
            self._known[change_id] = (version, state)
            self._schedule.trace.say("database", f"{change_id} v{version} {state}")
            if known is not None and version != known[0] + 1:
                self.note(f"stale write: {change_id} went from version {known[0]} to {version}")
            if known is not None and known[1] in ENDS and state != known[1]:
                self.note(f"an end was none: {change_id} went from {known[1]} to {state}")
        if moved:
            for (change_id,) in self._raw.execute(_CLAIMLESS):
                self.note(f"no claim before the move: {change_id}")
            for (change_id,) in self._raw.execute(_LEFT):
                self.note(f"slot blocked after the end: {change_id}")

    def rows(self) -> list[RequestedChange]:
        """Answer every change as it stands, in the order of their commits: the clocks that date them may be wrong."""
        with self._schedule.database.connect() as connection:
            found = connection.execute(select(requested_changes)).mappings().all()
        committed = list(self._known)
        return sorted((from_row(row, SEALER) for row in found), key=lambda each: committed.index(each.id))

    def gave_back(self, checkout: Checkout) -> bool:
        """Whether a change, or the practice, gave the payment of a confirmed checkout back."""
        charge = checkout.charge
        return charge is not None and (
            self._schedule.practice.given_back[charge.charge_id] > 0
            or any(
                change.payment_id == charge.billing_item_id and change.action(ActionKind.REFUND) is not None
                for change in self.rows()
            )
        )

    def left_its_place(self, checkout: Checkout) -> bool:
        """Whether the visit of a checkout may be elsewhere than it was booked."""
        visit = checkout.appointment_id
        return visit in self._schedule.practice.changed or any(
            change.appointment_id == visit is not None
            and (change.begun or change.state is ChangeState.NEEDS_ATTENTION)
            for change in self.rows()
        )

    def judge(self, *, jumped: bool) -> None:
        """Note everything that must never be and was."""
        for change in self.rows():
            self._ends(change)
            self._accepted(change)
            if change.membership_id is not None:
                self._membership(change)
                continue
            self._money(change)
            self._credit(change)
            self._visit(change)
            self._one_visit(change)
            if not jumped:
                self._practice_wins(change)

    @property
    def _world(self) -> Any:
        return self._schedule.upstream.world

    def _ends(self, change: RequestedChange) -> None:
        if change.state not in ENDS | {ChangeState.NEEDS_ATTENTION}:
            self.note(f"no end: {change.id} stands at {change.state}")
        if change.state is ChangeState.NEEDS_ATTENTION and not change.attention:
            self.note(f"nobody is told: {change.id}")
        if change.ended and change.reason is not None:
            self.note(f"words of a patient kept: {change.id}")

    def _accepted(self, change: RequestedChange) -> None:
        """What is done is what the patient accepted: no more, no less."""
        quotes = {id_: quote for one in self._schedule.patients for id_, quote in one.quotes_accepted.items()}
        quote = quotes.get(change.quote_id)
        if quote is None:
            self.note(f"quote not accepted: {change.id}")
            return
        if isinstance(quote, MembershipEndQuote):
            if [action.kind for action in change.actions] != [ActionKind.STOP_RECURRING]:
                self.note(f"more than later payments ended: {change.id}")
            return
        if not isinstance(quote, CancellationQuote):
            if any(_moves_money(action) for action in change.actions):
                self.note(f"a move moves money: {change.id}")
            return
        refund = change.action(ActionKind.REFUND)
        if (refund.amount if refund else None) != quote.refund:
            self.note(f"refund not as accepted: {change.id}")
        fee = change.action(ActionKind.CHARGE_FEE)
        if fee is not None and (quote.fee is None or fee.amount != quote.fee.amount):
            self.note(f"fee not as accepted: {change.id}")

    def _membership(self, change: RequestedChange) -> None:
        """The later payments have ended, or go on, as the row says."""
        series = self._world.recurring_payments.get(change.membership_id)
        others = [each for each in self.rows() if each.recurring_payment_id == change.membership_id]
        if change.state is ChangeState.DONE and not series.is_canceled:
            self.note(f"ended and still billed: {change.id}")
        if (
            change.state in {ChangeState.REFUSED, ChangeState.SUPERSEDED}
            and len(others) == 1
            and series.is_canceled
        ):
            self.note(f"ended as {change.state} and stopped: {change.id}")

    def _money(self, change: RequestedChange) -> None:
        stripe = self._world.stripe
        fees = [
            stripe.charges[one]
            for sent in self._schedule.upstream.sent
            if change.id in str(sent.variables.get("note") or "")
            for one in sent.charges
            if stripe.charges[one].decline is None
        ]
        accepted = change.action(ActionKind.CHARGE_FEE)
        if len(fees) > 1:
            self.note(f"fee charged twice: {change.id}")
        if fees and (
            accepted is None or accepted.amount is None or fees[0].amount != accepted.amount.amount * 100
        ):
            self.note(f"fee charged that nobody accepted: {change.id}")
        visit = self._world.appointments.get(change.appointment_id)
        if fees and visit is not None and visit.pm_status == "Late Cancellation":
            self.note(f"both fee and status: {change.id}")
        if done(change, ActionKind.CHARGE_FEE) and not fees:
            self.note(f"fee said to be charged and was not: {change.id}")
        if change.charge_id is not None:
            self._refund(change, stripe.charges[change.charge_id])

    def _refund(self, change: RequestedChange, charge: Any) -> None:
        """Never more than accepted; and never less than accepted without a person being told."""
        if charge.refunded > charge.amount:
            self.note(f"refunded more than charged: {change.id}")
        mine = [each for each in self.rows() if each.charge_id == change.charge_id]
        most = sum(
            _minor(each.action(ActionKind.REFUND))
            for each in mine
            if each.state not in {"refused", "superseded"}
        )
        by_practice = self._schedule.practice.given_back[charge.id]
        if charge.refunded - by_practice > most:
            self.note(f"refunded more than accepted: {change.id} {charge.refunded - by_practice} of {most}")
        cancelled = done(change, ActionKind.CANCEL_VISIT)
        due = _minor(change.action(ActionKind.REFUND))
        if cancelled and charge.refunded < due and change.state is not ChangeState.NEEDS_ATTENTION:
            self.note(f"cancelled without its refund: {change.id} {change.state}")

    def _credit(self, change: RequestedChange) -> None:
        """A credit that counts as given back is so in the ledger: what the visit took came back after it."""
        if not done(change, ActionKind.READ_CREDIT):
            return
        mine = [each for each in self._world.credit_changes if each.user_id == change.patient_id]
        quantity, came_back = 0, False
        for each in (one for one in mine if one.appointment_type_id == change.visit_slot.visit_type_id):
            if each.appointment_id == change.appointment_id:
                came_back = each.quantity > quantity
            quantity = each.quantity
        if not came_back:
            self.note(f"credit said to be given back and was not: {change.id}")

    def _visit(self, change: RequestedChange) -> None:
        """What the row says is so at Healthie, unless something has changed the visit since."""
        visit = self._world.appointments.get(change.appointment_id)
        same = [each for each in self.rows() if each.appointment_id == change.appointment_id]
        others = [each for each in same if each.id != change.id]
        if visit is None or visit.id in self._schedule.practice.changed:
            return
        later = [each for each in others[same.index(change) :] if each.begun]
        unclear = any(
            each.state is ChangeState.NEEDS_ATTENTION or AttentionReason.CHANGE_LANDED_LATE in each.attention
            for each in (change, *others)
        )
        if change.state is ChangeState.DONE and not later and not unclear:
            if done(change, ActionKind.CANCEL_VISIT) and _stands(visit):
                self.note(f"done and not cancelled: {change.id}")
            if done(change, ActionKind.MOVE_VISIT) and not _is_at(visit, change):
                self.note(f"done and not moved: {change.id}")
        if change.state in {ChangeState.REFUSED, ChangeState.SUPERSEDED} and not unclear:
            before = [each for each in others if each.begun]
            if not before and (
                visit.pm_status in FREEING_STATUSES or visit.starts_at != change.visit_slot.start
            ):
                self.note(f"ended as {change.state} and changed: {change.id}")
        if change.state is ChangeState.SUPERSEDED and not others and not unclear:
            self.note(f"superseded by nobody: {change.id}")

    def _one_visit(self, change: RequestedChange) -> None:
        """A reschedule has one visit standing in the end, the old or the new one."""
        new = [
            visit
            for visit in self._world.appointments
            if CHANGE_REFERENCE in str(visit.metadata) and change.id in str(visit.metadata) and _stands(visit)
        ]
        if change.state is ChangeState.NEEDS_ATTENTION:
            return
        old = self._world.appointments.get(change.appointment_id)
        touched = self._schedule.practice.changed
        if len(new) > 1:
            self.note(f"booked twice: {change.id}")
        if change.state in {ChangeState.REFUSED, ChangeState.SUPERSEDED} and new:
            self.note(f"ended as {change.state} and booked: {change.id}")
        if new and old is not None and _stands(old) and old.id not in touched:
            self.note(f"two visits stand: {change.id}")
        since = {each.appointment_id for each in self.rows()}
        if (
            done(change, ActionKind.BOOK_VISIT)
            and not new
            and not {change.new_appointment_id} & (since | {*touched})
        ):
            self.note(f"both times lost: {change.id}")

    def _practice_wins(self, change: RequestedChange) -> None:
        """Nothing changes a visit for a change that was asked for before the practice's own."""
        if Trouble.FREEZE in self._schedule.trace.troubles:
            return
        loop = self._schedule.loop
        begins = loop.time() + (change.created_at - loop.now()).total_seconds()
        ends = loop.time() + ((change.ended_at or loop.now()) - loop.now()).total_seconds()
        for at in self._schedule.practice.changed.get(change.visit_id, ()):
            for sent in self._schedule.upstream.sent:
                mine = (
                    sent.operation in {"CancelVisit", "MoveVisit"}
                    and sent.variables["id"] == change.appointment_id
                )
                if mine and begins < at < sent.decided_at - LOOK_TO_SEND and sent.decided_at <= ends:
                    self.note(f"the practice's change was not respected: {change.id}")

    async def offered_again(self) -> None:
        """Look whether the times that changes have freed are on offer again."""
        freed = [
            each
            for each in self.rows()
            if each.state is ChangeState.DONE
            and each.slot is not None
            and each.slot.start > self._schedule.loop.now()
        ]
        freed = [each for each in freed if each.appointment_id not in self._schedule.practice.changed]
        if not freed:
            return
        process = await self._schedule.onlooker()
        catalog = await process.run(process.healthie.catalog.catalog())
        for change in freed:
            slot = change.visit_slot
            if self._is_taken(change):
                continue
            day = slot.start.date()
            query = SlotQuery.of(
                catalog, visit_type_id=slot.visit_type_id, contact_type=slot.contact_type, first=day, last=day
            )
            days = await process.run(process.search.slots(query))
            if not any(
                (one.clinician_id, one.start) == (slot.clinician_id, slot.start)
                for each in days
                for one in each.slots
            ):
                self.note(f"freed and not offered again: {change.id} {slot.start}")

    def _is_taken(self, change: RequestedChange) -> bool:
        """Whether somebody has the time that the change left, or it is nobody's to take."""
        slot = change.visit_slot
        standing = any(
            visit.provider_id == slot.clinician_id
            and _stands(visit)
            and visit.starts_at < slot.end
            and slot.start < visit.starts_at + timedelta(minutes=visit.length)
            for visit in self._world.appointments
        )
        claimed = any(
            clinician == slot.clinician_id and start < slot.end and slot.start < end
            for _, _, clinician, start, end in self._schedule.witness.taken()
        )
        keys = self._world.api_keys
        has_key = any(key.user_id == slot.clinician_id for key in keys)
        return standing or claimed or not has_key


def _moves_money(action: Action) -> bool:
    return action.kind in {ActionKind.REFUND, ActionKind.CHARGE_FEE, ActionKind.STOP_RECURRING}


def _minor(action: Action | None) -> int:
    return int(action.amount.amount * 100) if action is not None and action.amount is not None else 0


def _stands(visit: Appointment) -> bool:
    return visit.deleted_at is None and visit.pm_status not in FREEING_STATUSES


def _is_at(visit: Appointment, change: RequestedChange) -> bool:
    new = change.new_slot
    return new is not None and (visit.provider_id, visit.starts_at) == (new.clinician_id, new.start)
