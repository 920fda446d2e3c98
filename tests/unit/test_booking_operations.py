"""What people are alerted to, who is not bookable, and what operators may do."""

from dataclasses import dataclass
from datetime import datetime, timedelta

import pytest

from booking.changes.model import ChangeState
from booking.checkout.model import CheckoutState as S
from booking.checkout.model import EndReason
from booking.checkout.operator_actions import OperatorActions, Resolution
from booking.checkout.timing import RARELY, SETTLE
from booking.errors import AlertDeliveryFailed, InvalidInput, NotFound, OutcomeUnknown, UpstreamRefused
from booking.events.model import EventName
from booking.operations.alerts import FIRST_WAIT, AlertService
from booking.operations.model import Alert, AttentionReason, HistoryKind
from booking.refusals import BookingFailed, CardDeclined, ClinicianNotBookable, SlotTaken
from booking.stored_names import Unknown
from tests.doubles.booking_ports import FakeClock, Killed
from tests.doubles.booking_steps import confirm, parked
from tests.doubles.booking_upstream import OTHER_INVOICE, Lost
from tests.doubles.booking_world import PATIENT, World, a_slot, as_guest
from tests.integration.change_samples import a_cancellation

IN_DOUBT = timedelta(minutes=20)


class Heard:
    """A channel for alerts that can be out of order."""

    def __init__(self) -> None:
        self.alerts: list[Alert] = []
        self.broken = False

    async def send(self, alert: Alert) -> None:
        if self.broken:
            raise AlertDeliveryFailed("http_503")
        self.alerts.append(alert)


@dataclass
class Ticking:
    """A clock that goes on between two looks at it, as all but those of tests do."""

    clock: FakeClock

    def now(self) -> datetime:
        self.clock.advance(milliseconds=1)
        return self.clock.now()


def an_alert_service(world: World, heard: Heard) -> AlertService:
    return AlertService(units=world.database, channels=(heard,), clock=world.clock, in_doubt=IN_DOUBT)


def operator_actions(world: World) -> OperatorActions:
    return OperatorActions(units=world.database, clock=world.clock, operator="operator sample")


def reasons(world: World) -> set[str]:
    return {alert.reason for alert in world.database.alerts.values()}


class TestOfANewerVersion:
    """What a newer version gave to a person is that version's to take off the list."""

    async def test_a_retry_leaves_its_reasons_and_a_resolution_is_refused(self) -> None:
        world = World()
        checkout = await world.start()
        strange, ours = Unknown("of_tomorrow"), AttentionReason.LATE_CHARGE_UNCERTAIN
        row = world.row(checkout).changed(state=S.CONFIRMED, attention=(ours, strange))
        world.put(row)
        after = await operator_actions(world).retry(checkout.id)
        assert after.attention == (strange,)
        with pytest.raises(InvalidInput, match="newer version"):
            await operator_actions(world).resolve(checkout.id, Resolution.BOOKED, note="Sample.")
        assert world.row(checkout).attention == (strange,)

    async def test_the_step_to_take_again_is_not_guessed(self) -> None:
        world = World()
        checkout = await world.start()
        given = world.row(checkout).changed(state=S.NEEDS_ATTENTION, attention_from=Unknown("of_tomorrow"))
        world.put(given)
        with pytest.raises(InvalidInput, match="which step"):
            await operator_actions(world).retry(checkout.id)

    async def test_nobody_drives_a_row_at_its_states(self) -> None:
        world = World()
        checkout = world.confirmed(await world.start())
        world.put(world.row(checkout).changed(state=Unknown("of_tomorrow")))
        before = world.row(checkout)
        await world.a_saga().resume(checkout.id)
        await world.a_saga().check_early(checkout.id)
        assert await world.a_saga().drive(before) == before
        assert world.row(checkout) == before
        assert world.tape.calls() == []


