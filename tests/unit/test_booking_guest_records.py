"""A guest can name anybody: a record that was there before is used by nobody who has not verified the email address."""

from dataclasses import replace

import pytest

from booking.checkout.guests import GuestRecords
from booking.checkout.model import Checkout, EndReason
from booking.checkout.model import CheckoutState as S
from booking.checkout.operator_actions import OperatorActions, Resolution
from booking.errors import UpstreamRefused
from booking.models import Card
from booking.operations.model import AttentionReason
from booking.ports import PATIENT_EXISTS
from booking.refusals import BookingFailed
from tests.doubles.booking_steps import confirm, parked
from tests.doubles.booking_upstream import AnswerLost, Lost
from tests.doubles.booking_world import GUEST, STRANGER, World, a_slot, as_guest

DUPLICATE = (AttentionReason.POSSIBLE_DUPLICATE_PATIENT,)
BOTH = pytest.mark.parametrize("rule", GuestRecords)


def practice(rule: GuestRecords, *, known: bool = True) -> World:
    """A practice that knows, or does not know, a patient of the guest's email and name, who has a card on file."""
    world = World(guest_records=rule)
    if known:
        world.books.patients["p-stranger"] = GUEST
        world.books.cards["p-stranger"].append(Card(id="theirs", brand="Visa", last4="4242", expires=None))
        world.books.defaults["p-stranger"] = "theirs"
    return world


def assert_stranger_untouched(world: World) -> None:
    """Nothing of the checkouts is in the stranger's record."""
    books = world.books
    assert books.patients["p-stranger"] == GUEST
    assert [card.id for card in books.cards["p-stranger"]] == ["theirs"]
    assert books.defaults["p-stranger"] == "theirs"
    assert "p-stranger" not in {visit.patient_id for visit in books.appointments}
    assert "p-stranger" not in {row.patient_id for row in world.database.rows.values()}


@BOTH
class TestAnUnprovedGuest:
    async def test_gets_a_record_of_their_own_that_staff_are_told_to_merge(self, rule: GuestRecords) -> None:
        world = practice(rule)
        row = await confirm(world, await world.start())
        assert (row.state, row.patient_created, row.attention) == (S.CONFIRMED, True, DUPLICATE)
        assert row.patient_id is not None
        assert world.books.patients[row.patient_id] == replace(GUEST, email="")
        assert {(one.reason, one.subject) for one in world.database.alerts.values()} == {
            (AttentionReason.POSSIBLE_DUPLICATE_PATIENT, row.id)
        }
        assert_stranger_untouched(world)
        world.assert_right(row)

    async def test_is_no_silent_duplicate_of_an_archived_record_either(self, rule: GuestRecords) -> None:
        world = practice(rule)
        world.books.archived.add("p-stranger")
        row = await confirm(world, await world.start())
        assert (row.state, row.patient_created, row.attention) == (S.CONFIRMED, True, DUPLICATE)
        assert_stranger_untouched(world)

    async def test_causes_the_same_calls_whether_the_practice_knows_the_email_or_not(
        self, rule: GuestRecords
    ) -> None:
        calls = []
        for known in (True, False):
            world = practice(rule, known=known)
            await confirm(world, await world.start())
            calls.append(world.tape.calls())
        assert calls[0] == calls[1]

    async def test_gets_another_record_when_they_come_again(self, rule: GuestRecords) -> None:
        """What an earlier guest made may be somebody's by now: who says the same again is not known to be them."""
        world = practice(rule, known=False)
        first = await confirm(world, await world.start())
        second = await confirm(world, await world.start(STRANGER, a_slot(hours=48)))
        assert first.patient_id != second.patient_id
        assert (first.attention, second.attention) == ((), DUPLICATE)

    async def test_is_not_taken_for_somebody_who_came_in_between(self, rule: GuestRecords) -> None:
        world = practice(rule, known=False)
        world.books.fail("create_patient", UpstreamRefused("create_patient", PATIENT_EXISTS))

        async def somebody_creates() -> None:
            world.books.patients["p-other"] = GUEST

        world.books.during["create_patient"] = somebody_creates
        row = await confirm(world, await world.start())
        assert (row.state, row.attention) == (S.CONFIRMED, DUPLICATE)
        assert row.patient_id != "p-other"
        assert world.tape.calls()[:3] == ["find_patient", "create_patient", "create_patient"]

    async def test_whose_second_record_is_refused_too_is_told_at_once(self, rule: GuestRecords) -> None:
        world = practice(rule)
        checkout = await world.start()
        world.books.fail("create_patient", UpstreamRefused("create_patient", PATIENT_EXISTS))
        with pytest.raises(BookingFailed, match="not been charged"):
            await confirm(world, checkout)
        assert world.row(checkout).end_reason is EndReason.BOOKING_REFUSED
        assert_stranger_untouched(world)

    @pytest.mark.parametrize("known", [True, False])
    @pytest.mark.parametrize("fault", [AnswerLost(), Lost()], ids=["answer lost", "request lost"])
    async def test_whose_record_is_in_doubt_gets_one_and_is_found_by_its_reference(
        self, rule: GuestRecords, *, known: bool, fault: Exception
    ) -> None:
        world = practice(rule, known=known)
        row = await world.settle(await parked(world, "create_patient", fault))
        assert row.state is S.CONFIRMED
        assert (row.patient_created, row.attention) == (True, DUPLICATE if known else ())
        assert len(world.books.references) == 1
        if known:
            assert_stranger_untouched(world)

    async def test_is_on_the_list_until_staff_have_merged_the_two(self, rule: GuestRecords) -> None:
        world = practice(rule)
        row = await confirm(world, await world.start())
        actions = OperatorActions(units=world.database, clock=world.clock, operator="sample")
        assert (await actions.retry(row.id)).attention == DUPLICATE
        assert (await world.reconcile(row)).attention == DUPLICATE
        resolved = await actions.resolve(row.id, Resolution.BOOKED, note="Merged.")
        assert resolved.attention == ()


