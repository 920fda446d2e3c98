"""Which cards and promo codes count as tried: those that were declined, and those of which somebody learned something."""

import asyncio
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

import pytest

from booking.catalog.model import Plan
from booking.catalog.quotes import QuoteService
from booking.checkout.attempt_limits import AttemptKind, AttemptLimitedPromotions
from booking.checkout.model import CheckoutState
from booking.errors import AuditUnavailable, DomainError, OutcomeUnknown, UpstreamRefused, UpstreamUnavailable
from booking.models import Card, CardChoice, Promo
from booking.money import Money
from booking.principals import Caller
from booking.refusals import (
    AmountNotChargeable,
    BookingFailed,
    CardDeclined,
    CardRequired,
    CheckoutClosed,
    ClinicianNotBookable,
    DeclineReason,
    HoldExpired,
    PaymentInProgress,
    PromoInvalid,
    QuoteChanged,
    SlotTaken,
    TooManyAttempts,
)
from booking.work_context import asked_by
from tests.doubles.attempt_limits import RecordedAttempts
from tests.doubles.booking_steps import confirm
from tests.doubles.booking_upstream import AnswerLost, Lost
from tests.doubles.booking_world import (
    CATALOG,
    FREE,
    ONCE,
    PATIENT,
    PRICED,
    TEN_OFF,
    VISITOR,
    World,
    a_slot,
    as_guest,
)


class TestCards:
    async def test_a_declined_card_counts_for_the_checkout_and_for_whoever_started_it(
        self, world: World
    ) -> None:
        checkout = await world.start()
        guest = Caller(principal=as_guest(checkout).principal, client="a-network")
        with pytest.raises(CardDeclined):
            await world.checkouts.confirm(
                guest, checkout.id, world.token("declined"), quote_id=checkout.quote.id
            )
        names = frozenset({checkout.owner, VISITOR.principal.key})
        assert world.attempts.cards == [(AttemptKind.CARD, names, "a-network", False)]

    async def test_a_patient_is_counted_under_one_name_in_all_their_checkouts(self, world: World) -> None:
        checkout = await world.start(PATIENT)
        with pytest.raises(CardDeclined):
            await world.checkouts.confirm(
                PATIENT, checkout.id, world.token("declined"), quote_id=checkout.quote.id
            )
        assert world.attempts.cards == [(AttemptKind.CARD, frozenset({PATIENT.principal.key}), None, True)]

    async def test_a_card_that_cannot_even_be_attached_counts(self, world: World) -> None:
        checkout = await world.start()
        with pytest.raises(CardDeclined):
            await world.checkouts.confirm(
                as_guest(checkout), checkout.id, world.token("refused"), quote_id=checkout.quote.id
            )
        assert len(world.attempts.cards) == 1

    async def test_one_that_pays_does_not(self, world: World) -> None:
        checkout = await world.start()
        await world.checkouts.confirm(
            as_guest(checkout), checkout.id, world.token(), quote_id=checkout.quote.id
        )
        assert world.attempts.cards == []

    async def test_a_second_confirm_of_the_same_checkout_is_no_second_card(self, world: World) -> None:
        checkout = await world.start()
        guest, card = as_guest(checkout), world.token("declined")
        both = [
            world.checkouts.confirm(guest, checkout.id, card, quote_id=checkout.quote.id) for _ in range(5)
        ]
        ends = await asyncio.gather(*both, return_exceptions=True)
        assert all(isinstance(end, CardDeclined) for end in ends)
        assert len(world.attempts.cards) == world.row(checkout).attempt

    async def test_a_visit_that_costs_nothing_tries_none(self, world: World) -> None:
        checkout = await world.start(slot=a_slot(FREE))
        confirmed = await world.checkouts.confirm(
            as_guest(checkout), checkout.id, None, quote_id=checkout.quote.id
        )
        assert confirmed.state is CheckoutState.CONFIRMED
        assert AttemptKind.CARD not in [one[0] for one in world.attempts.cards]

    async def test_no_card_is_none(self, world: World) -> None:
        checkout = await world.start()
        with pytest.raises(CardRequired):
            await world.checkouts.confirm(as_guest(checkout), checkout.id, None, quote_id=checkout.quote.id)
        assert world.attempts.cards == []

    async def test_what_nobody_knows_the_outcome_of_does_not_count(self, world: World) -> None:
        """Else an outage of the bank would use up what guests may do."""
        checkout = await world.start()
        world.books.fail("charge", OutcomeUnknown("charge"))
        parked = await world.checkouts.confirm(
            as_guest(checkout), checkout.id, world.token(), quote_id=checkout.quote.id
        )
        assert parked.state is CheckoutState.CHARGE_INTENDED
        assert world.attempts.cards == []

    async def test_a_good_card_whose_slot_was_lost_counts_since_it_is_known_to_be_good(
        self, world: World
    ) -> None:
        checkout = await world.start(PATIENT)
        world.tape.refused_commit["charge_intended"] = SlotTaken()
        with pytest.raises(SlotTaken):
            await world.checkouts.confirm(PATIENT, checkout.id, world.token(), quote_id=checkout.quote.id)
        assert len(world.attempts.cards) == 1

    async def test_beyond_the_bound_nothing_is_sent_and_the_checkout_stays_open(self, world: World) -> None:
        checkout = await world.start()
        with pytest.raises(CardDeclined):
            await world.checkouts.confirm(
                as_guest(checkout), checkout.id, world.token("declined"), quote_id=checkout.quote.id
            )
        before, sent = world.row(checkout), list(world.tape.events)
        world.attempts.refusing = True
        with pytest.raises(TooManyAttempts):
            await world.checkouts.confirm(
                as_guest(checkout), checkout.id, world.token(), quote_id=checkout.quote.id
            )
        assert (world.row(checkout), list(world.tape.events)) == (before, sent)
        world.attempts.refusing = False
        confirmed = await world.checkouts.confirm(
            as_guest(checkout), checkout.id, world.token(), quote_id=checkout.quote.id
        )
        assert confirmed.state is CheckoutState.CONFIRMED

    async def test_a_cancel_while_the_card_is_out_does_not_hide_what_was_learned(self, world: World) -> None:
        checkout = await world.start()
        guest = as_guest(checkout)

        async def cancel() -> None:
            await world.checkouts.cancel(guest, checkout.id)

        world.books.during["attach_card"] = cancel
        await asyncio.gather(
            world.checkouts.confirm(
                guest, checkout.id, CardChoice(token="tok_ok_1"), quote_id=checkout.quote.id
            ),
            return_exceptions=True,
        )
        assert world.row(checkout).state is CheckoutState.CANCELLED
        assert len(world.attempts.cards) == 1