class TestAlerts:
    async def test_an_alert_is_sent_once_however_often_its_reason_comes_back(self) -> None:
        world, heard = World(), Heard()
        watch = an_alert_service(world, heard)
        await watch.raise_alert(AttentionReason.LEDGER_DIFFERENCE, "ch_1")
        await watch.send()
        await watch.raise_alert(AttentionReason.LEDGER_DIFFERENCE, "ch_1")
        await watch.send()
        assert [alert.id for alert in heard.alerts] == ["sweep_difference:ch_1"]

    async def test_what_cannot_be_sent_is_sent_later(self) -> None:
        world, heard = World(), Heard()
        watch = an_alert_service(world, heard)
        heard.broken = True
        await watch.raise_alert(AttentionReason.LEDGER_DIFFERENCE, "ch_1")
        await watch.send()
        heard.broken = False
        await watch.send()
        assert heard.alerts == []
        world.clock.advance(seconds=FIRST_WAIT.total_seconds())
        await watch.send()
        assert len(heard.alerts) == 1

    async def test_an_alert_is_committed_with_the_write_that_causes_it_or_not_at_all(self) -> None:
        for kill_at in range(1, 60):
            world = World()
            checkout = await world.start()
            world.books.fail("book", SlotTaken())
            world.books.fail("refund", UpstreamRefused("refund", "why"))
            world.tape.points, world.tape.kill_at = 0, kill_at
            try:
                await confirm(world, checkout)
            except Killed:
                stands = world.row(checkout).state is S.NEEDS_ATTENTION
                assert (AttentionReason.REFUND_FAILED in reasons(world)) == stands
            else:
                break
        assert kill_at > 20
        assert reasons(world) == {AttentionReason.REFUND_FAILED}

    async def test_every_reason_of_a_checkout_is_raised(self) -> None:
        world = World()
        world.books.open_invoice, world.books.booked_provider, world.books.package_id = (
            OTHER_INVOICE,
            "c2",
            "pkg",
        )
        with pytest.raises(BookingFailed):
            await confirm(world, await world.start())
        expected = {
            AttentionReason.OPEN_INVOICE,
            AttentionReason.PACKAGE_REMAINS,
            AttentionReason.PROVIDER_MISMATCH,
        }
        assert reasons(world) == expected

    async def test_an_outcome_unknown_past_the_horizon_is_alerted(self) -> None:
        world, heard = World(), Heard()
        watch = an_alert_service(world, heard)
        checkout = await parked(world, "charge", Lost())
        world.books.fail("find_charge", *[OutcomeUnknown("billingItems")] * 100)
        world.clock.advance(seconds=IN_DOUBT.total_seconds() - 1)
        await watch.alert_overdue()
        assert reasons(world) == set()
        world.clock.advance(seconds=1)
        await watch.alert_overdue()
        await watch.alert_overdue()
        await watch.send()
        assert [(alert.reason, alert.subject) for alert in heard.alerts] == [
            (AttentionReason.IN_DOUBT, checkout.id)
        ]

    async def test_a_change_that_is_stuck_or_of_another_version_is_alerted_once(self) -> None:
        world, heard = World(), Heard()
        watch = an_alert_service(world, heard)
        now = world.clock.now()
        states = {"stuck": ChangeState.OPEN, "over": ChangeState.DONE, "strange": Unknown("waiting")}
        for name, state in states.items():
            world.database.changes[name] = a_cancellation(name, state=state, created_at=now)
        world.clock.advance(seconds=IN_DOUBT.total_seconds() - 1)
        await watch.alert_overdue()
        assert reasons(world) == {AttentionReason.UNKNOWN_STATE}
        world.clock.advance(seconds=1)
        await watch.alert_overdue()
        await watch.alert_overdue()
        await watch.send()
        assert [(alert.reason, alert.subject) for alert in heard.alerts] == [
            (AttentionReason.UNKNOWN_STATE, "strange"),
            (AttentionReason.IN_DOUBT, "stuck"),
        ]

    async def test_the_claim_of_a_visit_that_waits_for_a_person_goes_when_its_start_has_passed(self) -> None:
        world = World()
        checkout = await world.start()
        world.books.fail("book", SlotTaken())
        world.books.fail("refund", UpstreamRefused("refund", "why"))
        await confirm(world, checkout)
        watch = an_alert_service(world, Heard())
        await watch.alert_overdue()
        assert checkout.id in world.database.claims
        world.clock.advance(hours=24)
        await watch.alert_overdue()
        assert world.database.claims == {}


class TestCountedTwice:
    async def test_a_charge_of_another_checkout_is_for_a_person_and_not_taken(self) -> None:
        world = World()
        first = await confirm(world, await world.start())
        second = await world.start(slot=a_slot(hours=48))
        assert first.charge is not None
        world.books.fail("charge", Lost())
        row = await confirm(world, second)
        world.books.charges[0].key = row.upstream_key  # upstream names the first one's charge as the second's
        world.books.charges[0].at = world.clock.now()
        row = await world.settle(row)
        assert (row.state, row.attention, row.charge) == (
            S.NEEDS_ATTENTION,
            (AttentionReason.POSSIBLE_DUPLICATE_PATIENT, AttentionReason.ALREADY_COUNTED),
            None,
        )
        assert reasons(world) == set(row.attention)


