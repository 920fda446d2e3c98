"""What a patient bought and owes, read through the adapter from the emulator."""

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest

from booking.catalog.model import BillingFrequency
from booking.money import Money
from booking.packages.model import InvoiceStatus, MembershipStatus, PaymentStatus
from integrations.healthie.generated.client import Client
from integrations.healthie.purchases import HealthiePurchases
from integrations.healthie_emulator import packages as bought
from integrations.healthie_emulator import recurring
from integrations.healthie_emulator.bookkeeping import visit_credits
from tests.integration.healthie_on_emulator import Practice, practice


@pytest.fixture
async def here() -> AsyncIterator[Practice]:
    async with practice() as opened:
        yield opened


def usd(amount: str) -> Money:
    return Money.of(amount, "USD")


def buy(here: Practice, patient: str, plan: str, **more: Any) -> Any:
    """A payment for a plan with all that Healthie gives for it."""
    world = here.world
    offering = next(each for each in world.offerings if each.name == plan)
    values = {
        "sender_id": patient,
        "recipient_id": here.clinician(1),
        "amount": offering.price,
        "state": "SUCCEEDED",
        "stripe_charge_id": f"ch_sample_{len(world.billing_items)}",
        "offering_id": offering.id,
    }
    item = world.billing_items.add(**(values | more))
    series = recurring.start(world, item, offering)
    item = world.billing_items.change(item.id, recurring_payment_id=series.id if series else None)
    bought.give_package(world, item, offering)
    return item


class TestPackages:
    async def test_a_package_says_what_was_bought_and_by_which_payment(self, here: Practice) -> None:
        item = buy(here, here.patient(1), "Monthly Care")

        (package,) = await here.healthie.purchases.packages(here.patient(1))

        assert (package.name, package.price, package.payment_id) == ("Monthly Care", usd("99"), item.id)
        assert package.membership_id == item.recurring_payment_id
        assert [(each.visit_type_name, each.quantity, each.repeats) for each in package.visits] == [
            ("Initial Visit", 1, False),
            ("Follow-up Visit", 2, True),
        ]

    async def test_nobody_elses_rows_are_shown_whatever_the_filter_let_through(self, here: Practice) -> None:
        mine, theirs = here.patient(1), here.patient(2)
        buy(here, theirs, "Monthly Care")
        here.world.requested_payments.add(sender_id=here.clinician(1), recipient_id=theirs, price=500)
        sees = here.healthie.purchases
        assert await sees.packages(theirs)
        misled = HealthiePurchases(client=Misled(sees._client, answers=theirs))  # type: ignore[attr-defined,arg-type]

        for read in (misled.packages, misled.credits, misled.memberships, misled.payments, misled.invoices):
            assert list(await read(theirs)) != []
            assert list(await read(mine)) == []


class Misled:
    """A client whose every question is answered for one patient, as by a filter that Healthie does not apply."""

    def __init__(self, client: Client, *, answers: str) -> None:
        self._client, self._answers = client, answers

    def __getattr__(self, name: str) -> Any:
        return lambda **given: getattr(self._client, name)(**(given | dict.fromkeys(given.keys() & IDS, self._answers)))  # fmt: skip


IDS = {"user_id", "patient_id"}


class TestCredits:
    async def test_what_is_left_is_the_ledgers_number(self, here: Practice) -> None:
        patient = here.patient(1)
        buy(here, patient, "Monthly Care")
        follow_up = here.seed["visit_types"]["Follow-up Visit"]
        visit_credits._change(here.world, patient, follow_up, -1, visit_credits.BOOKED)

        found = {each.visit_type_name: each.left for each in await here.healthie.purchases.credits(patient)}
        lines = await here.healthie.purchases.ledger(patient, follow_up)

        assert found == {"Initial Visit": 1, "Follow-up Visit": 1}
        assert [(each.left, each.change) for each in lines] == [(1, -1), (2, None)]

    async def test_who_bought_nothing_has_none(self, here: Practice) -> None:
        assert list(await here.healthie.purchases.credits(here.patient(1))) == []