@dataclass(frozen=True, kw_only=True)
class End:
    """One way in which a confirm comes to its end: what goes wrong on the way to it, and whether its card counts."""

    what: str
    card: str = "ok"  # kind of the token; `on_file`: a card that the patient has
    call: str = ""
    fault: Exception | None = None
    commit: str = ""  # the state whose commit is refused with the fault
    price: str = "150"  # of the visit by then
    counts: bool


ENDS = [
    End(what="paid", counts=False),
    End(what="paid with a card on file", card="on_file", counts=False),
    End(what="declined when attached", card="refused", counts=True),
    End(what="declined when charged", card="declined", counts=True),
    End(
        what="a card on file is declined",
        card="on_file",
        call="charge",
        fault=CardDeclined(DeclineReason.TRY_AGAIN),
        counts=True,
    ),
    End(what="not sent", call="attach_card", fault=UpstreamUnavailable("x"), counts=False),
    End(what="not recorded, so not sent", call="attach_card", fault=AuditUnavailable("x"), counts=False),
    End(what="sent, never arrived", call="attach_card", fault=Lost(), counts=False),
    End(what="attached, the answer lost", call="attach_card", fault=AnswerLost(), counts=False),
    End(
        what="refused by the practice's system, before any bank",
        call="attach_card",
        fault=UpstreamRefused("x", "unauthorized"),
        counts=False,
    ),
    End(
        what="no key of the clinician, seen when attaching",
        call="attach_card",
        fault=ClinicianNotBookable(),
        counts=False,
    ),
    End(
        what="another payment of the patient", commit="card_intended", fault=PaymentInProgress(), counts=False
    ),
    End(
        what="another payment, and a card on file",
        card="on_file",
        commit="card_ready",
        fault=PaymentInProgress(),
        counts=False,
    ),
    End(what="attached, then the slot lost", commit="charge_intended", fault=SlotTaken(), counts=True),
    End(
        what="the slot lost before a card on file was charged",
        card="on_file",
        commit="charge_intended",
        fault=SlotTaken(),
        counts=False,
    ),
    End(
        what="the clinician blocked before a card on file was charged",
        card="on_file",
        commit="charge_intended",
        fault=ClinicianNotBookable(),
        counts=False,
    ),
    End(what="attached, then told another price", price="180", counts=True),
    End(what="a card on file, and another price", card="on_file", price="180", counts=False),
    End(
        what="attached, and the practice cannot charge",
        call="charge",
        fault=UpstreamRefused("x", "no_bank_account"),
        counts=True,
    ),
    End(
        what="a card on file, and an amount that no card pays",
        card="on_file",
        call="charge",
        fault=AmountNotChargeable(),
        counts=False,
    ),
    End(
        what="a card on file, and the practice cannot charge",
        card="on_file",
        call="charge",
        fault=UpstreamRefused("x", "no_bank_account"),
        counts=False,
    ),
    End(what="charge not sent", call="charge", fault=UpstreamUnavailable("x"), counts=False),
    End(what="charge sent, outcome unknown", call="charge", fault=Lost(), counts=False),
    End(what="paid, not bookable, given back", call="book", fault=SlotTaken(), counts=False),
    End(what="paid, booking unknown", call="book", fault=AnswerLost(), counts=False),
]


