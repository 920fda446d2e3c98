"""What must never be, held against the database after every commit, and against Healthie's books at the end."""

import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from sqlalchemy import select

from booking.checkout.attempt_limits import AttemptKind
from booking.checkout.model import Checkout, EndReason
from booking.checkout.model import CheckoutState as S
from booking.checkout.service import CheckoutRules
from booking.checkout.transitions import CLAIMING, OPERATOR_TRANSITIONS, TERMINAL, at_rest, legal
from booking.operations.model import AttentionReason
from booking.principals import PrincipalKind
from booking.slots import Slot
from integrations.database.checkout_rows import from_row
from integrations.database.tables.checkouts import checkouts
from integrations.database.tables.slots import holds, slot_claims
from integrations.healthie.catalog import FREQUENCIES
from integrations.healthie.visits import REFERENCE
from integrations.healthie_emulator.hours import FREEING_STATUSES
from integrations.healthie_emulator.scheduling.records import Appointment
from tests.integration.database_samples import SEALER
from tests.simulation.change_witness import ChangeWitness
from tests.simulation.fate import LARGEST_JUMP, Trouble
from tests.simulation.shares import overheld

if TYPE_CHECKING:
    from tests.simulation.schedule import Schedule

# By which hold and since when, or by which checkout's claim; of which clinician, from when to when.
Taken = tuple[str, datetime | None, str, datetime, datetime]

OVERLAP = """
    SELECT coalesce(a.checkout_id, a.change_id), coalesce(b.checkout_id, b.change_id) FROM slot_claims a JOIN slot_claims b
    ON a.clinician_id = b.clinician_id AND a.sequence < b.sequence
    AND a.starts_at < b.ends_at AND b.starts_at < a.ends_at LIMIT 1
"""

EVENTS_OF_END = """
    SELECT name FROM practice_events WHERE kind = 'checkout' AND resource_id = ?
    AND name <> 'checkout.needs_attention'
"""

MOVES_SINCE = """
    SELECT sequence, before, after FROM checkout_events
    WHERE checkout_id = ? AND sequence > ? AND before <> after AND kind <> 'requoted' ORDER BY sequence
"""

# Reasons for a person to look that excuse nothing.
TIDYING = frozenset(
    {
        AttentionReason.PACKAGE_REMAINS,
        AttentionReason.OPEN_INVOICE,
        AttentionReason.PROVIDER_MISMATCH,
        AttentionReason.CHARGED_WRONGLY,
        AttentionReason.POSSIBLE_DUPLICATE_PATIENT,
        AttentionReason.ARCHIVED_PATIENT,
    }
)

# Reasons that give a person a payment on other terms, or of one that could not be undone.
ANNOUNCING_A_CHARGE = frozenset({AttentionReason.CHARGED_WRONGLY, AttentionReason.LATE_UNDO_FAILED})

# From the last look at the terms to the charge, with slow answers in between, for a process that is not frozen.
READ_TO_SEND = 60.0

# After an end: a worker that is killed comes back in 20 seconds, and one step before it may take a minute.
FREED_SECONDS = 120.0

# What goes by between the patient's confirm and its acceptance, and between the look at the clock and the request.
ON_THE_WAY = 120.0

# What goes by between the guards of a send and the request: its turn (2 s), its record (5 s), and some.
GUARDED_SECONDS = 20.0

# Two live holds in one clinician's time, at a moment given twice.
HELD_TWICE = """
    SELECT a.id, b.id FROM holds a JOIN holds b
    ON a.clinician_id = b.clinician_id AND a.id < b.id AND a.expires_at > ? AND b.expires_at > ?
    AND a.starts_at < b.ends_at AND b.starts_at < a.ends_at LIMIT 1
"""


