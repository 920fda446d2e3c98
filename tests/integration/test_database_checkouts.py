import asyncio
from dataclasses import MISSING, fields
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from booking.checkout.model import Checkout, CheckoutState
from booking.checkout.transitions import ENDED, IN_FLIGHT
from booking.errors import AlreadyCounted, StaleCheckout
from booking.models import CardChoice
from booking.refusals import PaymentInProgress
from booking.unit_of_work import UnitOfWorkFactory
from integrations.database.sealing import SealBroken
from integrations.database.unit_of_work import sql_unit_of_work
from tests.integration.database_samples import (
    GUEST,
    NOON,
    SEALER,
    a_charge,
    a_checkout,
    a_full_checkout,
    somebody_waits,
)

S = CheckoutState


@pytest.fixture
def units(engine: AsyncEngine) -> UnitOfWorkFactory:
    return sql_unit_of_work(engine, SEALER)


async def added(units: UnitOfWorkFactory, checkout: Checkout) -> Checkout:
    async with units() as unit:
        assert await unit.checkouts.add(checkout) is None
        await unit.commit()
    return checkout.changed(version=1)


async def saved(units: UnitOfWorkFactory, checkout: Checkout, *, was: Checkout | None = None) -> Checkout:
    async with units() as unit:
        after = await unit.checkouts.save(checkout, was=was)
        await unit.commit()
    return after


async def stored(units: UnitOfWorkFactory, checkout_id: str = "checkout_1") -> Checkout | None:
    async with units() as unit:
        return await unit.checkouts.get(checkout_id)


class TestRoundTrip:
    async def test_every_field_is_read_back_as_written(self, units: UnitOfWorkFactory) -> None:
        full = a_full_checkout()
        untouched = [
            each.name
            for each in fields(Checkout)
            if each.default is not MISSING and getattr(full, each.name) == each.default
        ]
        assert untouched == [], "the sample must fill every field, or this test proves nothing of it"
        await added(units, full)
        assert await stored(units) == full
        changed = await saved(units, full.changed(tries=4))
        assert await stored(units) == changed

    async def test_a_fresh_checkout_is_read_back_as_written(self, units: UnitOfWorkFactory) -> None:
        fresh = await added(units, a_checkout())
        assert await stored(units) == fresh

    async def test_patient_data_leaves_the_row_with_the_value(
        self, units: UnitOfWorkFactory, engine: AsyncEngine
    ) -> None:
        row = await added(units, a_checkout(guest=GUEST))
        await saved(units, row.changed(guest=None, patient_id="patient-1"))
        async with engine.connect() as connection:
            whole = (await connection.execute(text("SELECT * FROM checkouts"))).mappings().one()
        assert whole["guest"] is None
        assert "example.com" not in str(dict(whole))

    async def test_patient_data_and_card_tokens_cannot_be_read_at_rest(
        self, units: UnitOfWorkFactory, engine: AsyncEngine
    ) -> None:
        await added(units, a_checkout(guest=GUEST, card=CardChoice(token="tok_sample")))
        async with engine.connect() as connection:
            whole = str(dict((await connection.execute(text("SELECT * FROM checkouts"))).mappings().one()))
        secrets = [GUEST.email, GUEST.first_name, GUEST.phone, "1990", "tok_sample"]
        assert [one for one in secrets if one and one in whole] == []

    async def test_details_that_are_moved_to_another_checkout_do_not_open(
        self, units: UnitOfWorkFactory, engine: AsyncEngine
    ) -> None:
        await added(units, a_checkout("from", guest=GUEST))
        await added(units, a_checkout("to", guest=GUEST))
        async with engine.begin() as connection:
            await connection.execute(
                text(
                    "UPDATE checkouts SET guest = (SELECT guest FROM checkouts WHERE id = 'from') WHERE id = 'to'"
                )
            )
        assert await stored(units, "from") is not None
        with pytest.raises(SealBroken):
            await stored(units, "to")

    async def test_a_missing_checkout_is_none(self, units: UnitOfWorkFactory) -> None:
        assert await stored(units) is None


