import asyncio
from datetime import timedelta

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from booking.changes.model import (
    Action,
    ActionState,
    ChangeEndReason,
    ChangeState,
    RequestedChange,
    SubjectKind,
)
from booking.changes.repository import ChangeEntry
from booking.errors import StaleChange, UnknownState
from booking.operations.model import HistoryKind, ListCursor
from booking.refusals import HoldExpired
from booking.resources import Kind, Resource
from booking.stored_names import Unknown
from booking.unit_of_work import UnitOfWorkFactory
from integrations.database.sealing import SealBroken
from integrations.database.unit_of_work import sql_unit_of_work
from tests.integration.change_samples import (
    BOOK,
    CANCEL,
    a_cancellation,
    a_membership_end,
    a_reschedule,
    added_change,
    an_invoice_payment,
    saved_change,
    stored_change,
    with_done,
)
from tests.integration.database_samples import (
    NOON,
    SEALER,
    a_checkout,
    a_slot,
    added,
    dollars,
    somebody_waits,
)

OPEN, DONE, REFUSED = ChangeState.OPEN, ChangeState.DONE, ChangeState.REFUSED
NEEDS_ATTENTION = ChangeState.NEEDS_ATTENTION
MINUTE = timedelta(minutes=1)
DAYS_LATER = NOON + timedelta(days=9)


@pytest.fixture
def units(engine: AsyncEngine) -> UnitOfWorkFactory:
    return sql_unit_of_work(engine, SEALER)


def a_full_change() -> RequestedChange:
    """A change with something in every field; no real one ever has all of it."""
    return a_reschedule(
        by_staff=True,
        checkout_id="checkout_1",
        reason="A sample reason",
        reason_id="reason-1",
        note="A sample note",
        late=True,
        payment_id="billing-item-1",
        charge_id="charge-1",
        card_id="card-1",
        charged_by="clinician-1",
        refunded_before=dollars("1.50"),
        recurring_payment_id="recurring-1",
        actions=(
            Action(
                kind=BOOK,
                state=ActionState.UNDO_INTENDED,
                amount=dollars("25"),
                intended_at=NOON + MINUTE,
                ended_at=NOON + 2 * MINUTE,
                result={"appointment_id": "visit-2"},
            ),
            Action(kind=CANCEL, state=ActionState.FAILED),
        ),
        new_appointment_id="visit-2",
        end_reason=ChangeEndReason.SLOT_TAKEN,
        attention=("visit_not_cancelled", "out_of_tries"),
        tries=3,
        lease_owner="driver-1",
        lease_until=NOON + MINUTE,
        ended_at=NOON + 3 * MINUTE,
    )


