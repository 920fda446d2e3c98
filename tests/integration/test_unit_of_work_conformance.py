"""One suite for every unit of work: SQL on SQLite, SQL on PostgreSQL, and the double that the tests of the domain stand on."""

import asyncio
from collections.abc import Sequence
from dataclasses import MISSING, dataclass, fields, replace
from datetime import datetime, timedelta
from typing import Any, Protocol

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from booking.change_signals import BLOCKS, Listener, LocalChangeSignals
from booking.checkout.guards import SendFacts, SendFactsReader
from booking.checkout.history import history_entry
from booking.checkout.model import Checkout, CheckoutState, LateFinding
from booking.checkout.transitions import ENDED, IN_FLIGHT, LATE
from booking.errors import AlreadyCounted, StaleCheckout, UnknownState
from booking.events.model import DomainEvent, EventName
from booking.live.change_poller import ChangeReader
from booking.operations.model import (
    Alert,
    AttentionReason,
    BlockedClinicians,
    ClinicianBlock,
    HistoryKind,
    ListCursor,
)
from booking.refusals import PaymentInProgress, SlotTaken
from booking.resources import Kind, Resource
from booking.scheduling.taken_time import RecordedTimeReader
from booking.slots import Busy, Interval
from booking.stored_names import Unknown
from booking.unit_of_work import Scope, SlotConflicts, UnitOfWork, UnitOfWorkFactory
from integrations.database.alerts import SqlBlockedClinicians
from integrations.database.change_reader import SqlChangeReader
from integrations.database.event_outbox import SqlEventLog
from integrations.database.history import history_of
from integrations.database.send_facts import SqlSendFactsReader
from integrations.database.unit_of_work import sql_unit_of_work
from tests.doubles.booking_ports import FakeChanges, FakeDatabase, Tape
from tests.integration.database_samples import (
    NOON,
    SEALER,
    a_charge,
    a_checkout,
    a_full_checkout,
    a_history_entry,
    a_row,
    a_slot,
    added,
    saved,
    stored,
    take,
)

S = CheckoutState
SECOND, MINUTE = timedelta(seconds=1), timedelta(minutes=1)
DAY = Interval(start=NOON - timedelta(hours=12), end=NOON + timedelta(hours=12))


class Written(Protocol):
    """What was committed of that which a unit of work only ever adds to."""

    async def history(self, checkout_id: str) -> Sequence[object]: ...

    async def events(self) -> Sequence[DomainEvent]: ...


class Changes(ChangeReader, RecordedTimeReader, Protocol):
    """The small reads of live queries and searches."""


@dataclass(frozen=True, kw_only=True)
class Database:
    """A database behind the ports: its units of work, the small reads beside them, and what it announces after a commit."""

    units: UnitOfWorkFactory
    send_facts: SendFactsReader
    changes: Changes
    blocked: BlockedClinicians
    written: Written
    change_signals: LocalChangeSignals


class SqlWritten:
    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def history(self, checkout_id: str) -> Sequence[object]:
        return await history_of(self._engine, checkout_id)

    async def events(self) -> Sequence[DomainEvent]:
        return [one.event for one in await SqlEventLog(engine=self._engine).after(0, limit=99)]


class MemoryWritten:
    def __init__(self, database: FakeDatabase) -> None:
        self._database = database

    async def history(self, checkout_id: str) -> Sequence[object]:
        return [event for event in self._database.events if event.checkout_id == checkout_id]

    async def events(self) -> Sequence[DomainEvent]:
        return self._database.outbox


def sql_database(engine: AsyncEngine) -> Database:
    change_signals = LocalChangeSignals()
    return Database(
        units=sql_unit_of_work(engine, SEALER, change_signals),
        send_facts=SqlSendFactsReader(engine=engine),
        changes=SqlChangeReader(engine=engine),
        blocked=SqlBlockedClinicians(engine=engine),
        written=SqlWritten(engine),
        change_signals=change_signals,
    )


@pytest.fixture
def memory_database() -> Database:
    change_signals = LocalChangeSignals()
    # The rows of this suite stand at any state, whether or not they own a claim.
    database = FakeDatabase(Tape(), change_signals, checks_claims=False)
    return Database(
        units=database,
        send_facts=database,
        changes=FakeChanges(database),
        blocked=database,
        written=MemoryWritten(database),
        change_signals=change_signals,
    )


@pytest.fixture
def sqlite_database(sqlite_engine: AsyncEngine) -> Database:
    return sql_database(sqlite_engine)


@pytest.fixture
def postgresql_database(postgresql_engine: AsyncEngine) -> Database:
    return sql_database(postgresql_engine)