class TestProviderMismatch:
    async def test_the_clinician_is_not_offered_held_or_booked_until_cleared(self) -> None:
        world = World()
        waiting = await world.start(slot=a_slot(hours=48))
        held = await world.start(slot=a_slot(hours=24.5))
        await world.checkouts.cancel(as_guest(held), held.id)
        world.books.booked_provider = "c2"
        with pytest.raises(BookingFailed):
            await confirm(world, await world.start())
        world.books.booked_provider = None
        assert [person.id for person in (await world.catalog.catalog()).clinicians] == ["c2"]
        with pytest.raises(ClinicianNotBookable):
            await world.hold(slot=a_slot(hours=24.5))
        with pytest.raises(ClinicianNotBookable):
            await confirm(world, waiting)
        assert world.row(waiting).end_reason is EndReason.CLINICIAN_NOT_BOOKABLE
        assert len(world.books.charges) == 1
        world.assert_right(waiting)

        await operator_actions(world).unblock("c1")
        assert (await confirm(world, await world.start())).state is S.CONFIRMED

    async def test_a_visit_paid_for_meanwhile_is_given_back_and_not_booked(self) -> None:
        world = World()
        other = await world.start(PATIENT, a_slot(hours=48))

        async def block() -> None:
            world.books.booked_provider = "c2"
            with pytest.raises(BookingFailed):
                await confirm(world, await world.start())

        world.books.during["charge"] = block
        with pytest.raises(BookingFailed):
            await world.checkouts.confirm(PATIENT, other.id, world.token(), quote_id=other.quote.id)
        assert world.row(other).end_reason is EndReason.CLINICIAN_NOT_BOOKABLE
        assert world.tape.calls().count("book") == 1
        world.assert_right(other)

    async def test_the_block_and_its_alert_come_with_the_write_that_saw_the_mismatch(self) -> None:
        world = World()
        world.books.booked_provider = "c2"
        checkout = await world.start()
        seen: list[tuple[set[str], set[str]]] = []
        world.tape.after_commit["booked"] = lambda: seen.append((set(world.database.blocks), reasons(world)))
        with pytest.raises(BookingFailed):
            await confirm(world, checkout)
        assert seen == [({"c1"}, {AttentionReason.PROVIDER_MISMATCH})]

    async def test_only_a_block_that_stands_can_be_cleared(self) -> None:
        with pytest.raises(NotFound):
            await operator_actions(World()).unblock("c1")