class TestRoundTrip:
    async def test_every_field_is_read_back_as_it_was_added_and_saved(self, units: UnitOfWorkFactory) -> None:
        await added(units, a_checkout())
        change = a_full_change()
        assert [name for name, value in vars(change).items() if value is None] == [
            "membership_id",
            "invoice_id",
        ]
        row = await added_change(units, change)
        assert await stored_change(units) == row
        saved = await saved_change(units, row.changed(tries=9), was=row)
        assert await stored_change(units) == saved

    async def test_a_change_of_a_membership_is_read_back_without_a_visit(
        self, units: UnitOfWorkFactory
    ) -> None:
        row = await added_change(units, a_membership_end())
        assert await stored_change(units) == row
        assert (row.appointment_id, row.slot) == (None, None)
        saved = await saved_change(units, with_done(row, 0).changed(state=DONE), was=row)
        assert await stored_change(units) == saved
        async with units() as unit:
            (listed,) = await unit.changes.listed(state=None, attention=False, limit=9)
        assert (listed.subject_kind, listed.subject_id, listed.starts_at) == ("membership", "series-1", None)

    async def test_a_payment_of_an_invoice_is_read_back_with_why_its_card_was_declined(
        self, units: UnitOfWorkFactory
    ) -> None:
        row = await added_change(units, an_invoice_payment())
        assert await stored_change(units) == row
        assert (row.subject.kind, row.invoice_id, row.membership_id) == (SubjectKind.INVOICE, "inv-1", None)
        async with units() as unit:
            assert await unit.changes.add(an_invoice_payment("chg_2")) == row
            assert await unit.changes.of_subject(row.subject) == [row]
        failed = row.with_action(0, state=ActionState.FAILED, result={"declined": "try_again"})
        declined = failed.changed(state=REFUSED, end_reason=ChangeEndReason.CARD_DECLINED)
        assert await saved_change(units, declined, was=row) == await stored_change(units)

    async def test_words_cannot_be_read_at_rest_nor_moved_to_another_row(
        self, units: UnitOfWorkFactory, engine: AsyncEngine
    ) -> None:
        await added_change(units, a_cancellation(reason="A sample reason", note="A sample note"))
        await added_change(units, a_cancellation("chg_2", reason="Another", note="Another"))
        async with engine.begin() as connection:
            rows = str((await connection.execute(text("SELECT * FROM requested_changes"))).all())
            await connection.execute(
                text(
                    "UPDATE requested_changes SET reason = (SELECT note FROM requested_changes WHERE id = 'chg_1')"
                )
            )
        assert "A sample" not in rows
        assert "Another" not in rows
        for name in ("chg_1", "chg_2"):
            with pytest.raises(SealBroken):
                await stored_change(units, name)

    async def test_names_of_a_newer_version_are_kept(
        self, units: UnitOfWorkFactory, engine: AsyncEngine
    ) -> None:
        await added_change(units, a_cancellation())
        async with engine.begin() as connection:
            await connection.execute(
                text(
                    "UPDATE requested_changes SET kind = 'joining', state = 'waiting', end_reason = 'rain',"
                    """ actions = '[{"kind": "join", "state": "done", "amount": null, "intended_at": null,"""
                    """ "ended_at": null, "result": {}, "seat": 4}]'"""
                )
            )
        change = await stored_change(units)
        assert change is not None
        assert (change.kind, change.state, change.end_reason) == ("joining", "waiting", "rain")
        assert change.actions[0].kind == Unknown("join")
        async with units() as unit:
            assert await unit.changes.due(NOON, limit=9) == []
            assert await unit.changes.of_unknown_state() == ["chg_1"]
            standing = await unit.changes.open_for(change.visit_id)
            assert standing == change  # what is unknown has not ended
            with pytest.raises(UnknownState):
                await unit.changes.save(change.changed(tries=1), was=change)

    async def test_parts_of_an_action_that_a_newer_version_wrote_are_kept(
        self, units: UnitOfWorkFactory, engine: AsyncEngine
    ) -> None:
        row = await added_change(units, a_cancellation())
        stored = (
            """[{"kind": "cancel_visit", "state": "intended", "amount": null, "intended_at": null, "ended_at": null,"""
            """ "result": {}, "seat": 4}, {"kind": "refund", "state": "pending", "amount": null,"""
            """ "intended_at": null, "ended_at": null, "result": {}}]"""
        )
        async with engine.begin() as connection:
            await connection.execute(
                text("UPDATE requested_changes SET actions = :stored"), {"stored": stored}
            )
        await saved_change(units, with_done(row, 0), was=row)
        async with engine.connect() as connection:
            assert '"seat": 4' in str(
                await connection.scalar(text("SELECT CAST(actions AS text) FROM requested_changes"))
            )

    async def test_a_state_of_an_action_that_only_a_newer_version_knows_is_left_to_that_version(
        self, units: UnitOfWorkFactory, engine: AsyncEngine
    ) -> None:
        await added_change(units, a_cancellation())
        async with engine.begin() as connection:
            await connection.execute(
                text("""UPDATE requested_changes SET actions = '[{"kind": "refund", "state": "halved"}]'""")
            )
        with pytest.raises(UnknownState):
            await stored_change(units)


