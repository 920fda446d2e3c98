"""Paying an invoice: on the terms that were accepted, charged once, whatever fails or dies in between."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from booking.changes.invoice_payment import PAY_WITHIN
from booking.changes.model import ActionKind, ActionState, ChangeEndReason, ChangeKind, ChangeState
from booking.changes.model import RequestedChange as Row
from booking.changes.ports import CARD_MISSING
from booking.checkout.timing import LEASE, MAX_TRIES, SETTLE
from booking.errors import InvalidInput, NotFound, OutcomeUnknown, UpstreamRefused, UpstreamUnavailable
from booking.models import Card
from booking.operations.model import AttentionReason
from booking.packages.model import Invoice, InvoiceStatus
from booking.principals import Caller, Principal, PrincipalKind
from booking.refusals import (
    AmountNotChargeable,
    CardDeclined,
    CardRequired,
    DeclineReason,
    PaymentUnavailable,
    TooManyAttempts,
)
from booking.refusals.invoices import (
    InvoiceChanged,
    InvoiceNotPayable,
    InvoicePaid,
    InvoicePaymentInProgress,
)
from tests.doubles.booking_ports import NOW, Killed
from tests.doubles.booking_upstream import AnswerLost, Lost
from tests.doubles.change_world import FOREIGN, STAFF, ChangeWorld
from tests.integration.database_samples import dollars

PATIENT = Caller(principal=Principal(kind=PrincipalKind.PATIENT, id="p-sample"))
GUEST = Caller(principal=Principal(kind=PrincipalKind.GUEST, id="co-1"))
INVOICE = Invoice(
    id="inv-1",
    number="SC-1-2026",
    status=InvoiceStatus.OPEN,
    total=dollars("75"),
    due=dollars("75"),
    created_at=NOW,
    paid_at=None,
    serviced_at=None,
    description="A sample service",
    plan_id=None,
    plan_name=None,
    appointment_id=None,
    payment_ids=(),
    clinician_id="c1",
)
CARD = "card-1"


class Scene:
    """A practice that has sent its patient one invoice."""

    def __init__(self) -> None:
        self.world = ChangeWorld()
        self.books = self.world.changes
        self.books.invoices[INVOICE.id] = INVOICE
        self.world.books.cards["p-sample"].append(Card(id=CARD, brand="Visa", last4="4242", expires=None))
        self.service = self.world.an_invoice_service(self.world.driver)

    @property
    def quote(self) -> str:
        found = self.books.invoices[INVOICE.id].payment_quote_id
        assert found is not None
        return found

    async def pay(self, quote: str | None = None, *, caller: Caller = PATIENT, card: str = CARD) -> Row:
        return await self.service.pay(caller, quote_id=quote or self.quote, card_id=card)

    def by_practice(self, **changes: object) -> None:
        standing = self.books.invoices[INVOICE.id]
        self.books.invoices[INVOICE.id] = replace(standing, **changes)  # type: ignore[arg-type]

    @property
    def charged(self) -> list[str]:
        return [str(amount.amount) for _, amount in self.books.charges_of_invoices]

    async def later(self, seconds: float = 0) -> Row:
        """Let another process take the row up, when it is due."""
        self.world.clock.advance(seconds=seconds + SETTLE.total_seconds() + LEASE.total_seconds())
        await self.world.a_driver().resume(self.world.row().id)
        return self.world.row()


@pytest.fixture
def scene() -> Scene:
    return Scene()


async def test_what_is_due_is_charged_once_and_the_invoice_is_read_back(scene: Scene) -> None:
    change = await scene.pay()
    assert (change.kind, change.state) == (ChangeKind.INVOICE_PAYMENT, ChangeState.DONE)
    assert (change.invoice_id, change.card_id, change.charged_by) == (INVOICE.id, CARD, "c1")
    assert [(one.kind, one.state) for one in change.actions] == [
        (ActionKind.PAY_INVOICE, ActionState.DONE),
        (ActionKind.READ_INVOICE, ActionState.DONE),
    ]
    assert change.actions[0].result == {"payment_id": "paid-1"}
    assert scene.charged == ["75.00"]
    assert scene.books.invoices[INVOICE.id].is_paid


async def test_the_same_quote_accepted_again_joins_the_payment(scene: Scene) -> None:
    quote = scene.quote
    first, second = await scene.pay(quote), await scene.pay(quote)
    assert (first.id, scene.charged) == (second.id, ["75.00"])


async def test_two_windows_at_once_charge_once(scene: Scene) -> None:
    quote = scene.quote
    first, second = await asyncio.gather(scene.pay(quote), scene.pay(quote))
    assert (first.id, first.state, scene.charged) == (second.id, ChangeState.DONE, ["75.00"])


async def test_a_rest_is_what_is_paid(scene: Scene) -> None:
    scene.by_practice(status=InvoiceStatus.PARTLY_PAID, due=dollars("25"), payment_ids=("cash-1",))
    await scene.pay()
    assert scene.charged == ["25.00"]


@pytest.mark.parametrize(
    "changes",
    [
        {"total": dollars("80"), "due": dollars("80")},
        {"due": dollars("50"), "payment_ids": ("cash-1",), "status": InvoiceStatus.PARTLY_PAID},
        {"payment_ids": ("refunded-1",)},
    ],
)
async def test_an_invoice_that_changed_since_is_told_as_it_stands(
    scene: Scene, changes: dict[str, object]
) -> None:
    quote = scene.quote
    scene.by_practice(**changes)
    with pytest.raises(InvoiceChanged) as refusal:
        await scene.pay(quote)
    assert refusal.value.invoice == scene.books.invoices[INVOICE.id]
    assert (scene.charged, scene.world.database.changes) == ([], {})


async def test_one_that_was_paid_meanwhile_is_told_and_nothing_is_charged(scene: Scene) -> None:
    quote = scene.quote
    scene.by_practice(status=InvoiceStatus.PAID, due=dollars("0"))
    with pytest.raises(InvoicePaid):
        await scene.pay(quote)
    assert (scene.charged, scene.world.database.changes) == ([], {})


@pytest.mark.parametrize(
    ("changes", "told", "why"),
    [
        ({"status": InvoiceStatus.PAID, "due": dollars("0")}, InvoicePaid, ChangeEndReason.INVOICE_PAID),
        ({"due": dollars("80")}, InvoiceChanged, ChangeEndReason.CHANGED_BY_PRACTICE),
    ],
)
async def test_the_practice_wins_up_to_the_charge(
    scene: Scene, changes: dict[str, object], told: type[Exception], why: ChangeEndReason
) -> None:
    """It changes the invoice between the acceptance and the charge."""
    quote = scene.quote

    async def meanwhile() -> None:
        scene.by_practice(**changes)

    scene.world.books.during["cards_on_file"] = meanwhile
    with pytest.raises(told):
        await scene.pay(quote)
    assert (scene.charged, scene.world.row().end_reason) == ([], why)


@pytest.mark.parametrize(
    "changes",
    [{"status": InvoiceStatus.UNKNOWN}, {"starts_membership": True}, {"clinician_id": None}],
)
async def test_what_cannot_be_paid_here_has_no_quote_and_is_refused(
    scene: Scene, changes: dict[str, object]
) -> None:
    quote = scene.quote
    scene.by_practice(**changes)
    assert scene.books.invoices[INVOICE.id].payment_quote_id is None
    with pytest.raises(InvoiceNotPayable):
        await scene.pay(quote)
    assert scene.charged == []


async def test_an_invoice_for_what_the_checkout_has_paid_is_not_paid_again(scene: Scene) -> None:
    checkout = await scene.world.booked()
    assert checkout.charge is not None
    net = checkout.charge.net
    scene.by_practice(appointment_id=checkout.appointment_id, total=net, due=net)
    with pytest.raises(InvoiceNotPayable):
        await scene.pay()
    scene.by_practice(total=dollars("12"), due=dollars("12"))
    await scene.pay()
    assert scene.charged == ["12.00"], "something else about the visit is paid"


async def test_an_amount_that_no_card_can_pay_is_refused_before_it_is_tried(scene: Scene) -> None:
    scene.by_practice(total=dollars("0.20"), due=dollars("0.20"))
    with pytest.raises(AmountNotChargeable):
        await scene.pay()
    assert scene.charged == []


@pytest.mark.parametrize("card", ["card-of-another", ""])
async def test_only_an_own_card_pays(scene: Scene, card: str) -> None:
    scene.world.books.cards["p-other"].append(
        Card(id="card-of-another", brand="Visa", last4="1111", expires=None)
    )
    with pytest.raises(CardRequired):
        await scene.pay(card=card)
    assert (scene.charged, scene.world.database.changes) == ([], {})


@pytest.mark.parametrize("caller", [FOREIGN, STAFF, GUEST])
@pytest.mark.parametrize("named", [INVOICE.id, "inv-missing"])
async def test_a_foreign_one_and_a_missing_one_answer_alike(scene: Scene, caller: Caller, named: str) -> None:
    quote = replace(INVOICE, id=named).payment_quote_id
    with pytest.raises(NotFound) as refusal:
        await scene.pay(quote, caller=caller)
    assert str(refusal.value) == str(NotFound("invoice"))
    assert scene.charged == []


async def test_what_is_no_quote_of_a_payment_is_bad_input(scene: Scene) -> None:
    with pytest.raises(InvalidInput):
        await scene.pay("nonsense")


async def test_a_payment_is_seen_by_its_patient_alone(scene: Scene) -> None:
    change = await scene.pay()
    assert await scene.service.view(PATIENT, change.id) == scene.world.row()
    assert await scene.service.view(FOREIGN, change.id) is None
    assert await scene.service.view(PATIENT, "chg_missing") is None
    assert await scene.world.service.view(PATIENT, change.id) is None, "it is no change of a visit"


async def test_a_declined_card_says_why_and_another_is_tried_with_a_key_of_its_own(scene: Scene) -> None:
    scene.world.books.fail("pay_invoice", CardDeclined(DeclineReason.INSUFFICIENT_FUNDS))
    quote = scene.quote
    with pytest.raises(CardDeclined) as refusal:
        await scene.pay(quote)
    assert refusal.value.reason is DeclineReason.INSUFFICIENT_FUNDS
    assert (scene.world.row().state, scene.charged) == (ChangeState.REFUSED, [])
    assert len(scene.world.world.attempts.cards) == 1, "a declined card counts"
    assert (await scene.pay(quote)).state is ChangeState.DONE
    assert (scene.charged, len(scene.world.world.attempts.cards)) == (["75.00"], 1)
    declined, done = scene.world.database.changes.values()
    assert declined.upstream_key(0) != done.upstream_key(0) == scene.books.charges_of_invoices[0][0]


async def test_too_many_cards_are_stopped_before_anything(scene: Scene) -> None:
    scene.world.world.attempts.refusing = True
    with pytest.raises(TooManyAttempts):
        await scene.pay()
    assert (scene.charged, scene.world.database.changes) == ([], {})


@pytest.mark.parametrize(
    ("refusal", "told"),
    [
        (UpstreamRefused("Charge", "no_bank_account"), PaymentUnavailable),
        (UpstreamRefused("Charge", CARD_MISSING), CardRequired),
        (AmountNotChargeable(), AmountNotChargeable),
    ],
)
async def test_a_certain_refusal_is_told_and_nothing_is_charged(
    scene: Scene, refusal: Exception, told: type[Exception]
) -> None:
    scene.world.books.fail("pay_invoice", refusal)
    with pytest.raises(told):
        await scene.pay()
    assert (scene.charged, scene.world.world.attempts.cards) == ([], [])


@pytest.mark.parametrize("fault", [Lost, AnswerLost, OutcomeUnknown, UpstreamUnavailable])
async def test_in_doubt_it_is_under_way_and_charged_once(scene: Scene, fault: type[Exception]) -> None:
    scene.world.books.fail("pay_invoice", fault("sample"))
    quote = scene.quote
    change = await scene.pay(quote)
    assert change.state is ChangeState.OPEN
    assert (await scene.pay(quote)).id == change.id
    assert (await scene.world.settle()).state is ChangeState.DONE
    assert scene.charged == ["75.00"]


async def test_it_is_looked_for_before_it_is_sent_again(scene: Scene) -> None:
    scene.world.books.fail("pay_invoice", AnswerLost("sample"))
    await scene.pay()
    scene.world.tape.events.clear()
    await scene.later()
    calls = [event for event in scene.world.tape.events if event.startswith("call ")]
    assert calls == ["call find_invoice_payment", "call invoice"]
    assert scene.world.row().state is ChangeState.DONE


async def test_one_found_paid_after_a_doubt_is_looked_for_once_more(scene: Scene) -> None:
    """The charge lands between the look and the reading of the invoice: it was ours, and nobody is told that another paid."""
    scene.world.books.fail("pay_invoice", Lost("sample"))
    change = await scene.pay()

    async def lands() -> None:
        scene.books.charges_of_invoices.append((change.upstream_key(0), INVOICE.due))
        scene.by_practice(status=InvoiceStatus.PAID, due=dollars("0"), payment_ids=("paid-1",))

    scene.world.books.during["invoice"] = lands
    row = await scene.later()
    assert (row.state, scene.charged) == (ChangeState.DONE, ["75.00"])


async def test_a_card_is_not_charged_long_after_its_patient_accepted(scene: Scene) -> None:
    scene.world.books.fail("pay_invoice", *[Lost("sample")] * 3)
    await scene.pay()
    row = await scene.later(PAY_WITHIN.total_seconds())
    assert (row.state, row.end_reason, scene.charged) == (ChangeState.REFUSED, ChangeEndReason.TOO_LATE, [])


async def test_a_charge_that_landed_is_found_however_late(scene: Scene) -> None:
    scene.world.books.fail("pay_invoice", AnswerLost("sample"))
    await scene.pay()
    row = await scene.later(timedelta(days=1).total_seconds())
    assert (row.state, scene.charged) == (ChangeState.DONE, ["75.00"])


async def test_another_quote_of_one_that_is_being_paid_waits(scene: Scene) -> None:
    scene.world.books.fail("pay_invoice", UpstreamUnavailable("sample"))
    await scene.pay()
    scene.by_practice(due=dollars("80"))
    with pytest.raises(InvoicePaymentInProgress):
        await scene.pay()
    assert scene.charged == []


async def test_an_invoice_that_does_not_show_its_payment_is_for_a_person_and_not_paid_again(
    scene: Scene,
) -> None:
    scene.books.invoices_follow = False
    await scene.pay()
    for _ in range(5):
        await scene.later()
    row = scene.world.row()
    assert (row.state, row.attention) == (
        ChangeState.NEEDS_ATTENTION,
        (AttentionReason.INVOICE_NOT_SETTLED,),
    )
    with pytest.raises(InvoicePaymentInProgress):
        await scene.pay()
    assert scene.charged == ["75.00"]


async def test_what_stays_unknown_is_for_a_person(scene: Scene) -> None:
    scene.world.books.fail("find_invoice_payment", *[OutcomeUnknown("sample")] * 99)
    scene.world.books.fail("pay_invoice", Lost("sample"))
    await scene.pay()
    for _ in range(MAX_TRIES):
        await scene.later(3600)
    row = scene.world.row()
    assert (row.state, row.attention) == (ChangeState.NEEDS_ATTENTION, (AttentionReason.OUT_OF_TRIES,))


async def _once_more(scene: Scene, quote: str) -> None:
    if not scene.world.database.changes:
        await scene.pay(quote)


async def _again(scene: Scene, quote: str) -> None:
    """The patient accepts again, whatever became of it."""
    with contextlib.suppress(InvoicePaid, InvoiceChanged, InvoicePaymentInProgress):
        await scene.pay(quote)


@pytest.mark.parametrize("retry", [_once_more, _again])
@pytest.mark.parametrize("fault", [None, AnswerLost, Lost])
async def test_whoever_dies_where_it_is_charged_once(
    retry: Callable[[Scene, str], Awaitable[None]], fault: type[Exception] | None
) -> None:
    point, died = 1, True
    while died:
        scene = Scene()
        quote = scene.quote
        if fault is not None:
            scene.world.books.fail("pay_invoice", fault("sample"))
        scene.world.tape.points, scene.world.tape.kill_at = 0, point
        with contextlib.suppress(Killed):
            await scene.pay(quote)
            await scene.later()
        died = "killed" in scene.world.tape.events
        scene.world.tape.kill_at = None
        scene.world.clock.advance(seconds=LEASE.total_seconds() + 1)
        await retry(scene, quote)
        row = await scene.world.settle()
        assert (row.state, scene.charged) == (ChangeState.DONE, ["75.00"]), point
        point += 1
        assert point < 60
    assert point > 8
