"""What the practice sells is read anew before money moves; a charge on other terms is undone at once and called by its name."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from booking.catalog.model import BillingFrequency, Plan, VisitType
from booking.checkout.model import Checkout, EndReason
from booking.checkout.model import CheckoutState as S
from booking.checkout.transitions import at_rest
from booking.errors import UpstreamRefused, UpstreamUnavailable
from booking.models import Promo
from booking.money import Money
from booking.operations.model import AttentionReason
from booking.refusals import BookingFailed, ChargedWrongly, QuoteChanged, TermsChanged
from tests.doubles.booking_ports import Killed
from tests.doubles.booking_steps import confirm, parked
from tests.doubles.booking_upstream import AnswerLost, Lost
from tests.doubles.booking_world import (
    CATALOG,
    FREE,
    GUEST,
    ONCE,
    PLANNED,
    PRICED,
    TEN_OFF,
    VISITOR,
    World,
    a_slot,
    as_guest,
)


def usd(amount: str) -> Money:
    return Money.of(amount, "USD")


def sells(world: World, plan: Plan) -> None:
    """From now on the practice sells this plan in the place of the one with its id."""
    plans = tuple(plan if one.id == plan.id else one for one in CATALOG.plans)
    world.offer.offered = replace(CATALOG, plans=plans)


def offers(world: World, visit: VisitType) -> None:
    """From now on the practice offers this visit in the place of the one with its id."""
    kinds = tuple(visit if one.id == visit.id else one for one in CATALOG.visit_types)
    world.offer.offered = replace(CATALOG, visit_types=kinds)


def promises(world: World, **changes: object) -> None:
    world.offer.promos["TENOFF"] = Promo(**{**vars(TEN_OFF), **changes})


async def buying(world: World, *, promo: bool = True) -> Checkout:
    """A checkout of the one-time plan, with the code that takes 10 off: 89 today."""
    hold = await world.hold(slot=a_slot(PLANNED))
    return await world.starts.start(
        VISITOR,
        hold_id=hold.id,
        plan_id=ONCE.id,
        promo_code="TENOFF" if promo else None,
        guest=GUEST,
        accept_recurrence=True,
    )


async def free_visit(world: World) -> Checkout:
    return await world.start(slot=a_slot(FREE))


OTHER_TERMS: dict[str, tuple[Callable[[World], None], str]] = {
    "price": (lambda world: sells(world, replace(ONCE, due_today=usd("109"))), "89.00 USD"),
    "monthly": (lambda world: sells(world, replace(ONCE, frequency=BillingFrequency.MONTHLY)), "89.00 USD"),
    "less off": (lambda world: promises(world, discounted=usd("94")), "94.00 USD"),
    "code gone": (lambda world: world.offer.promos.clear(), "99.00 USD"),
    "another coupon": (lambda world: promises(world, coupon_id="k2"), "89.00 USD"),
}

NOT_SOLD: dict[str, Callable[[World], None]] = {
    "hidden": lambda world: setattr(world.offer, "offered", replace(CATALOG, plans=())),
    "sold out": lambda world: sells(world, replace(ONCE, sold_out=True)),
    "without the visit": lambda world: sells(world, replace(ONCE, visits=())),
    "nothing due": lambda world: promises(world, discounted=usd("0")),
}


class TestBeforeTheIntent:
    @pytest.mark.parametrize("change", OTHER_TERMS)
    async def test_other_terms_are_told_and_nothing_is_charged(self, change: str) -> None:
        world = World()
        checkout = await buying(world)
        arrange, due = OTHER_TERMS[change]
        arrange(world)
        with pytest.raises(QuoteChanged) as told:
            await confirm(world, checkout)
        row = world.row(checkout)
        assert at_rest(row)
        assert (row.state, row.quote, str(row.quote.due_today)) == (S.PATIENT_READY, told.value.quote, due)
        assert (row.attempts, row.declined, row.card) == ((), None, None)
        assert world.books.charges == []
        assert world.database.claims == {}
        assert [hold.id for hold in world.holds.live] == [checkout.hold_id]
        assert "requoted patient_ready" in world.database.history(checkout)

    @pytest.mark.parametrize("change", OTHER_TERMS)
    async def test_who_accepts_the_present_quote_pays_that(self, change: str) -> None:
        world = World()
        checkout = await buying(world)
        OTHER_TERMS[change][0](world)
        with pytest.raises(QuoteChanged):
            await confirm(world, checkout)
        with pytest.raises(QuoteChanged):
            await confirm(world, checkout)  # the old one once more
        row = await confirm(world, world.row(checkout))
        assert row.state is S.CONFIRMED
        world.assert_right(row)

    @pytest.mark.parametrize("change", NOT_SOLD)
    async def test_what_is_not_sold_any_more_ends_the_checkout_uncharged(self, change: str) -> None:
        world = World()
        checkout = await buying(world)
        NOT_SOLD[change](world)
        with pytest.raises(TermsChanged, match="not been charged"):
            await confirm(world, checkout)
        row = world.row(checkout)
        assert (row.state, row.end_reason) == (S.CANCELLED, EndReason.TERMS_CHANGED)
        assert world.books.charges == []
        world.assert_right(row)

    async def test_a_visit_of_another_price_is_told(self) -> None:
        world = World()
        checkout = await world.start()
        offers(world, replace(PRICED, price=usd("180")))
        with pytest.raises(QuoteChanged) as told:
            await confirm(world, checkout)
        assert told.value.quote.due_today == usd("180")
        assert [charge.net for charge in world.books.charges] == []
        row = await confirm(world, world.row(checkout))
        assert [charge.net for charge in world.books.charges] == [usd("180")]
        world.assert_right(row)

    async def test_a_free_visit_that_has_a_price_by_now_is_neither_booked_nor_charged(self) -> None:
        world = World()
        checkout = await free_visit(world)
        offers(world, replace(FREE, price=usd("60")))
        with pytest.raises(QuoteChanged) as told:
            await world.checkouts.confirm(as_guest(checkout), checkout.id, None, quote_id=checkout.quote.id)
        assert told.value.quote.due_today == usd("60")
        assert (world.books.charges, world.books.appointments) == ([], [])
        row = await confirm(world, world.row(checkout))
        assert [charge.net for charge in world.books.charges] == [usd("60")]
        world.assert_right(row)

    @pytest.mark.parametrize("now", [None, replace(PRICED, price=None)], ids=["gone", "without a price"])
    async def test_a_visit_that_is_not_sold_by_itself_any_more_ends_uncharged(
        self, now: VisitType | None
    ) -> None:
        world = World()
        checkout = await world.start()
        kinds = (now,) if now else ()
        world.offer.offered = replace(CATALOG, visit_types=kinds)
        with pytest.raises(TermsChanged):
            await confirm(world, checkout)
        assert world.books.charges == []

    async def test_another_name_or_rule_of_the_practice_changes_nothing(self) -> None:
        world = World()
        checkout = await buying(world)
        sells(world, replace(ONCE, name="Renamed", description="Anew."))
        policy = replace(CATALOG.policy, cancel_notice=timedelta(days=2))
        world.offer.offered = replace(world.offer.offered, policy=policy)
        assert (await confirm(world, checkout)).state is S.CONFIRMED

    async def test_while_the_terms_cannot_be_read_nothing_is_charged(self) -> None:
        world = World()
        checkout = await buying(world)
        world.books.fail("plan_on_sale", UpstreamUnavailable("PlanOnSale"))
        row = await confirm(world, checkout)
        assert (row.state, world.books.charges) == (S.CARD_READY, [])
        assert (await world.settle(row)).state is S.CONFIRMED

    async def test_they_are_read_last_before_the_intent(self) -> None:
        world = World()
        await confirm(world, await buying(world))
        read = world.tape.events.index("call plan_on_sale")
        assert world.tape.events[read + 1 : read + 3] == ["commit charge_intended", "call charge"]


class TestBeforeSendingAgain:
    @pytest.mark.parametrize("change", [*OTHER_TERMS, *NOT_SOLD])
    async def test_a_charge_that_did_not_land_is_not_sent_again_on_other_terms(self, change: str) -> None:
        world = World()
        checkout = await buying(world)
        world.books.fail("charge", Lost())
        await confirm(world, checkout)
        (OTHER_TERMS[change][0] if change in OTHER_TERMS else NOT_SOLD[change])(world)
        row = await world.settle(checkout)
        assert (row.state, row.end_reason) == (S.CANCELLED, EndReason.TERMS_CHANGED)
        assert world.tape.calls().count("charge") == 1
        with pytest.raises(TermsChanged):
            await confirm(world, checkout)
        world.assert_right(row)

    async def test_one_that_landed_is_taken_whatever_is_sold_by_now(self) -> None:
        world = World()
        checkout = await buying(world)
        world.books.fail("charge", AnswerLost())
        await confirm(world, checkout)
        OTHER_TERMS["price"][0](world)
        row = await world.settle(checkout)
        assert row.state is S.CONFIRMED
        world.assert_right(row)

    @pytest.mark.parametrize("call", ["charge", "book"])
    async def test_what_is_not_sent_again_in_any_case_needs_no_terms(self, call: str) -> None:
        """They cannot be read; its patient has gone, and the slot must not stay shut for hours."""
        world = World()
        checkout = await (buying(world) if call == "charge" else free_visit(world))
        world.books.fail(call, Lost())
        card = world.token() if call == "charge" else None
        await world.checkouts.confirm(as_guest(checkout), checkout.id, card, quote_id=checkout.quote.id)
        for read in ("plan_on_sale", "visit_on_sale"):
            world.books.fail(read, *[UpstreamUnavailable(read)] * 100)
        row = await world.settle(checkout)
        assert row.state in {S.EXPIRED, S.CANCELLED}
        assert world.clock.now() - checkout.created_at < timedelta(minutes=20)
        assert world.tape.calls().count(call) == 1
        world.assert_right(row)

    async def test_a_free_visit_is_not_sent_again_when_it_has_a_price(self) -> None:
        world = World()
        checkout = await free_visit(world)
        world.books.fail("book", Lost())
        await world.checkouts.confirm(as_guest(checkout), checkout.id, None, quote_id=checkout.quote.id)
        offers(world, replace(FREE, price=usd("60")))
        row = await world.settle(checkout)
        assert (row.state, row.end_reason) == (S.CANCELLED, EndReason.TERMS_CHANGED)
        assert world.books.appointments == []

    async def test_a_paid_visit_is_booked_whatever_its_plan_costs_by_now(self) -> None:
        world = World()
        checkout = await buying(world)
        world.books.fail("book", Lost())
        await confirm(world, checkout)
        OTHER_TERMS["price"][0](world)
        row = await world.settle(checkout)
        assert row.state is S.CONFIRMED
        world.assert_right(row)


def charges_wrongly(world: World) -> None:
    """Healthie takes 94 where 89 was accepted, and begins a series."""
    world.books.takes, world.books.differs, world.books.plan_recurs = (
        usd("94"),
        ("amount", "recurrence"),
        True,
    )


class TestChargedWrongly:
    async def test_it_is_undone_and_told_in_the_same_request(self) -> None:
        world = World()
        checkout = await buying(world)
        charges_wrongly(world)
        with pytest.raises(ChargedWrongly, match="other terms"):
            await confirm(world, checkout)
        row = world.row(checkout)
        assert (row.state, row.end_reason) == (S.REFUNDED, EndReason.CHARGED_WRONGLY)
        assert row.refunded == usd("94")
        assert world.tape.calls()[-3:] == ["charge", "cancel_recurring", "refund"]
        assert [charge.recurring for charge in world.books.charges] == [False]
        world.assert_right(row)

    async def test_people_are_told_with_the_write_that_saw_it(self) -> None:
        world = World()
        checkout = await buying(world)
        charges_wrongly(world)
        seen: list[list[str]] = []
        world.tape.after_commit["charged"] = lambda: seen.append(list(world.database.alerts))
        with pytest.raises(ChargedWrongly):
            await confirm(world, checkout)
        assert seen == [[f"{AttentionReason.CHARGED_WRONGLY}:{checkout.id}"]]
        assert world.row(checkout).attention == (AttentionReason.CHARGED_WRONGLY,)

    async def test_one_that_is_found_later_is_undone_then(self) -> None:
        world = World()
        checkout = await buying(world)
        charges_wrongly(world)
        world.books.fail("charge", AnswerLost())
        await confirm(world, checkout)
        row = await world.settle(checkout)
        assert (row.state, row.end_reason, row.refunded) == (
            S.REFUNDED,
            EndReason.CHARGED_WRONGLY,
            usd("94"),
        )
        world.assert_right(row)

    async def test_wherever_the_process_is_killed_it_ends_given_back(self) -> None:
        for kill_at in range(1, 80):
            world = World()
            checkout = await buying(world)
            charges_wrongly(world)
            world.tape.points, world.tape.kill_at = 0, kill_at
            try:
                await confirm(world, checkout)
            except Killed:
                await world.settle(checkout)
            except ChargedWrongly:
                break
            row = world.row(checkout)
            assert world.books.kept_charges == []
            assert not any(charge.recurring for charge in world.books.charges)
            assert row.state in {S.REFUNDED, S.EXPIRED, S.PATIENT_READY, S.STARTED}, kill_at
            assert (row.end_reason is EndReason.CHARGED_WRONGLY) == bool(world.books.charges)
        assert kill_at > 20

    async def test_what_cannot_be_given_back_is_in_front_of_a_person(self) -> None:
        world = World()
        checkout = await buying(world)
        charges_wrongly(world)
        world.books.fail("refund", UpstreamRefused("refund", "why"))
        row = await confirm(world, checkout)
        assert (row.state, row.end_reason) == (S.NEEDS_ATTENTION, EndReason.CHARGED_WRONGLY)
        assert row.attention == (AttentionReason.CHARGED_WRONGLY, AttentionReason.REFUND_FAILED)

    async def test_a_late_one_is_given_back_as_it_was_taken(self) -> None:
        world = World()
        row = await parked(world, "charge", Lost())
        world.clock.advance(minutes=15)
        row = await world.settle(row)
        assert row.state is S.EXPIRED
        charges_wrongly(world)
        landed = replace(row, attempt=1)
        await world.saga._steps._billing.charge(landed)
        row = await world.reconcile(row)
        assert (row.state, row.late) == (S.EXPIRED, None)
        assert world.books.kept_charges == []
        assert not any(charge.recurring for charge in world.books.charges)

    async def test_one_as_accepted_that_cannot_be_booked_is_told_as_before(self) -> None:
        world = World()
        checkout = await buying(world)
        world.books.fail("book", UpstreamRefused("book", "why"))
        with pytest.raises(BookingFailed):
            await confirm(world, checkout)