class Witness:
    """Sees every commit, and judges the end."""

    def __init__(self, schedule: "Schedule") -> None:
        self._schedule = schedule
        self._raw = schedule.database.raw_connection().driver_connection
        self._raw_holds = schedule.hold_database.raw_connection().driver_connection
        self._known: dict[str, tuple[int, str]] = {}
        self._told: defaultdict[str, int] = defaultdict(
            int
        )  # the last entry of each history that was looked at
        self.ended_at: dict[str, float] = {}
        self.blocked_at: dict[str, float] = {}  # by clinician
        self.seen: list[str] = []
        self._refreshes: tuple[int | None, int] | None = None
        self.changes = ChangeWitness(schedule, self._raw, self.note)

    def see(self) -> None:
        """Look at the database as it is after a commit."""
        assert self._raw is not None
        self._schedule.committed.set()
        self._see_refreshes(self._raw)
        for (clinician_id,) in self._raw.execute("SELECT clinician_id FROM clinician_blocks"):
            self.blocked_at.setdefault(clinician_id, self._schedule.loop.time())
        rows = self._raw.execute("SELECT id, version, state FROM checkouts").fetchall()
        for checkout_id, version, state in rows:
            known = self._known.get(checkout_id)
            if known == (version, state):
                continue
            self._known[checkout_id] = (version, state)
            self._schedule.trace.say("database", f"{checkout_id} v{version} {state}")
            if state in TERMINAL and (known is None or known[1] != state):
                self.ended_at.setdefault(checkout_id, self._schedule.loop.time())
                self._schedule.loop.call_later(FREED_SECONDS, self._see_freed, checkout_id)
                if self._events_of_end(checkout_id) != [f"checkout.{state}"]:
                    self.note(f"others not told with the commit: {checkout_id} {state}")
            if known is None:
                continue
            if version != known[0] + 1:
                self.note(f"stale write: {checkout_id} went from version {known[0]} to {version}")
            self._see_moves(checkout_id, known[1], state)
        self.changes.see()
        if (clash := self._raw.execute(OVERLAP).fetchone()) is not None:
            self.note(f"overlapping claims: {clash[0]} and {clash[1]}")

    def _see_moves(self, checkout_id: str, known: str, state: str) -> None:
        """Look how the row came from the state that it was seen at to this one: by its history, and by legal moves only."""
        assert self._raw is not None
        told = self._raw.execute(MOVES_SINCE, (checkout_id, self._told[checkout_id])).fetchall()
        path = [known]
        for sequence, before, after in told:
            self._told[checkout_id] = sequence
            if before != path[-1]:
                self.note(f"not told how: {checkout_id} came from {path[-1]} to {before}")
            path.append(after)
        if path[-1] != state:
            self.note(f"not told how: {checkout_id} came from {path[-1]} to {state}")
        for before, after in pairwise(path):
            if not legal(before, after) and after not in OPERATOR_TRANSITIONS.get(before, ()):
                self.note(f"illegal move: {checkout_id} from {before} to {after}")

    def _see_refreshes(self, raw: Any) -> None:
        refreshes = raw.execute("SELECT sum(marks), count(lease_owner) FROM resource_marks").fetchone()
        if refreshes != self._refreshes:
            self._refreshes = refreshes
            self._schedule.refreshes_changed.set()

    def _events_of_end(self, checkout_id: str) -> list[str]:
        """Answer how other systems were told that the checkout ended."""
        assert self._raw is not None
        found = self._raw.execute(EVENTS_OF_END, (checkout_id,)).fetchall()
        return [name for (name,) in found]

    def see_holds(self) -> None:
        """Look at the holds after a change of them. What has expired is told by clocks that agree."""
        assert self._raw_holds is not None
        now = int(self._schedule.loop.now().timestamp() * 1e6)
        clash = self._raw_holds.execute(HELD_TWICE, (now, now)).fetchone()
        if clash is not None and not self._jumped:
            self.note(f"held twice: {clash[0]} and {clash[1]}")
        # What a checkout stood on before its store was emptied is taken again without asking for room.
        if not self._jumped and Trouble.HOLDS_EMPTIED not in self._schedule.trace.troubles:
            self._see_shares()

    def _see_shares(self) -> None:
        """Look how much of each clinician's day people hold who have neither signed in nor confirmed."""
        with self._schedule.database.connect() as connection:
            confirmed = select(checkouts.c.hold_id).where(checkouts.c.attempt > 0)
            known = set(connection.execute(confirmed).scalars())
        with self._schedule.hold_database.connect() as connection:
            world, now = self._schedule.upstream.world, self._schedule.loop.now()
            for clinician_id, day in overheld(connection, world, confirmed=known, now=now):
                self.note(f"strangers hold a day: of {clinician_id} on {day}")

    def _see_freed(self, checkout_id: str) -> None:
        """Look whether a checkout that has ended left its hold behind; with more than one trouble nobody may have come to it."""
        if len(self._schedule.trace.troubles) > 1 or {Trouble.FREEZE, Trouble.CLOCK_JUMP} & set(
            self._schedule.trace.troubles
        ):
            return
        rows = {row.hold_id: row for row in self.rows()}  # the newest on each hold
        now = self._schedule.loop.now()
        with self._schedule.hold_database.connect() as connection:
            live = set(connection.execute(select(holds.c.id).where(holds.c.expires_at > now)).scalars())
        for hold_id, row in rows.items():
            if row.id == checkout_id and hold_id in live:
                self.note(f"hold left behind: {hold_id} of {checkout_id}")

    def taken(self) -> set[Taken]:
        """Answer what is held and claimed now. What was free in between is taken by another hold, or by the same one anew."""
        span = holds.c.clinician_id, holds.c.starts_at, holds.c.ends_at
        held = select(holds.c.id, holds.c.created_at, *span).where(
            holds.c.expires_at > self._schedule.loop.now()
        )
        claimed = select(slot_claims)
        with self._schedule.hold_database.connect() as connection:
            live = connection.execute(held).all()
        with self._schedule.database.connect() as connection:
            rest = connection.execute(claimed).all()
        return {(*row,) for row in live} | {
            (row.checkout_id or row.change_id, None, row.clinician_id, row.starts_at, row.ends_at)
            for row in rest
        }

    def offered(self, slots: Iterable[Slot], taken: set[Taken]) -> None:
        """Hold what was offered against what was taken all the while."""
        for slot in slots:
            for *_, clinician_id, start, end in taken:
                same = slot.clinician_id == clinician_id and not self._jumped
                if same and start < slot.end and slot.start < end:
                    self.note(f"offered though taken: {slot.clinician_id} at {slot.start}")

    @property
    def _window(self) -> float:
        """Seconds from a confirm to the last charge: one process's clock says when it ends, another's that it has not."""
        return CheckoutRules().confirm_window.total_seconds() + (
            2 * LARGEST_JUMP if self._jumped else ON_THE_WAY
        )

    @property
    def _jumped(self) -> bool:
        return Trouble.CLOCK_JUMP in self._schedule.trace.troubles

    def note(self, violation: str) -> None:
        """Note what must never be."""
        if violation not in self.seen:
            self.seen.append(violation)
            self._schedule.trace.say("witness", f"VIOLATION {violation}")

    def next_due(self) -> datetime | None:
        """Answer when a worker will next find something due."""
        assert self._raw is not None
        found = self._raw.execute(
            "SELECT min(max(due_at, coalesce(lease_until, due_at))) FROM (SELECT due_at, lease_until FROM checkouts"
            " UNION ALL SELECT due_at, lease_until FROM requested_changes) WHERE due_at IS NOT NULL"
        ).fetchone()
        return (
            None
            if found[0] is None
            else datetime.fromtimestamp(found[0] / 1e6, tz=self._schedule.loop.now().tzinfo)
        )

    def next_refresh(self) -> datetime | None:
        """Answer when a worker will next find a pending refresh due."""
        assert self._raw is not None
        found = self._raw.execute(
            "SELECT min(max(due_at, coalesce(lease_until, due_at))) FROM resource_marks WHERE due_at IS NOT NULL"
        ).fetchone()
        if found[0] is None:
            return None
        return datetime.fromtimestamp(found[0] / 1e6, tz=self._schedule.loop.now().tzinfo)

    def rows(self) -> list[Checkout]:
        """Answer every checkout as it stands."""
        with self._schedule.database.connect() as connection:
            found = connection.execute(select(checkouts).order_by(checkouts.c.id)).mappings().all()
        return [from_row(row, SEALER) for row in found]

    def judge(self) -> list[str]:
        """Answer everything that must never be and was."""
        rows = self.rows()
        for row in rows:
            self._rests(row)
            self._money(row)
            self._truth(row)
            self._guarded(row)
            self._own_record(row)
        self.changes.judge(jumped=self._jumped)
        self._slots(rows)
        self._answered(rows)
        self._counted(rows)
        self._cards(rows)
        self._audited()
        for error in self._schedule.unhandled:
            self.note(f"unhandled error: {error}")
        return self.seen

    def _rests(self, row: Checkout) -> None:
        if not at_rest(row) or row.state not in TERMINAL | {S.NEEDS_ATTENTION}:
            self.note(f"no end: {row.id} stands at {row.state}")
        if row.state not in TERMINAL and self._events_of_end(row.id):
            self.note(f"others told of an end that was none: {row.id} is {row.state}")

    def _charges(self, row: Checkout) -> list[Any]:
        """Every charge that took money for this checkout, by what was asked when it was sent."""
        stripe = self._schedule.upstream.world.stripe
        ids = [
            charge
            for sent in self._schedule.upstream.sent
            if row.id in str(sent.variables.get("note") or "")
            for charge in sent.charges
        ]
        return [charge for one in ids if (charge := stripe.charges[one]).decline is None]

    def _money(self, row: Checkout) -> None:
        charges, quote = self._charges(row), row.quote
        if len(charges) > 1:
            self.note(f"charged twice: {row.id} {[charge.amount for charge in charges]}")
        due = int(quote.due_today.amount * 100)
        for charge in charges:
            if charge.amount != due or self._unaccepted_series(row, charge):
                self._on_other_terms(row, charge)
            if not self._chosen(row, charge):
                self.note(f"card not chosen: {row.id}")
        kept = [charge for charge in charges if charge.refunded < charge.amount]
        listed = _listed(row)
        if kept and row.state is not S.CONFIRMED and not listed:
            self.note(f"charged and not booked: {row.id} is {row.state}")
        if row.state is S.CONFIRMED and due and not kept and not listed and not self.changes.gave_back(row):
            self.note(f"booked without the money: {row.id}")
        if row.state is S.REFUNDED and kept and not listed:
            self.note(f"refunded and not given back: {row.id}")
        if not listed:
            self._recurring(row)
        taken = row.state is S.REFUNDED and row.end_reason is EndReason.SLOT_TAKEN
        if taken and not self._jumped and not self._outsiders_took(row):
            self.note(f"charged and given back for a slot of ours: {row.id}")

    def _on_other_terms(self, row: Checkout, charge: Any) -> None:
        """The practice changed them after the last look; the money went back, or a person was told of this."""
        upstream = self._schedule.upstream
        if not upstream.terms_changed_at:
            self.note(f"wrong terms: {row.id} charged {charge.amount}, quoted {row.quote.due_today}")
            return
        sent = next(one for one in upstream.sent if charge.id in one.charges)
        frozen = Trouble.FREEZE in self._schedule.trace.troubles
        if sent.decided_at > max(upstream.terms_changed_at) + READ_TO_SEND and not frozen:
            self.note(f"charged on terms that had changed: {row.id}")
        answers = bool(ANNOUNCING_A_CHARGE & set(row.attention))
        unnamed = upstream.world.switches.drop_note and _listed(
            row
        )  # whose it is nobody can know for certain
        if charge.refunded < charge.amount and not (answers or unnamed):
            self.note(f"charged on other terms and kept: {row.id} is {row.state}, {row.attention}")

    def _series(self, charge: Any) -> Any:
        """The recurring payment that a charge began."""
        world = self._schedule.upstream.world
        begun = [item for item in world.billing_items if item.stripe_charge_id == charge.id]
        found = [world.recurring_payments.get(item.recurring_payment_id) for item in begun]
        return next((one for one in found if one is not None), None)

    def _unaccepted_series(self, row: Checkout, charge: Any) -> bool:
        series, stated = self._series(charge), row.quote.recurrence
        return series is not None and (
            stated is None or FREQUENCIES[series.billing_frequency.casefold()] is not stated.frequency
        )

    def _recurring(self, row: Checkout) -> None:
        """No recurring payment goes on but the accepted one of a confirmed checkout."""
        for charge in self._charges(row):
            series = self._series(charge)
            if series is None or series.is_canceled:
                continue
            if row.state is not S.CONFIRMED:
                self.note(f"refunded and still billed: {row.id}")
            elif self._unaccepted_series(row, charge):
                self.note(f"billed as nobody accepted: {row.id}")

    def _chosen(self, row: Checkout, charge: Any) -> bool:
        """Whether the card is one that this patient gave in this checkout."""
        given = {
            token for patient in self._schedule.patients for token in patient.tokens_given.get(row.id, ())
        }
        return any(
            card.stripe_id == charge.card and self._schedule.upstream.card_tokens.get(card.stripe_id) in given
            for card in self._schedule.upstream.world.cards
        )

    def _outsiders_took(self, row: Checkout) -> bool:
        ours = {one for sent in self._schedule.upstream.sent for one in sent.appointments}
        slot = row.slot
        if any(
            clinician == slot.clinician_id and start < slot.end and slot.start < end
            for clinician, start, end in self._schedule.practice.moved_to
        ):
            return True
        return any(
            (visit.id not in ours or visit.id in self._schedule.practice.changed) and _overlaps(visit, row)
            for visit in self._schedule.upstream.world.appointments
        )

    def _visits(self, row: Checkout) -> list[Appointment]:
        """The live appointments that carry this checkout's reference."""
        return [
            visit
            for visit in self._schedule.upstream.world.appointments
            if visit.deleted_at is None and REFERENCE in str(visit.metadata) and row.id in str(visit.metadata)
        ]

    def _truth(self, row: Checkout) -> None:
        visits = self._visits(row)
        listed = _listed(row)
        if len(visits) > 1 and not listed:
            self.note(f"booked twice: {row.id}")
        if row.state is S.CONFIRMED and not listed:
            if not visits and row.appointment_id not in self._schedule.practice.changed:
                self.note(f"confirmed and not booked: {row.id}")
            for visit in visits:
                if self.changes.left_its_place(row):
                    continue
                if visit.provider_id != row.slot.clinician_id:
                    self.note(f"wrong clinician: {row.id} {visit.provider_id}")
                if (visit.starts_at, visit.appointment_type_id) != (row.slot.start, row.slot.visit_type_id):
                    self.note(f"wrong visit: {row.id}")
        if row.state in TERMINAL - {S.CONFIRMED} and visits and not listed:
            self.note(f"ended as {row.state} and booked: {row.id}")

    def _own_record(self, row: Checkout) -> None:
        """A guest who has not verified their email address writes into no record that was there before their checkout."""
        if not row.owner.startswith(f"{PrincipalKind.GUEST}:") or row.email_verified_at is not None:
            return
        tokens = {
            token for patient in self._schedule.patients for token in patient.tokens_given.get(row.id, ())
        }
        written: set[str] = {row.patient_id} if row.patient_id else set()
        for sent in self._schedule.upstream.sent:
            given = sent.variables
            if sent.operation == "Charge" and row.id in str(given.get("note")):
                written.add(given["sender_id"])
            if sent.operation == "Book" and row.id in str(given.get("metadata")):
                written.add(given["user_id"])
            if sent.operation == "AttachCard" and given["token"] in tokens:
                written.add(given["user_id"])
        for patient_id in sorted(written):
            made_for = str(self._schedule.upstream.world.users[patient_id].metadata)
            if row.id not in made_for:
                self.note(f"guest in another's record: {row.id} in {patient_id}")

    def _slots(self, rows: Sequence[Checkout]) -> None:
        with self._schedule.database.connect() as connection:
            claimed = {one for (one,) in connection.execute(select(slot_claims.c.checkout_id)) if one}
        for row in rows:
            if row.state in CLAIMING and row.id not in claimed:
                self.note(f"claim missing: {row.id} stands at {row.state}")
            if row.state not in CLAIMING and row.id in claimed:
                self.note(f"slot blocked after the end: {row.id} is {row.state}")
        now = self._schedule.loop.now()
        with self._schedule.hold_database.connect() as connection:
            for hold in connection.execute(select(holds)).mappings():
                if hold["expires_at"] > now:
                    self.note(f"hold outlives everything: {hold['id']}")
        self._no_overlap(self._schedule.upstream.world.appointments)

    def _no_overlap(self, visits: Iterable[Appointment]) -> None:
        ours = {one for sent in self._schedule.upstream.sent for one in sent.appointments}
        by_clinician: dict[str, list[Appointment]] = defaultdict(list)
        for visit in visits:
            if visit.deleted_at is None and visit.pm_status not in FREEING_STATUSES:
                by_clinician[visit.provider_id].append(visit)
        for booked in by_clinician.values():
            booked.sort(key=lambda visit: visit.starts_at)
            for one, other in pairwise(booked):
                ends = one.starts_at + timedelta(minutes=one.length)
                if other.starts_at < ends and {one.id, other.id} & ours:
                    self.note(f"overlapping appointments: {one.id} and {other.id}")

    def _answered(self, rows: Sequence[Checkout]) -> None:
        """Nothing is charged after the patient was told that it is over, nor after the deadline of their last confirm."""
        charging = [sent for sent in self._schedule.upstream.sent if sent.operation == "Charge"]
        for row in rows:
            mine = [sent for sent in charging if row.id in str(sent.variables.get("note"))]
            ends = [
                t.at for p in self._schedule.patients for t in p.answers if t.checkout_id == row.id and t.over
            ]
            confirms = [t for p in self._schedule.patients for t in p.confirmed_at.get(row.id, ())]
            said = {t.what for p in self._schedule.patients for t in p.answers if t.checkout_id == row.id}
            if S.CONFIRMED in said and row.state is not S.CONFIRMED:
                self.note(f"told confirmed and is {row.state}: {row.id}")
            for sent in mine:
                if ends and sent.decided_at > min(ends):
                    self.note(f"charge sent after the end was told: {row.id}")
                if sent.decided_at > max(confirms) + self._window:
                    self.note(f"charge sent after the deadline: {row.id}")

    def _guarded(self, row: Checkout) -> None:
        """Nothing is sent for a blocked clinician, nothing charged once it is too late, and no hold given up before its time."""
        troubles = set(self._schedule.trace.troubles)
        if self._jumped:
            return
        ends = row.hold_expires_at
        unconfirmed = row.state is S.EXPIRED and row.confirm_deadline is None
        if (
            unconfirmed
            and row.end_reason is EndReason.HOLD_EXPIRED
            and row.ended_at
            and ends
            and row.ended_at < ends
        ):
            self.note(f"hold given up before its time: {row.hold_id} of {row.id}")
        if Trouble.FREEZE in troubles:
            return
        blocked = self.blocked_at.get(row.slot.clinician_id, math.inf)
        for sent in self._schedule.upstream.sent:
            charge = sent.operation == "Charge" and row.id in str(sent.variables.get("note"))
            book = sent.operation == "Book" and row.id in str(sent.variables.get("metadata"))
            if (charge or book) and sent.decided_at > blocked + GUARDED_SECONDS:
                self.note(f"sent for a blocked clinician: {sent.operation} of {row.id}")
            until = row.quote.policy.bookable_until(row.slot.start) if charge else row.slot.start
            if (charge or book) and sent.decided_at > self._time_of(until) + GUARDED_SECONDS:
                self.note(f"sent too late: {sent.operation} of {row.id}")

    def _time_of(self, moment: datetime) -> float:
        """The loop's time then."""
        loop = self._schedule.loop
        return loop.time() + (moment - loop.now()).total_seconds()

    def _counted(self, rows: Sequence[Checkout]) -> None:
        for what in ("appointment_id", "billing_item_id"):
            found = [
                row.charge.billing_item_id
                if what == "billing_item_id" and row.charge
                else None
                if what == "billing_item_id"
                else row.appointment_id
                for row in rows
            ]
            ids = [one for one in found if one is not None]
            if len(ids) != len(set(ids)):
                self.note(f"counted twice: {what}")

    def _cards(self, rows: Sequence[Checkout]) -> None:
        """No card is counted as tried that never came to Healthie; what a killed process had counted stays so."""
        tried = [sent for sent in self._schedule.upstream.sent if sent.operation == "AttachCard"]
        counted = [
            names
            for process in self._schedule.processes
            if process.fate.alive
            for what, names, *_ in process.attempts.counted
            if what is AttemptKind.CARD
        ]
        for owner in {row.owner for row in rows}:
            given = {
                token
                for patient in self._schedule.patients
                for row in rows
                if row.owner == owner
                for token in patient.tokens_given.get(row.id, ())
            }
            came = [s for s in tried if s.executed_at is not None and s.variables["token"] in given]
            if sum(owner in names for names in counted) > len(came):
                self.note(f"counted a card that was not sent: {owner}")

    def _audited(self) -> None:
        """Every request was recorded before it was sent, and its end as well where its sender lived to see it."""
        for sent in self._schedule.upstream.sent:
            if not sent.recorded:
                self.note(f"sent without an audit record: {sent.operation} of {sent.process}")
        for process in self._schedule.processes:
            for operation in process.records.without_end():
                self.note(f"no end on record: {operation} of {process.fate.name}")


def _listed(row: Checkout) -> bool:
    """Whether a person has been told that money or visit may be wrong; not merely that a paper is to be tidied away."""
    return row.state is S.NEEDS_ATTENTION or bool(set(row.attention) - TIDYING)


def _overlaps(visit: Appointment, row: Checkout) -> bool:
    return (
        visit.provider_id == row.slot.clinician_id
        and visit.starts_at < row.slot.end
        and row.slot.start < visit.starts_at + timedelta(minutes=visit.length)
    )