class TestMemberships:
    async def test_a_membership_says_when_it_bills_next_and_how_much(self, here: Practice) -> None:
        item = buy(here, here.patient(1), "Monthly Care")

        (found,) = await here.healthie.purchases.memberships(here.patient(1))

        series = here.world.recurring_payments[item.recurring_payment_id]
        assert (found.status, found.frequency) == (MembershipStatus.ACTIVE, BillingFrequency.MONTHLY)
        assert (found.next_amount, found.payments_left) == (usd("99"), None)
        assert found.next_payment_at == series.next_payment_date
        assert found.last_payment_id == item.id

    async def test_one_with_a_promo_code_shows_the_amount_that_is_charged_next(self, here: Practice) -> None:
        coupon = next(each for each in here.world.coupons if each.code == "WELCOME20")
        buy(here, here.patient(1), "Monthly Care", offering_coupon_id=coupon.id)

        (found,) = await here.healthie.purchases.memberships(here.patient(1))

        assert found.next_amount == usd("79.20")

    @pytest.mark.parametrize("ended", ["cancelled", "paused", "completed"])
    async def test_one_that_does_not_bill_says_so_and_names_no_next_payment(
        self, here: Practice, ended: str
    ) -> None:
        item = buy(here, here.patient(1), "Monthly Care")
        world = here.world
        series, staff = (
            world.recurring_payments[item.recurring_payment_id],
            next(each for each in world.users if each.id == here.clinician(1)),
        )
        if ended == "cancelled":
            recurring.cancel(world, series, staff)
        elif ended == "paused":
            recurring.pause(world, series, staff, is_paused=True)
        else:
            world.recurring_payments.change(series.id, repeat_times=1, next_payment_date=None)

        (found,) = await here.healthie.purchases.memberships(here.patient(1))

        assert (found.status.value, found.next_payment_at) == (ended, None)
        assert found.is_open == (ended == "paused")
        assert (found.paused_at is not None, found.cancelled_at is not None) == (
            ended == "paused",
            ended == "cancelled",
        )


class TestPayments:
    async def test_a_payment_shows_its_receipts_data_and_refunds(self, here: Practice) -> None:
        item = buy(here, here.patient(1), "Starter Plan")
        here.world.refund_items.add(
            billing_item_id=item.id, amount=100_00, currency="USD", refund_date=here.world.clock.now()
        )

        (paid,) = await here.healthie.purchases.payments(here.patient(1))

        assert (paid.status, paid.amount, paid.refunded) == (
            PaymentStatus.PARTLY_REFUNDED,
            usd("399"),
            usd("100"),
        )
        assert [(each.amount, each.pending) for each in paid.refunds] == [(usd("100"), False)]
        assert (paid.description, paid.outside) == ("Starter Plan", False)

    @pytest.mark.parametrize(
        ("state", "status"),
        [
            ("FAILED", PaymentStatus.FAILED),
            ("SCHEDULED", PaymentStatus.SCHEDULED),
            ("SUCCEEDED", PaymentStatus.PAID),
        ],
    )
    async def test_what_became_of_it_is_said(self, here: Practice, state: str, status: PaymentStatus) -> None:
        here.world.billing_items.add(
            sender_id=here.patient(1), recipient_id=here.clinician(1), amount=1_00, state=state
        )
        (paid,) = await here.healthie.purchases.payments(here.patient(1))
        assert paid.status is status

    async def test_they_come_newest_first_however_many(self, here: Practice) -> None:
        start = here.world.clock.now() - timedelta(days=200)
        for day in range(120):
            here.world.billing_items.add(
                sender_id=here.patient(1),
                recipient_id=here.clinician(1),
                amount=100 + day,
                state="SUCCEEDED",
                created_at=start + timedelta(days=day),
            )
        found = await here.healthie.purchases.payments(here.patient(1))
        assert [each.amount.amount * 100 for each in found] == [219 - day for day in range(120)]


class TestInvoices:
    async def test_an_invoice_says_what_is_due(self, here: Practice) -> None:
        invoice = here.world.requested_payments.add(
            sender_id=here.clinician(1), recipient_id=here.patient(1), price=120_00
        )
        here.world.billing_items.add(
            sender_id=here.patient(1),
            recipient_id=here.clinician(1),
            amount=20_00,
            state="SUCCEEDED",
            requested_payment_id=invoice.id,
        )
        here.world.requested_payments.change(invoice.id, status="Partial")

        (found,) = await here.healthie.purchases.invoices(here.patient(1))

        assert (found.status, found.total, found.due) == (InvoiceStatus.PARTLY_PAID, usd("120"), usd("100"))
        assert found.can_be_paid
        assert len(found.payment_ids) == 1

    @pytest.mark.parametrize(
        ("changes", "status"),
        [
            ({"status": "Paid", "is_manually_paid": True}, InvoiceStatus.PAID),
            ({"status": "Sent to the attorney"}, InvoiceStatus.UNKNOWN),
        ],
    )
    async def test_a_paid_one_and_one_with_a_status_of_the_practices_own_cannot_be_paid(
        self, here: Practice, changes: dict[str, Any], status: InvoiceStatus
    ) -> None:
        here.world.requested_payments.add(
            sender_id=here.clinician(1), recipient_id=here.patient(1), price=120_00, **changes
        )
        (found,) = await here.healthie.purchases.invoices(here.patient(1))
        assert (found.status, found.can_be_paid) == (status, False)

    async def test_a_preview_is_not_shown(self, here: Practice) -> None:
        here.world.requested_payments.add(
            sender_id=here.clinician(1), recipient_id=here.patient(1), price=120_00, is_preview=True
        )
        assert list(await here.healthie.purchases.invoices(here.patient(1))) == []