class TestOneOpenChangePerVisit:
    async def test_the_second_gets_the_first_and_inserts_nothing(self, units: UnitOfWorkFactory) -> None:
        first = await added_change(units, a_cancellation())
        second = a_reschedule("chg_2", appointment_id=first.appointment_id)
        async with units() as unit:
            assert await unit.changes.add(second) == first
            await unit.commit()
        assert await stored_change(units, "chg_2") is None

    async def test_a_membership_has_one_too_and_a_visit_of_the_same_id_its_own(
        self, units: UnitOfWorkFactory
    ) -> None:
        first = await added_change(units, a_membership_end())
        await added_change(units, a_cancellation("chg_2", appointment_id="series-1"))
        async with units() as unit:
            assert await unit.changes.add(a_membership_end("chg_3")) == first
            assert await unit.changes.of_subject(first.subject) == [first]
            assert [one.id for one in await unit.changes.of_visit("series-1")] == ["chg_2"]

    @pytest.mark.parametrize("state", [REFUSED, DONE, ChangeState.SUPERSEDED])
    async def test_after_the_end_there_may_be_another(
        self, units: UnitOfWorkFactory, state: ChangeState
    ) -> None:
        first = await added_change(units, a_cancellation())
        await saved_change(units, first.changed(state=state), was=first)
        await added_change(units, a_cancellation("chg_2", appointment_id=first.appointment_id))

    async def test_one_that_needs_attention_has_not_ended(self, units: UnitOfWorkFactory) -> None:
        first = await added_change(units, a_cancellation())
        waiting = await saved_change(units, first.changed(state=NEEDS_ATTENTION), was=first)
        async with units() as unit:
            standing = await unit.changes.add(a_cancellation("chg_2", appointment_id=first.appointment_id))
        assert standing == waiting

    async def test_the_visit_that_a_change_booked_is_its_own_too(self, units: UnitOfWorkFactory) -> None:
        row = await added_change(units, a_reschedule(new_appointment_id="visit-new"))
        async with units() as unit:
            assert await unit.changes.open_for("visit-new") == row

    @pytest.mark.postgres
    @pytest.mark.parametrize("first_commits", [True, False])
    async def test_two_transactions_at_once(
        self, postgresql_engine: AsyncEngine, *, first_commits: bool
    ) -> None:
        units = sql_unit_of_work(postgresql_engine, SEALER)
        first = a_cancellation()
        second = a_reschedule("chg_2", appointment_id=first.appointment_id)

        async def request_second() -> RequestedChange | None:
            async with units() as unit:
                standing = await unit.changes.add(second)
                await unit.commit()
            return standing

        async with units() as unit:
            await unit.changes.add(first)
            rival = asyncio.create_task(request_second())
            await somebody_waits(postgresql_engine)
            if first_commits:
                await unit.commit()
        standing = await rival
        assert (standing.id if standing else None) == ("chg_1" if first_commits else None)
        assert (await stored_change(units, "chg_2") is None) == first_commits

    async def test_a_hold_serves_one_change(self, units: UnitOfWorkFactory) -> None:
        first = await added_change(units, a_reschedule())
        second = a_reschedule("chg_2", hold_id=first.hold_id)
        async with units() as unit:
            with pytest.raises(HoldExpired):
                await unit.changes.add(second)
        await saved_change(units, first.changed(state=REFUSED), was=first)
        await added_change(units, second)


class TestFencing:
    async def test_a_driver_whose_row_was_taken_over_writes_nothing(self, units: UnitOfWorkFactory) -> None:
        row = await added_change(units, a_reschedule())
        mine = await saved_change(units, row.changed(lease_owner="driver-1"), was=row)
        theirs = await saved_change(units, mine.changed(lease_owner="driver-2"), was=mine)
        async with units() as unit:
            with pytest.raises(StaleChange):
                await unit.changes.save(mine.changed(state=DONE), was=mine, history=[an_entry()])
            await unit.commit()
        assert await stored_change(units) == theirs
        async with units() as unit:
            assert await unit.changes.history("chg_1") == []
            assert await unit.pending_refreshes.due(DAYS_LATER, limit=9) == []
            assert (
                len(await unit.claims.busy(["clinician-1"], a_slot(start=NOON + 24 * 60 * MINUTE).interval))
                == 1
            )

    @pytest.mark.postgres
    @pytest.mark.parametrize("first_commits", [True, False])
    async def test_a_lease_waits_for_an_uncommitted_rival_and_is_stale_when_that_commits(
        self, postgresql_engine: AsyncEngine, *, first_commits: bool
    ) -> None:
        units = sql_unit_of_work(postgresql_engine, SEALER)
        row = await added_change(units, a_cancellation())
        async with units() as unit:
            await unit.changes.save(row.changed(lease_owner="driver-1"), was=row)
            rival = asyncio.create_task(saved_change(units, row.changed(lease_owner="driver-2"), was=row))
            await somebody_waits(postgresql_engine)
            if first_commits:
                await unit.commit()
        if first_commits:
            with pytest.raises(StaleChange):
                await rival
        else:
            assert (await rival).lease_owner == "driver-2"


