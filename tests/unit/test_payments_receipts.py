"""Receipts: mailed again for what was paid, to their patient alone, and no flood of them."""

from dataclasses import replace
from datetime import timedelta

import pytest

from booking.errors import NotFound, OutcomeUnknown, UpstreamRefused, UpstreamUnavailable
from booking.packages.model import Payment, PaymentStatus
from booking.payments.receipts import RECENT, ReceiptService
from booking.principals import Caller, Principal, PrincipalKind
from booking.refusals import ReceiptUnavailable
from tests.doubles.booking_ports import NOW, FakeClock
from tests.doubles.change_world import FOREIGN, STAFF
from tests.doubles.purchases import FakeReceipts
from tests.integration.database_samples import dollars

PATIENT = Caller(principal=Principal(kind=PrincipalKind.PATIENT, id="p-sample"))
PAYMENT = Payment(
    id="pay-1",
    status=PaymentStatus.PAID,
    amount=dollars("75"),
    refunded=dollars("0"),
    refunds=(),
    at=NOW,
    description=None,
    card_brand="Visa",
    card_last4="4242",
    outside=False,
    plan_id=None,
    membership_id=None,
    invoice_id=None,
    receipt_sent_at=None,
)


class Scene:
    def __init__(self, payment: Payment = PAYMENT) -> None:
        self.clock = FakeClock()
        self.receipts = FakeReceipts(self.clock, {payment.id: payment})
        self.service = ReceiptService(receipts=self.receipts, clock=self.clock)


async def test_it_is_mailed_and_told_when() -> None:
    scene = Scene()
    assert await scene.service.send(PATIENT, PAYMENT.id) == scene.clock.now()
    assert scene.receipts.mailed == [PAYMENT.id]


async def test_one_that_was_mailed_just_now_is_not_mailed_again() -> None:
    scene = Scene()
    first = await scene.service.send(PATIENT, PAYMENT.id)
    scene.clock.advance(seconds=RECENT.total_seconds() - 1)
    assert await scene.service.send(PATIENT, PAYMENT.id) == first
    scene.clock.advance(seconds=1)
    assert await scene.service.send(PATIENT, PAYMENT.id) == first + RECENT
    assert len(scene.receipts.mailed) == 2


@pytest.mark.parametrize("status", PaymentStatus)
async def test_only_what_was_paid_has_a_receipt(status: PaymentStatus) -> None:
    scene = Scene(replace(PAYMENT, status=status))
    if status in {PaymentStatus.FAILED, PaymentStatus.SCHEDULED}:
        with pytest.raises(ReceiptUnavailable):
            await scene.service.send(PATIENT, PAYMENT.id)
        assert scene.receipts.mailed == []
    else:
        await scene.service.send(PATIENT, PAYMENT.id)
        assert scene.receipts.mailed == [PAYMENT.id]


@pytest.mark.parametrize("caller", [FOREIGN, STAFF])
@pytest.mark.parametrize("payment", [PAYMENT.id, "pay-missing"])
async def test_a_foreign_payment_and_a_missing_one_answer_alike(caller: Caller, payment: str) -> None:
    scene = Scene()
    with pytest.raises(NotFound) as refusal:
        await scene.service.send(caller, payment)
    assert str(refusal.value) == str(NotFound("payment"))
    assert scene.receipts.mailed == []


async def test_a_refusal_is_told() -> None:
    scene = Scene()
    scene.receipts.faults.append(UpstreamRefused("SendReceipt", "refused"))
    with pytest.raises(ReceiptUnavailable):
        await scene.service.send(PATIENT, PAYMENT.id)


@pytest.mark.parametrize("fault", [OutcomeUnknown, UpstreamUnavailable])
async def test_what_is_not_known_is_not_told_as_done(fault: type[Exception]) -> None:
    scene = Scene()
    scene.receipts.faults.append(fault("sample"))
    with pytest.raises(fault):
        await scene.service.send(PATIENT, PAYMENT.id)
    assert await scene.service.send(PATIENT, PAYMENT.id) == scene.clock.now()
    assert timedelta(0) < RECENT