class TestSave:
    async def test_answers_and_stores_the_next_version(self, units: UnitOfWorkFactory) -> None:
        first = await added(units, a_checkout())
        second = await saved(units, first.changed(state=S.PATIENT_READY, patient_id="patient-1"))
        assert second.version == 2
        assert await stored(units) == second

    async def test_a_stale_writer_changes_nothing(self, units: UnitOfWorkFactory) -> None:
        first = await added(units, a_checkout())
        second = await saved(units, first.changed(state=S.PATIENT_READY))
        with pytest.raises(StaleCheckout):
            await saved(units, first.changed(state=S.CANCELLED))
        assert await stored(units) == second

    async def test_of_many_writers_of_one_version_one_wins(self, units: UnitOfWorkFactory) -> None:
        first = await added(units, a_checkout())
        answers = await asyncio.gather(
            *(saved(units, first.changed(tries=n)) for n in range(20)), return_exceptions=True
        )
        winners = [answer for answer in answers if isinstance(answer, Checkout)]
        assert len(winners) == 1
        assert sum(isinstance(answer, StaleCheckout) for answer in answers) == 19
        assert await stored(units) == winners[0]

    @pytest.mark.postgres
    @pytest.mark.parametrize("first_commits", [True, False])
    async def test_a_lease_waits_for_an_uncommitted_rival_and_is_stale_when_that_commits(
        self, postgresql_engine: AsyncEngine, *, first_commits: bool
    ) -> None:
        """Under READ COMMITTED both have read the same version; the second must see what the first has written."""
        units = sql_unit_of_work(postgresql_engine, SEALER)
        row = await added(units, a_checkout(due_at=NOON))
        async with units() as unit:
            await unit.checkouts.save(row.changed(lease_owner="driver-1"))
            rival = asyncio.create_task(saved(units, row.changed(lease_owner="driver-2")))
            await somebody_waits(postgresql_engine)
            if first_commits:
                await unit.commit()
        if first_commits:
            with pytest.raises(StaleCheckout):
                await rival
        else:
            assert (await rival).lease_owner == "driver-2"
        kept = await stored(units)
        assert kept
        assert kept.lease_owner == ("driver-1" if first_commits else "driver-2")
        assert kept.version == 2

    async def test_without_commit_nothing_is_kept(self, units: UnitOfWorkFactory) -> None:
        first = await added(units, a_checkout())
        async with units() as unit:
            await unit.checkouts.save(first.changed(state=S.CANCELLED))
        assert await stored(units) == first


class TestOneLiveCheckoutPerHold:
    async def test_a_second_is_answered_with_the_first(self, units: UnitOfWorkFactory) -> None:
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

    @pytest.mark.postgres
    @pytest.mark.parametrize("first_commits", [True, False])
    async def test_two_transactions_at_once(
        self, postgresql_engine: AsyncEngine, *, first_commits: bool
    ) -> None:
        units = sql_unit_of_work(postgresql_engine, SEALER)
        first, second = a_checkout(), a_checkout("checkout_2", hold_id="hold_of_checkout_1")

        async def start_second() -> Checkout | None:
            async with units() as unit:
                standing = await unit.checkouts.add(second)
                await unit.commit()
            return standing

        async with units() as unit:
            await unit.checkouts.add(first)
            rival = asyncio.create_task(start_second())
            await somebody_waits(postgresql_engine)
            if first_commits:
                await unit.commit()
        standing = await rival
        assert (standing.id if standing else None) == ("checkout_1" if first_commits else None)