def an_entry(note: str | None = None) -> ChangeEntry:
    return ChangeEntry(
        change_id="chg_1",
        at=NOON,
        kind=HistoryKind.MOVED,
        before="open",
        after="done",
        by="driver-1",
        note=note,
    )


class TestHistory:
    async def test_is_written_with_the_row_or_not_at_all(self, units: UnitOfWorkFactory) -> None:
        change = a_cancellation()
        async with units() as unit:
            await unit.changes.add(change, history=[an_entry("first")])
            await unit.commit()
        row = change.changed(version=1)
        async with units() as unit:
            await unit.changes.save(row.changed(tries=1), was=row, history=[an_entry("rolled back")])
        async with units() as unit:
            await unit.changes.save(
                row.changed(tries=1), was=row, history=[an_entry("second"), an_entry("third")]
            )
            await unit.commit()
        async with units() as unit:
            assert [one.note for one in await unit.changes.history("chg_1")] == ["first", "second", "third"]
            assert await unit.changes.history("chg_2") == []


class TestTheEnd:
    @pytest.mark.parametrize("state", [REFUSED, DONE, ChangeState.SUPERSEDED])
    async def test_clears_the_words_and_releases_the_claim_in_the_same_transaction(
        self, units: UnitOfWorkFactory, state: ChangeState
    ) -> None:
        row = await added_change(units, a_reschedule(reason="A sample reason", note="A sample note"))
        tomorrow = a_slot(start=NOON + timedelta(days=1)).interval
        async with units() as unit:
            saved = await unit.changes.save(row.changed(state=state, ended_at=NOON), was=row)
            assert await unit.claims.busy(["clinician-1"], tomorrow) == []
        async with units() as unit:  # rolled back, both
            assert len(await unit.claims.busy(["clinician-1"], tomorrow)) == 1
            assert await unit.changes.get(row.id) == row
        assert await saved_change(units, row.changed(state=state, ended_at=NOON), was=row) == saved
        assert (saved.reason, saved.note) == (None, "A sample note")
        assert await stored_change(units) == saved

    async def test_a_change_that_waits_for_a_person_keeps_its_claim_and_words(
        self, units: UnitOfWorkFactory
    ) -> None:
        row = await added_change(units, a_reschedule(reason="A sample reason"))
        saved = await saved_change(units, row.changed(state=NEEDS_ATTENTION), was=row)
        assert saved.reason == "A sample reason"
        async with units() as unit:
            assert (
                len(await unit.claims.busy(["clinician-1"], a_slot(start=NOON + timedelta(days=1)).interval))
                == 1
            )

    async def test_has_the_visits_and_the_payment_read_again(self, units: UnitOfWorkFactory) -> None:
        row = await added_change(units, a_cancellation(new_appointment_id="visit-new"))
        assert await marked(units) == set()
        await saved_change(units, with_done(row, 0, 1).changed(state=DONE), was=row)
        visits = {Resource(kind=Kind.VISIT, id=one) for one in ("visit-new", row.visit_id)}
        assert await marked(units) == visits | {Resource(kind=Kind.PAYMENT, id="billing-item-1")}

    async def test_a_visit_is_read_again_as_soon_as_it_was_changed(self, units: UnitOfWorkFactory) -> None:
        row = await added_change(units, a_cancellation())
        leased = await saved_change(units, row.changed(lease_owner="driver-1"), was=row)
        intended = await saved_change(units, leased.with_action(0, state=ActionState.INTENDED), was=leased)
        assert await marked(units) == set()
        await saved_change(units, with_done(intended, 0), was=intended)
        assert Resource(kind=Kind.VISIT, id=row.visit_id) in await marked(units)


async def marked(units: UnitOfWorkFactory) -> set[Resource]:
    async with units() as unit:
        return set(await unit.pending_refreshes.due(DAYS_LATER, limit=9))