class TestOperators:
    async def _escalate(self, world: World, call: str = "refund") -> str:
        checkout = await world.start()
        world.books.fail("book", SlotTaken())
        world.books.fail(call, UpstreamRefused(call, "why"))
        row = await confirm(world, checkout)
        assert row.state is S.NEEDS_ATTENTION
        return row.id

    async def test_a_retry_takes_the_step_again_that_was_given_up(self) -> None:
        world = World()
        checkout_id = await self._escalate(world)
        row = await operator_actions(world).retry(checkout_id)
        assert (row.state, row.attention) == (S.REFUND_INTENDED, ())
        await world.a_saga().resume(checkout_id)
        world.assert_right(row)
        assert world.row(row).state is S.REFUNDED

    @pytest.mark.parametrize(
        "escalate",
        [
            AttentionReason.OUT_OF_TRIES,
            AttentionReason.APPOINTMENT_NOT_DELETED,
            AttentionReason.RECURRING_NOT_CANCELLED,
            AttentionReason.REFUND_FAILED,
            AttentionReason.ALREADY_COUNTED,
        ],
    )
    async def test_a_retry_forgets_no_reason_but_that_of_the_step(self, escalate: AttentionReason) -> None:
        world = World()
        checkout_id = await self._escalate(world)
        others = (AttentionReason.OPEN_INVOICE, AttentionReason.LATE_CHARGE)
        world.put(world.database.rows[checkout_id].changed(attention=(others[0], escalate, others[1])))
        assert (await operator_actions(world).retry(checkout_id)).attention == others

    async def test_a_look_that_is_asked_for_forgets_nothing_that_it_cannot_find_again(self) -> None:
        world = World()
        world.books.open_invoice = OTHER_INVOICE
        row = await confirm(world, await world.start())
        world.put(row.flagged(AttentionReason.LATE_VISIT))
        assert (await operator_actions(world).retry(row.id)).attention == (AttentionReason.OPEN_INVOICE,)
        assert (await world.reconcile(row, hours=0)).attention == (AttentionReason.OPEN_INVOICE,)

    async def test_what_fails_again_is_alerted_again(self) -> None:
        world, heard = World(), Heard()
        checkout_id = await self._escalate(world)
        watch = an_alert_service(world, heard)
        await watch.send()
        await operator_actions(world).retry(checkout_id)
        world.books.fail("refund", UpstreamRefused("refund", "why"))
        await world.a_saga().resume(checkout_id)
        await watch.send()
        assert [alert.reason for alert in heard.alerts] == [AttentionReason.REFUND_FAILED] * 2

    async def test_a_charge_that_is_tried_again_is_looked_for_first(self) -> None:
        world = World()
        checkout = await parked(world, "charge", Lost())
        world.books.fail("find_charge", *[OutcomeUnknown("billingItems")] * 100)
        row = await world.settle(checkout)
        assert row.attention == (AttentionReason.OUT_OF_TRIES,)
        world.books.faults.clear()
        row = await operator_actions(world).retry(row.id)
        row = await world.settle(row)
        assert row.state is S.EXPIRED  # long after the deadline nothing is sent
        assert world.books.charges == []

    async def test_what_is_said_to_be_booked_ends_gives_the_claim_back_and_tells_who_and_why(self) -> None:
        world = World()
        checkout_id = await self._escalate(world)
        row = await operator_actions(world).resolve(checkout_id, Resolution.BOOKED, note="Seen to by phone.")
        assert (row.state, row.attention, row.end_reason) == (S.CONFIRMED, (), None)
        assert world.database.claims == {}
        last = world.database.events[-1]
        assert (last.kind, last.by, last.note) == (
            HistoryKind.RESOLVED,
            "operator sample",
            "Seen to by phone.",
        )
        assert (last.before, last.after) == (S.NEEDS_ATTENTION, S.CONFIRMED)

    async def test_what_was_resolved_as_booked_keeps_the_charge_and_visit_that_it_finds(self) -> None:
        world = World()
        checkout = await world.start()
        world.tape.refused_commit["charged"] = ConnectionError()
        with pytest.raises(ConnectionError):
            await confirm(world, checkout)
        world.books.fail("find_charge", *[OutcomeUnknown("billingItems")] * 100)
        row = await world.settle(checkout)
        assert (row.state, row.charge) == (S.NEEDS_ATTENTION, None)
        row = await operator_actions(world).resolve(row.id, Resolution.BOOKED, note="Booked by hand.")
        row = await world.reconcile(row)
        assert row.charge is not None
        assert "refund" not in world.tape.calls()
        assert row.state is S.CONFIRMED

    async def test_what_was_resolved_as_booked_is_looked_at_at_once_by_a_clock_that_goes_on(self) -> None:
        world = World()
        checkout_id = await self._escalate(world)
        actions = OperatorActions(
            units=world.database, clock=Ticking(world.clock), operator="operator sample"
        )
        row = await actions.resolve(checkout_id, Resolution.BOOKED, note="Booked by phone.")
        row = await world.reconcile(row, hours=0)
        assert row.checks == 1

    async def test_a_flag_on_an_ended_checkout_can_be_taken_off_but_not_its_end(self) -> None:
        world = World()
        world.books.open_invoice = OTHER_INVOICE
        row = await confirm(world, await world.start())
        with pytest.raises(InvalidInput, match="confirmed"):
            await operator_actions(world).resolve(row.id, Resolution.REFUNDED, note="No.")
        resolved = await operator_actions(world).resolve(row.id, Resolution.BOOKED, note="Invoice closed.")
        assert (resolved.state, resolved.attention) == (S.CONFIRMED, ())

    async def test_what_needs_nobody_is_refused(self) -> None:
        world = World()
        checkout = await world.start()
        with pytest.raises(InvalidInput):
            await operator_actions(world).retry(checkout.id)
        with pytest.raises(InvalidInput):
            await operator_actions(world).resolve(checkout.id, Resolution.BOOKED, note="No.")
        with pytest.raises(NotFound):
            await operator_actions(world).retry("chk_missing")

    async def test_a_row_that_is_being_driven_is_left_to_its_driver(self) -> None:
        world = World()
        checkout = await world.start()
        refused: list[InvalidInput] = []

        async def impatient() -> None:
            try:
                await operator_actions(world).retry(checkout.id)
            except InvalidInput as error:
                refused.append(error)

        world.books.during["charge"] = impatient
        assert (await confirm(world, checkout)).state is S.CONFIRMED
        assert len(refused) == 1

    async def test_a_parked_row_is_taken_up_at_once(self) -> None:
        world = World()
        checkout = await parked(world, "charge", Lost())
        world.put(world.row(checkout).changed(due_at=world.clock.now() + RARELY))
        world.clock.advance(seconds=SETTLE.total_seconds())
        row = await operator_actions(world).retry(checkout.id)
        assert row.due_at == world.clock.now()

    @pytest.mark.parametrize("call", ["charge", "book", "refund"])
    async def test_but_not_before_what_was_sent_last_has_settled(self, call: str) -> None:
        """It was sent again a moment ago, and may land still: a look now sees nothing, and would send a third."""
        world = World()
        if call == "refund":
            world.books.fail("book", SlotTaken())
        checkout = await parked(world, call, Lost())
        world.books.fail(call, Lost())
        world.clock.advance(seconds=SETTLE.total_seconds())
        await world.a_saga().resume(checkout.id)
        sent = world.tape.calls()
        world.clock.advance(seconds=1)
        for _ in range(2):  # asking twice makes it neither earlier nor later
            row = await operator_actions(world).retry(checkout.id)
        await world.a_saga().resume(checkout.id)
        assert world.tape.calls() == sent
        assert row.due_at == world.clock.now() + SETTLE - timedelta(seconds=1)