@pytest.mark.parametrize("end", ENDS, ids=lambda end: end.what)
async def test_a_card_counts_when_a_bank_has_judged_it_and_it_did_not_pay(world: World, end: End) -> None:
    world.books.cards[PATIENT.principal.id].append(
        Card(id="on-file", brand="Visa", last4="4242", expires=None)
    )
    checkout = await world.start(PATIENT)
    if end.fault is not None and end.commit:
        world.tape.refused_commit[end.commit] = end.fault
    elif end.fault is not None:
        world.books.fail(end.call, end.fault)
    priced = replace(PRICED, price=Money.of(end.price, "USD"))
    world.offer.offered = replace(CATALOG, visit_types=(priced,))
    card = CardChoice(on_file_id="on-file") if end.card == "on_file" else world.token(end.card)
    with suppress(DomainError):
        await world.checkouts.confirm(PATIENT, checkout.id, card, quote_id=checkout.quote.id)
    assert not world.books.faults[end.call]
    assert not world.tape.refused_commit
    assert bool(world.attempts.cards) is end.counts


class TestNeverSent:
    @pytest.mark.parametrize(
        "trouble",
        [
            {"call": "attach_card", "fault": UpstreamUnavailable("x")},
            {"commit": "card_intended", "fault": PaymentInProgress()},
        ],
        ids=["not sent", "another payment"],
    )
    async def test_the_next_card_after_one_that_was_attached_and_met_another_price(
        self, world: World, trouble: dict[str, Any]
    ) -> None:
        checkout = await world.start()
        world.offer.offered = replace(CATALOG, visit_types=(replace(PRICED, price=Money.of("180", "USD")),))
        with pytest.raises(QuoteChanged):
            await confirm(world, checkout)
        assert len(world.attempts.cards) == 1
        if "commit" in trouble:
            world.tape.refused_commit[trouble["commit"]] = trouble["fault"]
        else:
            world.books.fail(trouble["call"], trouble["fault"])
        with pytest.raises(UpstreamUnavailable):
            await confirm(world, world.row(checkout))
        assert len(world.attempts.cards) == 1

    async def test_a_guest_who_cannot_be_entered_upstream_sent_no_card(self, world: World) -> None:
        checkout = await world.start()
        world.books.fail("create_patient", UpstreamRefused("x", "no"))
        with pytest.raises(BookingFailed):
            await world.checkouts.confirm(
                as_guest(checkout), checkout.id, world.token(), quote_id=checkout.quote.id
            )
        assert world.attempts.cards == []

    async def test_a_hold_that_ran_out_before_the_confirm(self, world: World) -> None:
        checkout = await world.start()
        world.clock.advance(hours=1)
        with pytest.raises(HoldExpired):
            await world.checkouts.confirm(
                as_guest(checkout), checkout.id, world.token(), quote_id=checkout.quote.id
            )
        assert world.attempts.cards == []

    async def test_another_quote_than_the_one_that_was_seen(self, world: World) -> None:
        checkout = await world.start()
        with pytest.raises(QuoteChanged):
            await world.checkouts.confirm(as_guest(checkout), checkout.id, world.token(), quote_id="quo_old")
        assert world.attempts.cards == []

    async def test_a_confirm_that_could_not_be_written_down(self, world: World) -> None:
        checkout = await world.start()
        world.tape.refused_commit["patient_intended"] = ConnectionError("database")
        with pytest.raises(ConnectionError):
            await world.checkouts.confirm(
                as_guest(checkout), checkout.id, world.token(), quote_id=checkout.quote.id
            )
        assert world.attempts.cards == []

    async def test_a_card_without_an_answer_whose_patient_cancelled_meanwhile(self, world: World) -> None:
        checkout = await world.start()
        guest = as_guest(checkout)

        async def cancel() -> None:
            await world.checkouts.cancel(guest, checkout.id)

        world.books.during["attach_card"] = cancel
        world.books.fail("attach_card", AnswerLost())
        with pytest.raises(CheckoutClosed):
            await world.checkouts.confirm(guest, checkout.id, world.token(), quote_id=checkout.quote.id)
        assert world.attempts.cards == []

    async def test_a_decline_counts_although_the_patient_cancelled_meanwhile(self, world: World) -> None:
        checkout = await world.start()
        guest = as_guest(checkout)

        async def cancel() -> None:
            await world.checkouts.cancel(guest, checkout.id)

        world.books.during["attach_card"] = cancel
        with pytest.raises(CheckoutClosed):
            await world.checkouts.confirm(
                guest, checkout.id, world.token("refused"), quote_id=checkout.quote.id
            )
        assert len(world.attempts.cards) == 1