class TestWorkers:
    async def test_due_are_those_whose_time_has_come_and_that_nobody_has_leased(
        self, units: UnitOfWorkFactory
    ) -> None:
        await added_change(units, a_cancellation("later", due_at=NOON + MINUTE))
        await added_change(units, a_cancellation("leased", lease_owner="d", lease_until=NOON + MINUTE))
        await added_change(units, a_cancellation("second", lease_owner="d", lease_until=NOON))
        await added_change(units, a_cancellation("first", due_at=NOON - MINUTE))
        await added_change(units, a_cancellation("never", due_at=None))
        async with units() as unit:
            assert await unit.changes.due(NOON, limit=9) == ["first", "second"]
            assert await unit.changes.due(NOON, limit=1) == ["first"]

    @pytest.mark.parametrize(
        ("stood", "rests"),
        [(0, timedelta(seconds=5)), (40, timedelta(seconds=40)), (9999, timedelta(minutes=5))],
    )
    async def test_what_cannot_be_read_is_put_off_as_long_as_it_has_stood_within_bounds(
        self, units: UnitOfWorkFactory, engine: AsyncEngine, stood: int, rests: timedelta
    ) -> None:
        await added_change(units, a_cancellation(updated_at=NOON - timedelta(seconds=stood)))
        async with engine.begin() as connection:
            await connection.execute(text("UPDATE requested_changes SET actions = '\"torn\"'"))
        async with units() as unit:
            await unit.changes.defer("chg_1", now=NOON)
            await unit.commit()
        async with units() as unit:
            assert await unit.changes.due(NOON + rests - timedelta(microseconds=1), limit=1) == []
            assert await unit.changes.due(NOON + rests, limit=1) == ["chg_1"]


class TestOperators:
    async def test_in_doubt_is_what_has_been_open_for_too_long(self, units: UnitOfWorkFactory) -> None:
        await added_change(units, a_cancellation("open"))
        await added_change(units, a_cancellation("new", created_at=NOON + MINUTE))
        await added_change(units, a_cancellation("waits", state=NEEDS_ATTENTION))
        await added_change(units, a_cancellation("over", state=DONE))
        async with units() as unit:
            assert await unit.changes.in_doubt(NOON) == ["open"]

    async def test_lists_the_latest_first_by_state_attention_and_page(self, units: UnitOfWorkFactory) -> None:
        for number in range(4):
            await added_change(
                units,
                a_cancellation(
                    f"chg_{number}",
                    created_at=NOON + number * MINUTE,
                    state=NEEDS_ATTENTION if number % 2 else DONE,
                    attention=("refund_failed",) if number > 1 else (),
                ),
            )
        async with units() as unit:

            async def names(**wanted: object) -> list[str]:
                values: dict[str, object] = {"state": None, "attention": False, "limit": 9} | wanted
                return [one.id for one in await unit.changes.listed(**values)]  # type: ignore[arg-type]

            assert await names() == ["chg_3", "chg_2", "chg_1", "chg_0"]
            assert await names(limit=2) == ["chg_3", "chg_2"]
            assert await names(after=ListCursor(created_at=NOON + 2 * MINUTE, id="chg_2")) == [
                "chg_1",
                "chg_0",
            ]
            assert await names(state="needs_attention") == ["chg_3", "chg_1"]
            assert await names(state="done") == ["chg_2", "chg_0"]
            assert await names(attention=True) == ["chg_3", "chg_2"]
            (listed,) = await unit.changes.listed(state=None, attention=False, limit=1)
        assert (listed.attention, listed.clinician_id) == (("refund_failed",), "clinician-1")

    async def test_finds_the_changes_of_a_checkout_and_of_a_visit(self, units: UnitOfWorkFactory) -> None:
        await added(units, a_checkout(appointment_id="visit-1"))
        first = await added_change(
            units,
            a_reschedule(
                "chg_1",
                state=DONE,
                appointment_id="visit-1",
                new_appointment_id="visit-2",
                checkout_id="checkout_1",
            ),
        )
        second = await added_change(
            units,
            a_cancellation(
                "chg_2", appointment_id="visit-2", checkout_id="checkout_1", created_at=NOON + MINUTE
            ),
        )
        async with units() as unit:
            assert await unit.changes.of_checkout("checkout_1") == [first, second]
            assert await unit.changes.of_visit("visit-2") == [first, second]
            assert await unit.changes.of_visit("visit-1") == [first]
            assert await unit.changes.of_checkout("checkout_2") == []
            booked = await unit.checkouts.booked("visit-1")
            assert booked is not None
            assert booked.id == "checkout_1"
            assert await unit.checkouts.booked("visit-2") is None