class TestHistory:
    async def test_it_tells_why_a_checkout_needs_a_person(self) -> None:
        world = World()
        world.books.open_invoice = OTHER_INVOICE
        checkout = await world.start()
        await confirm(world, checkout)
        flagged = [event for event in world.database.events if event.kind is HistoryKind.FLAGGED]
        assert [(event.note, event.after) for event in flagged] == [(AttentionReason.OPEN_INVOICE, S.BOOKED)]

    async def test_it_tells_start_confirm_moves_and_cancel_in_order(self) -> None:
        world = World()
        checkout = await world.start()

        async def cancel() -> None:
            await world.checkouts.cancel(as_guest(checkout), checkout.id)

        world.books.during["charge"] = cancel
        with pytest.raises(Exception, match="ended"):
            await confirm(world, checkout)
        history = world.database.history(checkout)
        assert history[:3] == ["started started", "accepted started", "moved patient_intended"]
        assert history[-5:] == [
            "cancel_requested charge_intended",
            "moved charged",
            "moved compensating",
            "moved refund_intended",
            "moved refunded",
        ]


class TestDomainEventsAreWritten:
    async def test_of_an_end_with_the_ids_of_all_that_belongs_to_it_and_nothing_else(self) -> None:
        world = World()
        row = await confirm(world, await world.start())
        (event,) = world.database.outbox
        assert (event.name, event.at, str(event.resource)) == (
            EventName.CHECKOUT_CONFIRMED,
            row.updated_at,
            f"checkout {row.id}",
        )
        assert row.charge is not None
        assert event.ids == {
            "checkout": row.id,
            "clinician": row.visit_slot.clinician_id,
            "patient": row.patient_id,
            "appointment": row.appointment_id,
            "payment": row.charge.billing_item_id,
        }

    async def test_of_nothing_before_it_is_over(self) -> None:
        world = World()
        checkout = await world.start()
        with pytest.raises(CardDeclined):
            await confirm(world, checkout, "declined")
        assert world.database.sent(checkout) == []
        await world.checkouts.cancel(as_guest(checkout), checkout.id)
        assert world.database.sent(checkout) == [EventName.CHECKOUT_CANCELLED]

    async def test_that_it_needs_a_person_and_then_how_the_person_saw_to_it(self) -> None:
        world = World()
        checkout = await world.start()
        world.books.fail("book", SlotTaken())
        world.books.fail("refund", UpstreamRefused("refund", "why"))
        await confirm(world, checkout)
        assert world.database.sent(checkout) == [EventName.CHECKOUT_NEEDS_ATTENTION]
        await operator_actions(world).resolve(checkout.id, Resolution.REFUNDED, note="By hand.")
        assert world.database.sent(checkout)[1:] == []
        await world.settle(checkout)
        assert world.database.sent(checkout)[1:] == [EventName.CHECKOUT_REFUNDED]

    async def test_with_the_commit_of_the_end_or_not_at_all(self) -> None:
        for kill_at in range(1, 60):
            world = World()
            checkout = await world.start()
            world.tape.points, world.tape.kill_at = 0, kill_at
            try:
                await confirm(world, checkout)
            except Killed:
                ended = world.row(checkout).state is S.CONFIRMED
                assert world.database.sent(checkout) == [EventName.CHECKOUT_CONFIRMED] * ended
            else:
                break
        assert kill_at > 20