class TestWritingWhatDiffers:
    """Given the row as it was, a write that says less says the same."""

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

    async def test_what_was_sealed_still_opens(self, units: UnitOfWorkFactory) -> None:
        full = await added(units, a_full_checkout())
        moved = await saved(units, full.changed(tries=9), was=full)
        assert moved.guest is not None
        assert await stored(units, full.id) == moved

    async def test_a_stale_one_writes_nothing(self, units: UnitOfWorkFactory) -> None:
        first = await added(units, a_checkout())
        second = await saved(units, first.changed(tries=1), was=first)
        with pytest.raises(StaleCheckout):
            await saved(units, first.changed(tries=2), was=first)
        assert await stored(units) == second

    async def test_when_it_is_due_is_written_although_it_was_put_off_meanwhile(
        self, units: UnitOfWorkFactory
    ) -> None:
        """Whoever has read a row that is put off may write it all the same."""
        row = await added(units, a_checkout(due_at=NOON))
        async with units() as unit:
            await unit.checkouts.defer(row.id, now=NOON)
            await unit.commit()
        moved = await saved(units, row.changed(tries=1), was=row)
        assert moved.due_at == NOON
        assert await stored(units, row.id) == moved

    async def test_what_it_was_must_be_this_row_at_this_version(self, units: UnitOfWorkFactory) -> None:
        first = await added(units, a_checkout())
        second = await saved(units, first.changed(tries=1), was=first)
        with pytest.raises(AssertionError, match="another version"):
            await saved(units, second.changed(tries=2), was=first)

    @pytest.mark.parametrize(
        ("change", "refusal"),
        [
            ({"state": S.CARD_INTENDED}, PaymentInProgress),
            ({"charge": a_charge()}, AlreadyCounted),
            ({"appointment_id": "appointment-1"}, AlreadyCounted),
        ],
        ids=["patient", "billing item", "appointment"],
    )
    async def test_what_stands_on_another_row_is_refused_and_nothing_of_the_transaction_stays(
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


class TestOneInFlightPerPatient:
    @pytest.mark.parametrize("state", sorted(IN_FLIGHT))
    async def test_a_second_is_refused(self, units: UnitOfWorkFactory, state: CheckoutState) -> None:
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

    @pytest.mark.postgres
    @pytest.mark.parametrize("first_commits", [True, False])
    async def test_two_transactions_at_once(
        self, postgresql_engine: AsyncEngine, *, first_commits: bool
    ) -> None:
        units = sql_unit_of_work(postgresql_engine, SEALER)
        first = await added(units, a_checkout(patient_id="patient-1"))
        second = await added(units, a_checkout("checkout_2", patient_id="patient-1"))
        async with units() as unit:
            await unit.checkouts.save(first.changed(state=S.CARD_INTENDED))
            rival = asyncio.create_task(saved(units, second.changed(state=S.CARD_INTENDED)))
            await somebody_waits(postgresql_engine)
            if first_commits:
                await unit.commit()
        if first_commits:
            with pytest.raises(PaymentInProgress):
                await rival
        else:
            assert (await rival).state is S.CARD_INTENDED


class TestNothingCountsTwice:
    async def test_one_billing_item_for_two_checkouts(self, units: UnitOfWorkFactory) -> None:
        first = await added(units, a_checkout())
        second = await added(units, a_checkout("checkout_2"))
        await saved(units, first.changed(charge=a_charge(), state=S.CONFIRMED))
        with pytest.raises(AlreadyCounted, match="billing_item_id"):
            await saved(units, second.changed(charge=a_charge()))
        await saved(units, second.changed(charge=a_charge("billing-item-2")))

    async def test_one_appointment_for_two_checkouts(self, units: UnitOfWorkFactory) -> None:
        first = await added(units, a_checkout())
        second = await added(units, a_checkout("checkout_2"))
        await saved(units, first.changed(appointment_id="appointment-1", state=S.CONFIRMED))
        with pytest.raises(AlreadyCounted, match="appointment_id"):
            await saved(units, second.changed(appointment_id="appointment-1"))
        await saved(units, second.changed(appointment_id="appointment-2"))


async def test_due_rows_are_those_that_nobody_drives_longest_due_first(units: UnitOfWorkFactory) -> None:
    second, minute = timedelta(seconds=1), timedelta(minutes=1)
    for name, due_at, lease_until in [
        ("newest", NOON, None),
        ("oldest", NOON - minute, None),
        ("left", NOON - second, NOON),
        ("driven", NOON - minute, NOON + second),
        ("later", NOON + second, None),
        ("never", None, None),
    ]:
        await added(units, a_checkout(name, due_at=due_at, lease_until=lease_until))
    async with units() as unit:
        assert await unit.checkouts.due(NOON, limit=10) == ["oldest", "left", "newest"]
        assert await unit.checkouts.due(NOON, limit=1) == ["oldest"]


async def test_what_has_ended_is_due_after_what_somebody_waits_for(units: UnitOfWorkFactory) -> None:
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
async def test_what_cannot_be_read_is_put_off_as_long_as_it_has_stood_within_bounds(
    engine: AsyncEngine, stood: timedelta, rests: timedelta
) -> None:
    units = sql_unit_of_work(engine, SEALER)
    await added(units, a_checkout(guest=GUEST, due_at=NOON, updated_at=NOON - stood))
    async with engine.begin() as connection:
        await connection.execute(text("UPDATE checkouts SET guest = '\"torn\"'"))
    async with units() as unit:
        await unit.checkouts.defer("checkout_1", now=NOON)
        await unit.commit()
    async with units() as unit:
        assert await unit.checkouts.due(NOON + rests - timedelta(microseconds=1), limit=1) == []
        assert await unit.checkouts.due(NOON + rests, limit=1) == ["checkout_1"]


@pytest.mark.parametrize(
    "row",
    [
        a_checkout(due_at=NOON + timedelta(seconds=1)),
        a_checkout(due_at=NOON, lease_owner="driver-1", lease_until=NOON + timedelta(seconds=1)),
        a_checkout(due_at=None),
    ],
    ids=["not due", "driven", "at rest"],
)
async def test_what_is_not_due_or_is_driven_is_not_put_off(units: UnitOfWorkFactory, row: Checkout) -> None:
    before = await added(units, row)
    async with units() as unit:
        await unit.checkouts.defer("checkout_1", now=NOON)
        await unit.commit()
    assert await stored(units) == before