class Unanswering:
    """The port Promotions, of a practice whose system does not answer."""

    async def apply(self, *, code: str, plan: Plan) -> Promo:
        raise UpstreamUnavailable("coupon")


class TestPromoCodes:
    @pytest.fixture
    def attempts(self) -> RecordedAttempts:
        return RecordedAttempts()

    @pytest.fixture
    def quotes(self, world: World, attempts: RecordedAttempts) -> QuoteService:
        return QuoteService(
            catalog=world.catalog, promotions=AttemptLimitedPromotions(inner=world.offer, attempts=attempts)
        )

    async def test_one_that_does_not_apply_counts_for_whoever_asks(
        self, quotes: QuoteService, attempts: RecordedAttempts
    ) -> None:
        with asked_by("visitor:v1", client="a-network"), pytest.raises(PromoInvalid):
            await quotes.quote(plan_id=ONCE.id, promo_code="GUESS")
        assert attempts.counted == [(AttemptKind.PROMO_CODE, frozenset({"visitor:v1"}), "a-network", False)]

    async def test_nobody_in_particular_is_counted_among_all_strangers(
        self, quotes: QuoteService, attempts: RecordedAttempts
    ) -> None:
        with asked_by("anonymous"), pytest.raises(PromoInvalid):
            await quotes.quote(plan_id=ONCE.id, promo_code="GUESS")
        assert attempts.counted == [(AttemptKind.PROMO_CODE, frozenset(), None, False)]

    async def test_a_patient_is_no_stranger(self, quotes: QuoteService, attempts: RecordedAttempts) -> None:
        with asked_by("patient:p-sample"), pytest.raises(PromoInvalid):
            await quotes.quote(plan_id=ONCE.id, promo_code="GUESS")
        assert attempts.counted[0][3] is True

    async def test_one_that_applies_does_not(self, quotes: QuoteService, attempts: RecordedAttempts) -> None:
        with asked_by("visitor:v1"):
            quote = await quotes.quote(plan_id=ONCE.id, promo_code=TEN_OFF.code)
        assert quote.promo_code == TEN_OFF.code
        assert attempts.counted == []

    async def test_nor_does_one_that_could_not_be_asked_for(self, attempts: RecordedAttempts) -> None:
        with pytest.raises(UpstreamUnavailable):
            await AttemptLimitedPromotions(inner=Unanswering(), attempts=attempts).apply(
                code="GUESS", plan=ONCE
            )
        assert attempts.counted == []

    async def test_nor_one_whose_asker_hung_up(self, attempts: RecordedAttempts) -> None:
        class Slow:
            began = asyncio.Event()

            async def apply(self, *, code: str, plan: Plan) -> Promo:
                self.began.set()
                await asyncio.Event().wait()
                raise AssertionError

        slow = Slow()
        asking = asyncio.create_task(
            AttemptLimitedPromotions(inner=slow, attempts=attempts).apply(code=TEN_OFF.code, plan=ONCE)
        )
        await slow.began.wait()
        asking.cancel()
        await asyncio.gather(asking, return_exceptions=True)
        assert attempts.counted == []

    async def test_beyond_the_bound_nobody_is_asked(
        self, quotes: QuoteService, attempts: RecordedAttempts
    ) -> None:
        attempts.refusing = True
        with asked_by("visitor:v1"), pytest.raises(TooManyAttempts):
            await quotes.quote(plan_id=ONCE.id, promo_code=TEN_OFF.code)
        assert (await quotes.quote(plan_id=ONCE.id)).promo_code is None