class TestAGuestWhoProvedTheMailbox:
    async def test_uses_the_record_and_changes_no_default_card(self) -> None:
        world = practice(GuestRecords.VERIFIED_EMAIL)
        row = await self.bought(world)
        assert (row.patient_id, row.patient_created, row.attention) == ("p-stranger", False, ())
        assert world.books.defaults["p-stranger"] == "theirs"
        assert "create_patient" not in world.tape.calls()

    async def test_comes_back_to_a_record_that_the_practice_had_archived_and_staff_are_told(self) -> None:
        world = practice(GuestRecords.VERIFIED_EMAIL)
        world.books.archived.add("p-stranger")
        row = await self.bought(world)
        assert (row.patient_id, row.attention) == ("p-stranger", (AttentionReason.ARCHIVED_PATIENT,))
        assert "create_patient" not in world.tape.calls()
        actions = OperatorActions(units=world.database, clock=world.clock, operator="sample")
        assert (await world.reconcile(row)).attention == (AttentionReason.ARCHIVED_PATIENT,)
        assert (await actions.resolve(row.id, Resolution.BOOKED, note="Active again.")).attention == ()

    async def test_gets_a_record_of_their_own_all_the_same_where_the_practice_wants_it_so(self) -> None:
        world = practice(GuestRecords.NEW)
        row = await self.bought(world)
        assert row.attention == DUPLICATE
        assert_stranger_untouched(world)

    async def test_and_is_new_gets_a_record_whose_default_card_is_theirs(self) -> None:
        world = practice(GuestRecords.VERIFIED_EMAIL, known=False)
        row = await self.bought(world)
        assert (row.patient_created, row.attention) == (True, ())
        assert world.books.defaults[row.patient_id or ""] == row.card_id

    async def bought(self, world: World) -> Checkout:
        """Verify, confirm, and answer the row."""
        checkout = await world.verify(await world.start())
        row = await world.checkouts.confirm(
            as_guest(checkout), checkout.id, world.token(), quote_id=checkout.quote.id
        )
        assert row.state is S.CONFIRMED
        return row
