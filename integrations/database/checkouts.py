"""The repository of checkouts: optimistic locking, and the queries of workers and operators. Mapping: checkout_rows.py."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Integer, Select, and_, bindparam, or_, select, text, tuple_, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from booking.checkout.guards import SendFacts
from booking.checkout.model import Checkout, CheckoutState
from booking.checkout.transitions import CALLING, TERMINAL, UNDER_WAY
from booking.errors import AlreadyCounted, StaleCheckout, UnknownState
from booking.events.model import DomainEvent
from booking.operations.model import CheckoutSummary, HistoryEntry, ListCursor
from booking.refusals import PaymentInProgress
from booking.stored_names import Unknown
from integrations.database.checkout_rows import from_row, to_row, to_summary, with_unknown_parts
from integrations.database.columns import UtcTime, breaks_unique
from integrations.database.direct import driver_reads
from integrations.database.leases import is_due
from integrations.database.saving import Write, add, save
from integrations.database.sealing import Sealer
from integrations.database.tables.checkouts import NOT_ENDED, NOT_OVER, OVER_RARELY, RARE_ENDS, checkouts

# An insert that loses the race for a hold, and then finds the winner ended, tries again; three losses in a row do not happen.
_ADD_TRIES = 3

# Bounds of how long `defer` puts off a row whose drive failed before it could write its own due time: longer than a
# passing fault lasts, and no longer than the patient or the practice should wait once the fault is fixed.
_SHORTEST_REST = timedelta(seconds=5)
_LONGEST_REST = timedelta(minutes=5)

_c = checkouts.c

# Built once: a statement with so many columns takes as long to build as to execute.
_BY_ID = driver_reads(select(checkouts).where(_c.id == bindparam("wanted")))
_NOT_ENDED, _NOT_OVER, _OVER_RARELY = text(NOT_ENDED), text(NOT_OVER), text(OVER_RARELY)
_LIVE_FOR_HOLD = driver_reads(select(checkouts).where(_c.hold_id == bindparam("wanted"), _NOT_ENDED))
_NOTE_HOLD = (
    update(checkouts)
    .where(_c.hold_id == bindparam("wanted"), _NOT_ENDED)
    .values(hold_expires_at=bindparam("expires_at", type_=UtcTime))
)
_OF_PATIENT = select(checkouts).where(_c.patient_id == bindparam("wanted"), _c.id != bindparam("besides"))
_BOOKED = select(checkouts).where(_c.appointment_id == bindparam("wanted"))
_NOW = bindparam("now", type_=UtcTime)
_DUE_NOW = is_due(checkouts, _NOW)
_DUE = (
    select(_c.id)
    .where(_DUE_NOW, _c.state.in_(sorted(CheckoutState)))
    .order_by(_c.state.in_(sorted(TERMINAL)), _c.due_at, _c.id)
    .limit(bindparam("most", type_=Integer))
)
_LISTED = select(
    _c.id,
    _c.state,
    _c.attention,
    _c.clinician_id,
    _c.starts_at,
    _c.tries,
    _c.created_at,
    _c.updated_at,
    _c.due_at,
).order_by(_c.created_at.desc(), _c.id.desc())


class SqlCheckouts:
    """Implements the repository of checkouts inside one transaction."""

    def __init__(self, connection: AsyncConnection, sealer: Sealer) -> None:
        self._connection = connection
        self._sealer = sealer
        self.written: list[Checkout] = []  # rows written in this transaction so far
        self.events: list[DomainEvent] = []  # events written with them
        self.facts: list[tuple[Checkout, SendFacts]] = []  # what was read with them, on PostgreSQL
        self.refused = False  # whether a constraint rejected a write, which ends a PostgreSQL transaction

    async def add(self, checkout: Checkout, *, history: Sequence[HistoryEntry] = ()) -> Checkout | None:
        """Insert at version 1; returns None, or, with nothing inserted, the live checkout that has the hold already.

        The `history` entries are written with it; on PostgreSQL both are one statement.
        """
        row = to_row(replace(checkout, version=1), self._sealer)
        for _ in range(_ADD_TRIES):
            if await add(self._connection, row, history):
                self.written.append(checkout)
                return None
            if (standing := await self.live_for_hold(checkout.hold_id)) is not None:
                return standing
        raise StaleCheckout(checkout.id)

    async def get(self, checkout_id: str) -> Checkout | None:
        """Read a row, also one of a newer release; None: no such row. Raises UnknownState when its documents cannot be read."""
        return await self._one(_BY_ID, checkout_id)

    async def live_for_hold(self, hold_id: str) -> Checkout | None:
        """Return the checkout on this hold that has not ended."""
        return await self._one(_LIVE_FOR_HOLD, hold_id)

    async def save(
        self,
        checkout: Checkout,
        *,
        was: Checkout | None = None,
        history: Sequence[HistoryEntry] = (),
        frees_claim: bool = False,
        events: Sequence[DomainEvent] = (),
    ) -> Checkout:
        """Write the row and return it at its next version. Rejects the write when the version has moved on (optimistic locking).

        The `history` entries and the `events` are written with it, and the slot claim goes with `frees_claim`; on PostgreSQL all
        of it is one statement.

        Writes only the columns that differ from `was`, the row as read at that version; None: all columns. Raises
        StaleCheckout, with the transaction still usable; PaymentInProgress, and AlreadyCounted when another row has the
        billing item or appointment: both end the transaction. UnknownState: the row is at a state of a newer release.
        """
        if was is not None and (was.id, was.version) != (checkout.id, checkout.version):
            raise AssertionError("`was` is another row, or another version of it")
        if isinstance(checkout.state, Unknown) or (was is not None and isinstance(was.state, Unknown)):
            raise UnknownState(checkout.id)  # only the release that knows the state knows its transitions
        saved = checkout.changed(version=checkout.version + 1)
        row = to_row(saved, self._sealer, was=was)
        # An empty list has no parts that only a newer release knows.
        if "attempts" in row and (was is None or was.attempts):
            row["attempts"] = with_unknown_parts(row["attempts"], await self._attempts(checkout.id))
        row |= {"id_read": checkout.id, "version_read": checkout.version}
        write = Write(row=row, history=history, frees_claim=frees_claim, events=events)
        facts = await self._write(checkout.id, write)
        self.written.append(saved)
        self.events += events
        if facts is not None:
            self.facts.append((saved, facts))
        return saved

    async def due(self, now: datetime, *, limit: int) -> Sequence[str]:
        """Return ids of rows whose `due_at` (UTC) has come and that are not leased, longest due first.

        Ended rows, which are only followed up, come after all others. Rows at a state of a newer release are left out.
        """
        return (await self._connection.scalars(_DUE, {"now": now, "most": limit})).all()

    async def defer(self, checkout_id: str, *, now: datetime) -> None:
        """Put off a row that is due and not leased, even one that cannot be read.

        Puts it off by the time since its last write, at least 5 s and at most 5 min. The version stays, so that a write
        of the row as it was read is still accepted.
        """
        query = select(_c.version, _c.updated_at).where(_c.id == checkout_id, _DUE_NOW)
        found = (await self._connection.execute(query, {"now": now})).first()
        if found is not None:
            version, written = found
            due = now + min(max(now - written, _SHORTEST_REST), _LONGEST_REST)
            where = _c.id == checkout_id, _c.version == version
            await self._connection.execute(update(checkouts).where(*where).values(due_at=due))

    async def note_hold(self, hold_id: str, *, expires_at: datetime) -> None:
        """Write the hold's expiry (UTC) to the live checkout on it, if there is one; the version stays."""
        await self._connection.execute(_NOTE_HOLD, {"wanted": hold_id, "expires_at": expires_at})

    async def of_patient(self, patient_id: str, *, besides: str) -> Sequence[Checkout]:
        """Return the patient's checkouts other than `besides`."""
        found = await self._connection.execute(_OF_PATIENT, {"wanted": patient_id, "besides": besides})
        return [from_row(row, self._sealer) for row in found.mappings()]

    async def booked(self, appointment_id: str) -> Checkout | None:
        """Return the checkout that booked this visit."""
        return await self._one(_BOOKED, appointment_id)

    async def awaiting(
        self, state: CheckoutState, *, checkout_id: str | None, patient_id: str | None
    ) -> Sequence[str]:
        """Return ids of rows at this state without a lease: the named checkout, or else those of the patient."""
        whose = _c.id == checkout_id if checkout_id is not None else _c.patient_id == patient_id
        query = select(_c.id).where(_c.state == state, _c.lease_owner.is_(None), whose).order_by(_c.id)
        return (await self._connection.scalars(query)).all()

    async def in_doubt(self, since: datetime) -> Sequence[str]:
        """Return ids of stuck rows: at an intent since `since` (UTC) or longer, or under way with a confirm deadline before it.

        The second kind are rows that are stuck between two intents, or cannot even be read.
        """
        calling = and_(_c.state.in_(sorted(CALLING)), _c.intended_at <= since)
        late = and_(_c.state.in_(sorted(UNDER_WAY)), _c.confirm_deadline <= since)
        query = select(_c.id).where(_NOT_OVER, or_(calling, late)).order_by(_c.id)
        return (await self._connection.scalars(query)).all()

    async def of_unknown_state(self) -> Sequence[str]:
        """Return ids of rows at a state of a newer release."""
        query = select(_c.id).where(_NOT_OVER, _c.state.not_in(sorted(CheckoutState)))
        return (await self._connection.scalars(query)).all()

    async def listed(
        self, *, state: str | None, attention: bool, limit: int, after: ListCursor | None = None
    ) -> Sequence[CheckoutSummary]:
        """Return what operators see of rows, the latest started first, also of rows of a newer release; `after` pages."""
        query = _LISTED.limit(limit)
        if state is not None:
            query = query.where(_c.state == state)
            if state not in TERMINAL:
                query = query.where(_NOT_OVER)
            elif state in RARE_ENDS:
                query = query.where(_OVER_RARELY)
        if attention:
            query = query.where(_c.attention.is_not(None))
        if after is not None:
            query = query.where(tuple_(_c.created_at, _c.id) < (after.created_at, after.id))
        return [to_summary(row) for row in (await self._connection.execute(query)).mappings()]

    async def _one(self, query: Select[Any], wanted: str) -> Checkout | None:
        row = (await self._connection.execute(query, {"wanted": wanted})).mappings().first()
        return from_row(row, self._sealer) if row is not None else None

    async def _attempts(self, checkout_id: str) -> Sequence[Mapping[str, Any]]:
        """Read the attempts as stored, with parts that only a newer release knows."""
        return await self._connection.scalar(select(_c.attempts).where(_c.id == checkout_id)) or ()

    async def _write(self, checkout_id: str, write: Write) -> SendFacts | None:
        """Write the row and what goes with it. Raises StaleCheckout when it was not found at the version that was read."""
        try:
            return await save(self._connection, write)
        except LookupError:
            raise StaleCheckout(checkout_id) from None
        except IntegrityError as error:
            self.refused = True
            if breaks_unique(error, "patient_id"):
                raise PaymentInProgress from None  # the cause quotes values
            for what in ("billing_item_id", "appointment_id"):
                if breaks_unique(error, what):
                    raise AlreadyCounted(what) from None
            raise