@pytest.fixture(params=["memory", "sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def database(request: pytest.FixtureRequest) -> Database:
    adapter: Database = request.getfixturevalue(f"{request.param}_database")
    return adapter


@pytest.fixture
def units(database: Database) -> UnitOfWorkFactory:
    return database.units


async def busy(units: UnitOfWorkFactory, *clinicians: str) -> list[Busy]:
    async with units() as unit:
        return list(await unit.claims.busy(clinicians, DAY))


async def defer(units: UnitOfWorkFactory, checkout_id: str) -> None:
    async with units() as unit:
        await unit.checkouts.defer(checkout_id, now=NOON)
        await unit.commit()


class TestTransaction:
    async def test_what_is_not_committed_is_not_kept(self, database: Database) -> None:
        row = await added(database.units, a_checkout())
        with pytest.raises(ZeroDivisionError):  # noqa: PT012 - the error leaves the unit of work
            async with database.units() as unit:
                await write_everywhere(unit, row)
                raise ZeroDivisionError
        async with database.units() as unit:
            await write_everywhere(unit, row)
        assert await stored(database.units) == row
        assert await busy(database.units, "clinician-1") == []
        assert await database.written.history("checkout_1") == []
        assert await database.written.events() == []
        assert await database.blocked.blocked() == frozenset()
        async with database.units() as unit:
            assert await unit.alerts.due(NOON, limit=9) == []

    async def test_what_is_committed_is_kept_and_what_was_written_since_is_not(
        self, database: Database
    ) -> None:
        row = await added(database.units, a_checkout())
        async with database.units() as unit:
            second = await write_everywhere(unit, row)
            await unit.commit()
            await unit.checkouts.save(second.changed(tries=7))
        assert await stored(database.units) == second
        assert len(await busy(database.units, "clinician-1")) == 1
        assert await database.written.history("checkout_1") == [a_history_entry()]
        assert await database.written.events() == [a_domain_event()]
        assert await database.blocked.blocked() == {"clinician-1"}

    async def test_it_sees_what_it_has_written(self, units: UnitOfWorkFactory) -> None:
        row = await added(units, a_checkout(due_at=NOON))
        async with units() as unit:
            booked = await unit.checkouts.save(row.changed(state=S.CONFIRMED, ended_at=NOON, due_at=None))
            assert await unit.checkouts.get(row.id) == booked
            assert await unit.checkouts.due(NOON, limit=9) == []
            assert await unit.checkouts.add(a_checkout("rival", hold_id=row.hold_id)) is None
            with pytest.raises(SlotTaken):
                await unit.claims.take(a_checkout("rival"))

    async def test_it_tells_whom_it_concerns_once_it_is_committed(self, database: Database) -> None:
        row = await added(database.units, a_checkout(due_at=NOON))
        listener = Listener(["checkout:checkout_1", "clinician:clinician-1", "patient:patient-1"])
        with database.change_signals.subscribe(listener):
            async with database.units() as unit:
                await unit.checkouts.save(row.changed(tries=1))
            assert await listener.wait_for_changes(within=0) == frozenset()
            async with database.units() as unit:
                await unit.checkouts.save(row.changed(tries=1))
                await unit.outbox.add([a_domain_event()])
                assert await listener.wait_for_changes(within=0) == frozenset()
                await unit.commit()
            assert await listener.wait_for_changes(within=0) == listener.topics
            await defer(database.units, row.id)  # of which nobody sees anything
            assert await listener.wait_for_changes(within=0) == frozenset()

    async def test_a_commit_signals_that_clinicians_were_blocked_or_cleared(self, database: Database) -> None:
        listener = Listener([BLOCKS])
        with database.change_signals.subscribe(listener):
            async with database.units() as unit:
                await unit.blocks.block(a_block())
                await unit.commit()
            assert await listener.wait_for_changes(within=0) == {BLOCKS}
            async with database.units() as unit:
                await unit.blocks.standing()
                await unit.commit()
            assert await listener.wait_for_changes(within=0) == frozenset()
            async with database.units() as unit:
                await unit.blocks.clear(a_block().clinician_id)
                await unit.commit()
            assert await listener.wait_for_changes(within=0) == {BLOCKS}


async def write_everywhere(unit: UnitOfWork, row: Checkout) -> Checkout:
    await unit.claims.take(row)
    await unit.history.add(a_history_entry())
    await unit.outbox.add([a_domain_event()])
    await unit.alerts.raise_once(Alert(reason="refund_failed", subject="checkout_1", raised_at=NOON))
    await unit.blocks.block(a_block())
    return await unit.checkouts.save(row.changed(tries=1))


def a_domain_event(name: str = "evt_1") -> DomainEvent:
    return DomainEvent(
        id=name,
        name=EventName.APPOINTMENT_CANCELLED,
        at=NOON,
        resource=Resource(kind=Kind.VISIT, id="visit-1"),
        ids={"appointment": "visit-1", "patient": "patient-1"},
    )


def a_block(clinician: str = "clinician-1", *, at: datetime = NOON) -> ClinicianBlock:
    return ClinicianBlock(
        clinician_id=clinician, reason="provider_mismatch", checkout_id="checkout_1", blocked_at=at
    )


class TestAdd:
    async def test_every_field_is_read_back_as_written(self, units: UnitOfWorkFactory) -> None:
        full = a_full_checkout()
        untouched = [
            each.name
            for each in fields(Checkout)
            if each.default is not MISSING and getattr(full, each.name) == each.default
        ]
        untouched.remove("sold_by")  # never beside a slot: see the next test
        assert untouched == [], "the sample must fill every field, or this test proves nothing of it"
        await added(units, full)
        assert await stored(units) == full
        changed = await saved(units, full.changed(tries=4))
        assert await stored(units) == changed

    async def test_a_checkout_without_a_slot_is_read_back_with_who_sells(
        self, units: UnitOfWorkFactory
    ) -> None:
        sale = replace(a_full_checkout(), slot=None, sold_by="clinician-7")
        await added(units, sale)
        assert await stored(units) == sale
        changed = await saved(units, sale.changed(sold_by="clinician-8"))
        assert await stored(units) == changed
        async with units() as unit:
            (summary,) = await unit.checkouts.listed(state=None, attention=False, limit=2)
        assert (summary.clinician_id, summary.starts_at) == ("clinician-8", None)

    async def test_a_checkout_without_a_slot_claims_no_time(self, units: UnitOfWorkFactory) -> None:
        row = await added(units, replace(a_checkout(), slot=None, sold_by=a_checkout().clinician_id))
        async with units() as unit:
            await unit.claims.take(row)
            span = a_checkout().visit_slot
            conflicts = await unit.claims.against(span.clinician_id, span.interval)
        assert not conflicts.is_claimed

    async def test_it_stands_at_version_1_whatever_it_was_given(self, units: UnitOfWorkFactory) -> None:
        await added(units, a_checkout(version=9))
        assert await stored(units) == a_checkout(version=1)

    async def test_a_missing_checkout_is_none(self, units: UnitOfWorkFactory) -> None:
        assert await stored(units) is None

    async def test_a_second_for_a_hold_is_answered_with_the_first(self, units: UnitOfWorkFactory) -> None:
        first = await added(units, a_checkout())
        async with units() as unit:
            assert await unit.checkouts.add(a_checkout("checkout_2", hold_id=first.hold_id)) == first
            await unit.commit()
        assert await stored(units, "checkout_2") is None

    @pytest.mark.parametrize("state", sorted(ENDED))
    async def test_one_that_ended_stands_in_nobodys_way(
        self, units: UnitOfWorkFactory, state: CheckoutState
    ) -> None:
        first = await added(units, a_checkout())
        await saved(units, first.changed(state=state))
        async with units() as unit:
            assert await unit.checkouts.live_for_hold(first.hold_id) is None
        second = await added(units, a_checkout("checkout_2", hold_id=first.hold_id))
        async with units() as unit:
            assert await unit.checkouts.live_for_hold(first.hold_id) == second

    async def test_of_many_at_once_all_learn_the_same_one(self, units: UnitOfWorkFactory) -> None:
        async def start(n: int) -> str:
            mine = a_checkout(f"checkout_{n}", hold_id="hold_1")
            async with units() as unit:
                live = await unit.checkouts.add(mine)
                await unit.commit()
            return live.id if live else mine.id

        assert len(set(await asyncio.gather(*(start(n) for n in range(20))))) == 1

    @pytest.mark.parametrize(
        "second",
        [
            a_checkout(hold_id="hold_2"),
            a_checkout("checkout_2", patient_id="patient-1", state=S.CARD_INTENDED),
            a_checkout("checkout_2", charge=a_charge()),
            a_checkout("checkout_2", appointment_id="appointment-1"),
        ],
        ids=["its id", "its patient is under way", "its charge", "its appointment"],
    )
    async def test_one_that_another_row_excludes_is_not_added(
        self, units: UnitOfWorkFactory, second: Checkout
    ) -> None:
        standing = await added(
            units,
            a_checkout(
                patient_id="patient-1",
                state=S.CHARGE_INTENDED,
                charge=a_charge(),
                appointment_id="appointment-1",
            ),
        )
        with pytest.raises(StaleCheckout):
            await added(units, second)
        assert await stored(units) == standing
        assert await stored(units, "checkout_2") is None


class TestSave:
    async def test_answers_and_stores_the_next_version(self, units: UnitOfWorkFactory) -> None:
        first = await added(units, a_checkout())
        second = await saved(units, first.changed(state=S.PATIENT_READY, patient_id="patient-1"))
        assert second.version == 2
        assert await stored(units) == second

    @pytest.mark.parametrize("says_what_it_was", [True, False])
    async def test_a_stale_writer_changes_nothing_and_may_go_on(
        self, units: UnitOfWorkFactory, *, says_what_it_was: bool
    ) -> None:
        first = await added(units, a_checkout())
        second = await saved(units, first.changed(state=S.PATIENT_READY))
        async with units() as unit:
            with pytest.raises(StaleCheckout):
                await unit.checkouts.save(
                    first.changed(state=S.CANCELLED), was=first if says_what_it_was else None
                )
            third = await unit.checkouts.save(second.changed(tries=1))
            await unit.commit()
        assert await stored(units) == third

    async def test_a_row_that_is_not_there_is_stale(self, units: UnitOfWorkFactory) -> None:
        with pytest.raises(StaleCheckout):
            await saved(units, a_checkout())

    async def test_of_many_writers_of_one_version_one_wins(self, units: UnitOfWorkFactory) -> None:
        first = await added(units, a_checkout())
        answers = await asyncio.gather(
            *(saved(units, first.changed(tries=n)) for n in range(20)), return_exceptions=True
        )
        winners = [answer for answer in answers if isinstance(answer, Checkout)]
        assert len(winners) == 1
        assert sum(isinstance(answer, StaleCheckout) for answer in answers) == 19
        assert await stored(units) == winners[0]

    async def test_each_field_is_written_when_it_changes_and_when_it_changes_back(
        self, units: UnitOfWorkFactory
    ) -> None:
        plain, full = a_checkout(), a_full_checkout()
        row = await added(units, plain)
        for sample in (full, plain):
            for name in {each.name for each in fields(Checkout)} - {"id", "version"}:
                row = await saved(units, row.changed(**{name: getattr(sample, name)}), was=row)
                assert await stored(units) == row
            assert row == sample.changed(id=row.id, version=row.version)

    async def test_when_it_is_due_is_written_although_it_was_put_off_meanwhile(
        self, units: UnitOfWorkFactory
    ) -> None:
        """A row that was read before it was deferred may be written all the same."""
        row = await added(units, a_checkout(due_at=NOON))
        await defer(units, row.id)
        moved = await saved(units, row.changed(tries=1), was=row)
        assert moved.due_at == NOON
        assert await stored(units, row.id) == moved

    async def test_a_hold_that_was_extended_meanwhile_stays_so_unless_the_writer_changed_it(
        self, units: UnitOfWorkFactory
    ) -> None:
        row = await added(units, a_checkout(hold_expires_at=NOON))
        async with units() as unit:
            await unit.checkouts.note_hold(row.hold_id, expires_at=NOON + MINUTE)
            await unit.commit()
        moved = await saved(units, row.changed(tries=1), was=row)
        assert await stored(units) == moved.changed(hold_expires_at=NOON + MINUTE)
        read = await stored(units)
        assert read is not None
        changed = await saved(units, read.changed(hold_expires_at=None), was=read)
        assert await stored(units) == changed
        whole = await saved(units, changed.changed(hold_expires_at=NOON))
        assert await stored(units) == whole

    async def test_what_it_was_must_be_this_row_at_this_version(self, units: UnitOfWorkFactory) -> None:
        first = await added(units, a_checkout())
        second = await saved(units, first.changed(tries=1), was=first)
        with pytest.raises(AssertionError, match="another version"):
            await saved(units, second.changed(tries=2), was=first)

    async def test_a_row_at_a_state_of_another_version_is_told_and_left_alone(
        self, units: UnitOfWorkFactory
    ) -> None:
        strange = await added(units, a_checkout("strange", state=Unknown("of_tomorrow"), due_at=NOON))
        await added(units, a_checkout("known", due_at=NOON))
        async with units() as unit:
            assert await unit.checkouts.due(NOON, limit=9) == ["known"]
            assert await unit.checkouts.of_unknown_state() == ["strange"]
            with pytest.raises(UnknownState):
                await unit.checkouts.save(strange.changed(tries=1))
            with pytest.raises(UnknownState):
                await unit.checkouts.save(strange.changed(state=S.CANCELLED), was=strange)


class TestExclusion:
    """What one row says of patient, charge and appointment, no other may say."""

    @pytest.mark.parametrize("state", sorted(IN_FLIGHT))
    async def test_a_patients_second_payment_is_refused(
        self, units: UnitOfWorkFactory, state: CheckoutState
    ) -> None:
        first = await added(units, a_checkout(patient_id="patient-1"))
        second = await added(units, a_checkout("checkout_2", patient_id="patient-1"))
        await saved(units, first.changed(state=state))
        with pytest.raises(PaymentInProgress) as refusal:
            await saved(units, second.changed(state=S.CARD_INTENDED))
        assert refusal.value.__cause__ is None
        assert await stored(units, second.id) == second

    @pytest.mark.parametrize("state", sorted(frozenset(S) - IN_FLIGHT))
    async def test_one_that_rests_or_ended_stands_in_nobodys_way(
        self, units: UnitOfWorkFactory, state: CheckoutState
    ) -> None:
        first = await added(units, a_checkout(patient_id="patient-1"))
        second = await added(units, a_checkout("checkout_2", patient_id="patient-1"))
        await saved(units, first.changed(state=state))
        await saved(units, second.changed(state=S.CARD_INTENDED))

    async def test_rows_without_a_patient_stand_in_nobodys_way(self, units: UnitOfWorkFactory) -> None:
        await added(units, a_checkout(state=S.CARD_INTENDED))
        second = await added(units, a_checkout("checkout_2"))
        await saved(units, second.changed(state=S.CARD_INTENDED))

    @pytest.mark.parametrize(
        ("change", "another", "what"),
        [
            ({"charge": a_charge()}, {"charge": a_charge("billing-item-2")}, "billing_item_id"),
            ({"appointment_id": "appointment-1"}, {"appointment_id": "appointment-2"}, "appointment_id"),
        ],
        ids=["billing item", "appointment"],
    )
    async def test_nothing_counts_twice(
        self, units: UnitOfWorkFactory, change: dict[str, Any], another: dict[str, Any], what: str
    ) -> None:
        first = await added(units, a_checkout())
        second = await added(units, a_checkout("checkout_2"))
        await saved(units, first.changed(**change, state=S.CONFIRMED))
        with pytest.raises(AlreadyCounted, match=what):
            await saved(units, second.changed(**change))
        await saved(units, second.changed(**another))

    @pytest.mark.parametrize(
        ("change", "refusal"),
        [
            ({"state": S.CARD_INTENDED}, PaymentInProgress),
            ({"charge": a_charge()}, AlreadyCounted),
            ({"appointment_id": "appointment-1"}, AlreadyCounted),
        ],
        ids=["patient", "billing item", "appointment"],
    )
    async def test_a_refusal_ends_the_transaction_and_nothing_of_it_stays(
        self, units: UnitOfWorkFactory, change: dict[str, Any], refusal: type[Exception]
    ) -> None:
        first = await added(units, a_checkout(patient_id="patient-1"))
        second = await added(units, a_checkout("checkout_2", patient_id="patient-1"))
        first = await saved(units, first.changed(**change), was=first)
        async with units() as unit:
            tried = await unit.checkouts.save(second.changed(tries=1), was=second)
            with pytest.raises(refusal):
                await unit.checkouts.save(tried.changed(**change), was=tried)
            with pytest.raises(AssertionError, match="ends with the write that is refused"):
                await unit.commit()
        assert await stored(units, second.id) == second
        moved = await saved(units, first.changed(tries=1), was=first)  # what is its own is in nobody's way
        assert await stored(units, first.id) == moved


class TestRows:
    async def test_due_are_those_that_nobody_drives_longest_due_first(self, units: UnitOfWorkFactory) -> None:
        for name, due_at, lease_until in [
            ("newest", NOON, None),
            ("oldest", NOON - MINUTE, None),
            ("left", NOON - SECOND, NOON),
            ("driven", NOON - MINUTE, NOON + SECOND),
            ("later", NOON + SECOND, None),
            ("never", None, None),
        ]:
            await added(units, a_checkout(name, due_at=due_at, lease_until=lease_until))
        async with units() as unit:
            assert await unit.checkouts.due(NOON, limit=10) == ["oldest", "left", "newest"]
            assert await unit.checkouts.due(NOON, limit=1) == ["oldest"]

    async def test_what_has_ended_is_due_after_what_somebody_waits_for(
        self, units: UnitOfWorkFactory
    ) -> None:
        await added(units, a_checkout("ended", state=S.CONFIRMED, due_at=NOON - timedelta(hours=9)))
        await added(units, a_checkout("waited-for", due_at=NOON))
        async with units() as unit:
            assert await unit.checkouts.due(NOON, limit=1) == ["waited-for"]
            assert await unit.checkouts.due(NOON, limit=2) == ["waited-for", "ended"]

    @pytest.mark.parametrize(
        ("stood", "rests"),
        [
            (timedelta(0), timedelta(seconds=5)),
            (timedelta(seconds=40), timedelta(seconds=40)),
            (timedelta(days=1), timedelta(minutes=5)),
        ],
    )
    async def test_one_is_put_off_as_long_as_it_has_stood_within_bounds(
        self, units: UnitOfWorkFactory, stood: timedelta, rests: timedelta
    ) -> None:
        row = await added(units, a_checkout(due_at=NOON, updated_at=NOON - stood))
        await defer(units, row.id)
        assert await stored(units) == row.changed(due_at=NOON + rests)

    @pytest.mark.parametrize(
        "row",
        [
            a_checkout(due_at=NOON + SECOND),
            a_checkout(due_at=NOON, lease_owner="driver-1", lease_until=NOON + SECOND),
            a_checkout(due_at=None),
        ],
        ids=["not due", "driven", "at rest"],
    )
    async def test_what_is_not_due_or_is_driven_or_gone_is_not_put_off(
        self, units: UnitOfWorkFactory, row: Checkout
    ) -> None:
        before = await added(units, row)
        await defer(units, row.id)
        await defer(units, "missing")
        assert await stored(units) == before

    async def test_a_holds_end_is_noted_on_its_live_checkout_only(self, units: UnitOfWorkFactory) -> None:
        over = await added(units, a_checkout("over", state=S.EXPIRED, hold_id="hold_1"))
        live = await added(units, a_checkout("live", hold_id="hold_1"))
        other = await added(units, a_checkout("other"))
        async with units() as unit:
            await unit.checkouts.note_hold("hold_1", expires_at=NOON + MINUTE)
            await unit.checkouts.note_hold("hold_of_nobody", expires_at=NOON + MINUTE)
            await unit.commit()
        assert await stored(units, "live") == live.changed(hold_expires_at=NOON + MINUTE)
        assert await stored(units, "over") == over
        assert await stored(units, "other") == other

    async def test_a_patients_other_checkouts(self, units: UnitOfWorkFactory) -> None:
        for name, patient in (("a", "p1"), ("b", "p1"), ("c", "p2"), ("d", None)):
            await added(units, a_checkout(name, patient_id=patient))
        async with units() as unit:
            assert [row.id for row in await unit.checkouts.of_patient("p1", besides="a")] == ["b"]

    async def test_what_waits_at_a_state_for_word_is_found_by_its_id_or_its_patient(
        self, units: UnitOfWorkFactory
    ) -> None:
        rows: list[tuple[str, CheckoutState, str, str | None]] = [
            ("second", S.NEEDS_ATTENTION, "p1", None),
            ("first", S.NEEDS_ATTENTION, "p1", None),
            ("driven", S.NEEDS_ATTENTION, "p1", "driver-1"),
            ("elsewhere", S.CHARGE_INTENDED, "p1", None),
            ("anothers", S.NEEDS_ATTENTION, "p2", None),
        ]
        for name, state, patient, driver in rows:
            await added(units, a_checkout(name, state=state, patient_id=patient, lease_owner=driver))
        async with units() as unit:
            awaiting, at = unit.checkouts.awaiting, S.NEEDS_ATTENTION
            assert await awaiting(at, checkout_id=None, patient_id="p1") == ["first", "second"]
            assert await awaiting(at, checkout_id="second", patient_id="p2") == ["second"]
            assert await awaiting(at, checkout_id="driven", patient_id=None) == []
            assert await awaiting(at, checkout_id="missing", patient_id="p1") == []

    async def test_intents_that_are_too_old_are_in_doubt(self, units: UnitOfWorkFactory) -> None:
        for row in (
            a_checkout("old", state=S.CHARGE_INTENDED, intended_at=NOON, patient_id="p1"),
            a_checkout("older", state=S.BOOKING_INTENDED, intended_at=NOON - SECOND, patient_id="p4"),
            a_checkout("ancient", state=S.CARD_INTENDED, intended_at=NOON - MINUTE, patient_id="p5"),
            a_checkout("young", state=S.CHARGE_INTENDED, intended_at=NOON + SECOND, patient_id="p2"),
            a_checkout("none", state=S.CHARGED, patient_id="p3"),
        ):
            await added(units, row)
        async with units() as unit:
            assert await unit.checkouts.in_doubt(NOON) == ["ancient", "old", "older"]

    @pytest.mark.parametrize(
        ("state", "deadline", "doubted"),
        [
            (S.PATIENT_READY, NOON, True),
            (S.CHARGED, NOON, True),
            (S.BOOKED, NOON, True),
            (S.COMPENSATING, NOON, True),
            (S.RECURRING_CANCELLED, NOON, True),
            (S.CHARGED, NOON + SECOND, False),
            (S.PATIENT_READY, None, False),
            (S.NEEDS_ATTENTION, NOON, False),
            (S.CONFIRMED, NOON, False),
        ],
    )
    async def test_what_goes_on_past_its_deadline_is_in_doubt_also_between_two_calls(
        self, units: UnitOfWorkFactory, state: S, deadline: datetime | None, *, doubted: bool
    ) -> None:
        await added(units, a_checkout("left", state=state, confirm_deadline=deadline))
        async with units() as unit:
            assert await unit.checkouts.in_doubt(NOON) == ["left"] * doubted

    async def test_lists_go_on_behind_a_cursor_and_the_latest_started_come_first(
        self, units: UnitOfWorkFactory
    ) -> None:
        for name, ago, attention in (
            ("a", 3, (AttentionReason.OUT_OF_TRIES,)),
            ("b", 1, ()),
            ("c", 1, (AttentionReason.LATE_CHARGE, AttentionReason.REFUND_FAILED)),
        ):
            await added(units, a_checkout(name, created_at=NOON - ago * SECOND, attention=attention))
        async with units() as unit:
            listed = unit.checkouts.listed
            everything = await listed(state=None, attention=False, limit=9)
            assert [row.id for row in everything] == ["c", "b", "a"]
            first = everything[0]
            assert (first.attention, first.created_at) == (("late_charge", "refund_failed"), NOON - SECOND)
            cursor = ListCursor(created_at=first.created_at, id=first.id)
            behind = await listed(state=None, attention=False, limit=1, after=cursor)
            assert [row.id for row in behind] == ["b"]
            needing = await listed(state="started", attention=True, limit=9, after=cursor)
            assert [row.id for row in needing] == ["a"]
            assert await listed(state="booked", attention=False, limit=9) == []


async def confirm(units: UnitOfWorkFactory, checkout: Checkout, *, at: datetime) -> None:
    async with units() as unit:
        await unit.checkouts.save(checkout.changed(state=S.CONFIRMED, ended_at=at))
        await unit.claims.release(checkout.id)
        await unit.commit()


class TestClaims:
    @pytest.mark.parametrize(("offset", "minutes"), [(0, 30), (-15, 30), (29, 15), (10, 10), (-60, 240)])
    async def test_an_overlapping_claim_is_refused(
        self, units: UnitOfWorkFactory, offset: int, minutes: int
    ) -> None:
        await take(units, await a_row(units, "first"))
        rival = await a_row(units, "rival", start=NOON + timedelta(minutes=offset), minutes=minutes)
        with pytest.raises(SlotTaken):
            await take(units, rival)
        assert len(await busy(units, "clinician-1")) == 1

    async def test_touching_ends_and_other_clinicians_are_free(self, units: UnitOfWorkFactory) -> None:
        await take(units, await a_row(units, "first"))
        await take(units, await a_row(units, "before", start=NOON - timedelta(minutes=45), minutes=45))
        await take(units, await a_row(units, "after", start=NOON + timedelta(minutes=30)))
        await take(units, await a_row(units, "elsewhere", clinician="clinician-2"))
        assert len(await busy(units, "clinician-1", "clinician-2")) == 4
        assert await busy(units, "clinician-2") == [
            Busy(clinician_id="clinician-2", interval=a_slot().interval)
        ]

    async def test_taking_again_is_no_change(self, units: UnitOfWorkFactory) -> None:
        mine = await a_row(units, "mine")
        await take(units, mine)
        await take(units, mine)
        await take(units, mine.changed(slot=a_slot(start=NOON + timedelta(hours=1))))
        assert [one.interval for one in await busy(units, "clinician-1")] == [mine.visit_slot.interval]

    async def test_a_released_claim_frees_the_time(self, units: UnitOfWorkFactory) -> None:
        first, second = await a_row(units, "first"), await a_row(units, "second")
        await take(units, first)
        async with units() as unit:
            await unit.claims.release(first.id)
            await unit.claims.release(first.id)
            await unit.commit()
        await take(units, second)

    async def test_a_visit_confirmed_since_the_checkout_began_conflicts_though_its_claim_is_given_back(
        self, units: UnitOfWorkFactory
    ) -> None:
        stalled = await a_row(units, "stalled", start=NOON + timedelta(minutes=15))
        booked = await a_row(units, "booked")
        await take(units, booked)
        await confirm(units, booked, at=stalled.created_at + timedelta(seconds=40))
        with pytest.raises(SlotTaken):
            await take(units, stalled)
        assert await busy(units, "clinician-1") == []

    async def test_one_confirmed_within_the_difference_of_two_clocks_conflicts_too(
        self, units: UnitOfWorkFactory
    ) -> None:
        booked, rival = await a_row(units, "booked"), await a_row(units, "rival")
        await confirm(units, booked, at=rival.created_at - MINUTE)
        with pytest.raises(SlotTaken):
            await take(units, rival)
        await take(units, booked)  # its own visit is in nobody's way

    @pytest.mark.parametrize("state", sorted(LATE))
    async def test_a_confirmed_visit_conflicts_also_while_a_late_finding_of_it_is_undone(
        self, units: UnitOfWorkFactory, state: CheckoutState
    ) -> None:
        booked, rival = await a_row(units, "booked"), await a_row(units, "rival")
        late = LateFinding(ended_as=S.CONFIRMED, appointment_id="a-twin")
        await saved(units, booked.changed(state=state, late=late, ended_at=booked.created_at))
        with pytest.raises(SlotTaken):
            await take(units, rival)

    async def test_a_late_finding_of_what_is_over_keeps_nobody_from_its_time(
        self, units: UnitOfWorkFactory
    ) -> None:
        over, rival = await a_row(units, "over"), await a_row(units, "rival")
        late = LateFinding(ended_as=S.REFUNDED, appointment_id="a-twin")
        await saved(units, over.changed(state=S.LATE_DELETION_INTENDED, late=late, ended_at=over.created_at))
        await take(units, rival)
        assert len(await busy(units, "clinician-1")) == 1

    async def test_a_visit_confirmed_before_the_checkout_began_is_left_to_the_practice(
        self, units: UnitOfWorkFactory
    ) -> None:
        """It may have been cancelled since, and its time is on offer again."""
        booked, later = await a_row(units, "booked"), await a_row(units, "later")
        await confirm(units, booked, at=later.created_at - timedelta(minutes=5))
        await take(units, later)
        assert len(await busy(units, "clinician-1")) == 1

    async def test_a_refused_transaction_stays_usable(self, units: UnitOfWorkFactory) -> None:
        await take(units, await a_row(units, "first"))
        rival = await a_row(units, "rival")
        async with units() as unit:
            with pytest.raises(SlotTaken):
                await unit.claims.take(rival)
            await unit.checkouts.save(rival.changed(state=S.SLOT_LOST))
            await unit.commit()
        lost = await stored(units, "rival")
        assert lost is not None
        assert lost.state is S.SLOT_LOST

    async def test_of_50_overlapping_claims_at_once_exactly_one_wins(self, units: UnitOfWorkFactory) -> None:
        rivals = [
            await a_row(units, f"rival_{n}", start=NOON + timedelta(minutes=n % 7), minutes=15 + n % 5)
            for n in range(50)
        ]
        answers = await asyncio.gather(*(take(units, rival) for rival in rivals), return_exceptions=True)
        assert sum(answer is None for answer in answers) == 1
        assert sum(isinstance(answer, SlotTaken) for answer in answers) == 49

    async def test_claims_of_begun_visits_go_only_where_a_person_is_waited_for(
        self, units: UnitOfWorkFactory
    ) -> None:
        later = a_slot(start=NOON + timedelta(hours=1))
        rows = [
            await added(units, row)
            for row in (
                a_checkout("waits", state=S.CHARGED),
                a_checkout("works", state=S.CHARGED, slot=a_slot(clinician="clinician-2")),
                a_checkout("waits-for-later", state=S.NEEDS_ATTENTION, slot=later),
            )
        ]
        async with units() as unit:
            for row in rows:
                await unit.claims.take(row)
            await unit.checkouts.save(rows[0].changed(state=S.NEEDS_ATTENTION))
            assert await unit.claims.release_begun(NOON - SECOND) == 0
            assert await unit.claims.release_begun(NOON) == 1
            await unit.commit()
        left = await busy(units, "clinician-1", "clinician-2")
        assert {one.interval.start for one in left} == {NOON, later.start}
        assert len(left) == 2


class TestHistory:
    async def test_entries_stand_with_their_checkout_in_the_order_of_their_writing(
        self, database: Database
    ) -> None:
        await added(database.units, a_checkout())
        await added(database.units, a_checkout("checkout_2"))
        first, second = a_history_entry(), a_history_entry(after="card_intended", note="By hand.")
        async with database.units() as unit:
            await unit.history.add(first)
            await unit.history.add(a_history_entry(checkout_id="checkout_2"))
            await unit.history.add(second)
            await unit.commit()
        assert await database.written.history("checkout_1") == [first, second]


class TestEvents:
    async def test_they_stand_in_the_order_of_their_writing_each_once(self, database: Database) -> None:
        async with database.units() as unit:
            await unit.outbox.add([])
            await unit.outbox.add([a_domain_event("evt_2"), a_domain_event("evt_1")])
            await unit.commit()
        async with database.units() as unit:
            await unit.outbox.add([a_domain_event("evt_1"), a_domain_event("evt_3")])
            await unit.commit()
        assert [event.id for event in await database.written.events()] == ["evt_2", "evt_1", "evt_3"]


class TestAlerts:
    async def test_it_waits_until_it_is_sent_and_is_raised_once(self, units: UnitOfWorkFactory) -> None:
        alert = Alert(reason="refund_failed", subject="checkout_1", raised_at=NOON)
        async with units() as unit:
            await unit.alerts.raise_once(alert)
            await unit.alerts.raise_once(
                Alert(reason=alert.reason, subject=alert.subject, raised_at=NOON + SECOND)
            )
            assert await unit.alerts.due(NOON - SECOND, limit=5) == []
            assert await unit.alerts.due(NOON, limit=5) == [alert]
            for tries in (1, 2):  # counted on what stands, whatever the teller has read
                await unit.alerts.defer(alert, NOON + SECOND)
                assert await unit.alerts.due(NOON, limit=5) == []
                (again,) = await unit.alerts.due(NOON + SECOND, limit=5)
                assert again.tries == tries
            await unit.alerts.mark_sent(alert, NOON + SECOND)
            assert await unit.alerts.due(NOON + 9 * SECOND, limit=5) == []
            assert not await unit.alerts.claim(alert, now=NOON + 9 * SECOND, until=NOON + MINUTE)
            await unit.alerts.raise_once(alert)
            assert await unit.alerts.due(NOON + 9 * SECOND, limit=5) == []

    async def test_the_oldest_are_due_first(self, units: UnitOfWorkFactory) -> None:
        ages = [("a", 1), ("c", 2), ("b", 2)]
        alerts = [
            Alert(reason="refund_failed", subject=subject, raised_at=NOON - ago * SECOND)
            for subject, ago in ages
        ]
        async with units() as unit:
            for alert in alerts:
                await unit.alerts.raise_once(alert)
            due = await unit.alerts.due(NOON, limit=2)
        assert [alert.subject for alert in due] == ["b", "c"]

    async def test_of_several_workers_at_once_one_gets_it(self, units: UnitOfWorkFactory) -> None:
        alert = Alert(reason="refund_failed", subject="checkout_1", raised_at=NOON)
        async with units() as unit:
            await unit.alerts.raise_once(alert)
            await unit.commit()

        async def claim() -> bool:
            async with units() as unit:
                got = await unit.alerts.claim(alert, now=NOON, until=NOON + SECOND)
                await unit.commit()
            return got

        assert sorted(await asyncio.gather(*(claim() for _ in range(5)))) == [False] * 4 + [True]
        async with units() as unit:
            assert await unit.alerts.due(NOON, limit=5) == []
            assert await unit.alerts.due(NOON + SECOND, limit=5) == [alert]  # its teller may have died

    async def test_forgetting_lets_it_be_raised_anew_but_loses_none_that_waits(
        self, units: UnitOfWorkFactory
    ) -> None:
        told = Alert(reason="refund_failed", subject="checkout_1", raised_at=NOON)
        waiting = Alert(reason="open_invoice", subject="checkout_1", raised_at=NOON)
        async with units() as unit:
            await unit.alerts.raise_once(told)
            await unit.alerts.mark_sent(told, NOON)
            await unit.alerts.raise_once(waiting)
            await unit.alerts.forget("checkout_1")
            assert await unit.alerts.due(NOON, limit=5) == [waiting]
            await unit.alerts.raise_once(told)
            assert len(await unit.alerts.due(NOON, limit=5)) == 2


class TestAgainst:
    async def test_a_slot_has_against_it_its_clinicians_block_and_a_claim_that_overlaps(
        self, units: UnitOfWorkFactory
    ) -> None:
        row = await added(units, a_checkout())
        slot = row.visit_slot
        async with units() as unit:
            assert await unit.claims.against(slot.clinician_id, slot.interval) == SlotConflicts(
                is_blocked=False, is_claimed=False
            )
            await unit.claims.take(row)
            await unit.blocks.block(a_block(slot.clinician_id))
            assert await unit.claims.against(slot.clinician_id, slot.interval) == SlotConflicts(
                is_blocked=True, is_claimed=True
            )
            after = Interval(start=slot.end, end=slot.end + timedelta(hours=1))
            assert not (await unit.claims.against(slot.clinician_id, after)).is_claimed
            assert not (await unit.claims.against("clinician-9", slot.interval)).is_blocked


class TestAddWithHistory:
    @pytest.mark.parametrize("scope", [Scope.TRANSACTION, Scope.ONE_WRITE])
    async def test_the_history_is_written_with_the_row_or_not_at_all(
        self, database: Database, scope: Scope
    ) -> None:
        entry = history_entry(a_checkout(), HistoryKind.STARTED, by="guest")
        for _ in range(2):  # the second finds the first on its hold
            async with database.units(scope) as unit:
                live = await unit.checkouts.add(a_checkout(), history=[entry])
                await unit.commit()
        assert live is not None
        assert await database.written.history("checkout_1") == [entry]


class TestBlocks:
    async def test_a_block_stands_until_it_is_cleared(self, database: Database) -> None:
        later, block = a_block("clinician-2", at=NOON + SECOND), a_block()
        async with database.units() as unit:
            await unit.blocks.block(later)
            await unit.blocks.block(block)
            await unit.blocks.block(a_block(at=NOON + MINUTE))
            assert await unit.blocks.is_blocked("clinician-1")
            assert not await unit.blocks.is_blocked("clinician-3")
            assert await unit.blocks.standing() == [block, later]
            await unit.commit()
        assert await database.blocked.blocked() == {"clinician-1", "clinician-2"}
        async with database.units() as unit:
            assert await unit.blocks.clear("clinician-1")
            assert not await unit.blocks.clear("clinician-1")
            await unit.commit()
        assert await database.blocked.blocked() == {"clinician-2"}


class TestReads:
    """What is read beside units of work: by guards before each send, and by the change poller."""

    async def test_a_ground_is_the_rows_version_its_own_claim_and_its_own_clinicians_block(
        self, database: Database
    ) -> None:
        mine = await added(database.units, a_checkout("mine"))
        other = await added(database.units, a_checkout("other", slot=a_slot(clinician="clinician-2")))
        async with database.units() as unit:
            await unit.claims.take(other)
            await unit.blocks.block(a_block("clinician-2"))
            await unit.commit()
        assert await database.send_facts.of(mine) == SendFacts(version=1, has_claim=False, is_blocked=False)
        assert await database.send_facts.of(other) == SendFacts(version=1, has_claim=True, is_blocked=True)
        async with database.units() as unit:
            await unit.claims.take(mine)
            await unit.checkouts.save(mine)
            await unit.commit()
        assert await database.send_facts.of(mine) == SendFacts(version=2, has_claim=True, is_blocked=False)

    async def test_versions_are_those_of_the_rows_that_were_asked_for(self, database: Database) -> None:
        for n in range(3):
            await added(database.units, a_checkout(f"checkout_{n}"))
        wanted = ["checkout_0", "checkout_1", "missing"]
        assert await database.changes.versions(wanted) == {"checkout_0": 1, "checkout_1": 1}
        assert await database.changes.versions([]) == {}

    async def test_visits_that_were_booked_lately_are_found_and_counted(self, database: Database) -> None:
        for name, state, ago in (
            ("old", S.CONFIRMED, 10 * MINUTE),
            ("new", S.CONFIRMED, MINUTE),  # by a clock that is behind
            ("over", S.REFUNDED, MINUTE),
        ):
            await added(
                database.units, a_checkout(name, state=state, patient_id="patient-1", ended_at=NOON - ago)
            )
        changes, span = database.changes, a_slot().interval
        taken = Busy(clinician_id="clinician-1", interval=span)
        assert (await changes.recorded(["clinician-1"], span, since=NOON)).booked == [taken]
        assert (await changes.recorded(["clinician-1"], span, since=NOON - 9 * MINUTE)).booked == [taken] * 2
        assert (await changes.recorded(["clinician-2"], span, since=NOON)).booked == []
        assert await changes.bookings(["patient-1", "patient-2"]) == {"patient-1": 2}

    @pytest.mark.parametrize("ended_as", [S.CONFIRMED, S.REFUNDED])
    async def test_a_visit_stands_while_a_late_finding_of_it_is_undone(
        self, database: Database, ended_as: CheckoutState
    ) -> None:
        late = LateFinding(ended_as=ended_as, charge=a_charge("late"))
        await added(
            database.units,
            a_checkout(state=S.LATE_REFUND_INTENDED, late=late, patient_id="patient-1", ended_at=NOON),
        )
        stands = ended_as is S.CONFIRMED
        booked = (await database.changes.recorded(["clinician-1"], a_slot().interval, since=NOON)).booked
        assert [one.interval for one in booked] == [a_slot().interval] * stands
        assert await database.changes.bookings(["patient-1"]) == ({"patient-1": 1} if stands else {})

    async def test_claims_are_those_of_the_clinicians(self, database: Database) -> None:
        row = await added(database.units, a_checkout())
        await take(database.units, row)
        assert [one.interval for one in await database.changes.claims(["clinician-1"], DAY)] == [
            row.visit_slot.interval
        ]
        assert await database.changes.claims(["clinician-2"], DAY) == []
        recorded = await database.changes.recorded(["clinician-1"], DAY, since=NOON)
        assert (recorded.claimed, recorded.booked) == (
            await database.changes.claims(["clinician-1"], DAY),
            [],
        )
