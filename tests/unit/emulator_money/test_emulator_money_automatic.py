"""What Healthie charges by itself when a visit gets a status, where the practice's settings say so."""

from datetime import timedelta
from typing import Any

import pytest

FEES = {"late_cancellation_fee": 5_000, "no_show_fee": 7_500, "enable_late_cancellation_status": True}


def set_policy(practice: Any, **policy: Any) -> None:
    world = practice.world
    world.appointment_settings.change(world.settings.id, **FEES, **policy)


async def end(practice: Any, status: str, **visit: Any) -> None:
    """Give a visit of the patient this status."""
    made = practice.world.appointments.add(
        provider_id=practice.clinician.id,
        user_id=practice.patient.id,
        appointment_type_id=practice.visit_type,
        starts_at=practice.world.clock.now() - timedelta(hours=1),
        length=30,
        **visit,
    )
    answer = await practice.ask(
        "mutation($input: updateAppointmentInput!) { updateAppointment(input: $input) { messages { message } } }",
        input={"id": made.id, "pm_status": status},
    )
    assert not answer["updateAppointment"]["messages"]


def taken(practice: Any) -> list[int]:
    return [charge.amount for charge in practice.world.stripe.charges.values()]


LATE, OCCURRED = "auto_schedule_charges_for_late_cancellation_no_show", "charge_for_occurred_appts"


class TestAutomaticCharges:
    @pytest.mark.parametrize(
        ("policy", "status", "amount"),
        [(LATE, "Late Cancellation", 5_000), (LATE, "No-Show", 7_500), (OCCURRED, "Occurred", 7_500)],
    )
    async def test_a_status_schedules_a_charge_that_is_taken_two_days_later(
        self, practice: Any, policy: str, status: str, amount: int
    ) -> None:
        set_policy(practice, **{policy: True})
        await practice.attach()
        await end(practice, status)
        (item,) = practice.world.billing_items
        assert (item.state, item.recipient_id) == ("SCHEDULED", practice.clinician.id)
        practice.pass_time(days=1)
        await practice.ask("{ billingItems { total_count } }")
        assert taken(practice) == []
        practice.pass_time(days=1)
        await practice.ask("{ billingItems { total_count } }")
        assert taken(practice) == [amount]

    @pytest.mark.parametrize(
        ("policy", "status"),
        [
            ({}, "No-Show"),
            ({OCCURRED: True}, "No-Show"),
            ({LATE: True}, "Occurred"),
            ({LATE: True}, "Cancelled"),
        ],
        ids=str,
    )
    async def test_without_the_setting_no_status_costs_anything(
        self, practice: Any, policy: dict[str, bool], status: str
    ) -> None:
        set_policy(practice, **policy)
        await practice.attach()
        await end(practice, status)
        assert len(practice.world.billing_items) == 0

    @pytest.mark.parametrize("spares_paid", [True, False])
    async def test_whether_a_visit_on_credit_or_on_a_paid_invoice_is_charged_again_is_a_switch(
        self,
        practice: Any,
        spares_paid: bool,  # noqa: FBT001 - a parameter of the test
    ) -> None:
        practice.world.switches.automatic_charges_spare_paid = spares_paid
        set_policy(practice, **{OCCURRED: True})
        await practice.attach()
        invoice = practice.world.requested_payments.add(
            sender_id=practice.clinician.id, recipient_id=practice.patient.id, price=7_500, status="Paid"
        )
        await end(practice, "Occurred", credit_was_used=True)
        await end(practice, "Occurred", requested_payment_id=invoice.id)
        assert len(practice.world.billing_items) == (0 if spares_paid else 2)

    @pytest.mark.parametrize("sends_invoices", [False, True])
    async def test_a_patient_without_a_card_is_invoiced_if_the_practice_wants_it(
        self,
        practice: Any,
        sends_invoices: bool,  # noqa: FBT001 - a parameter of the test
    ) -> None:
        set_policy(practice, **{LATE: True, "invoice_clients_without_payment_method": sends_invoices})
        await end(practice, "No-Show")
        assert len(practice.world.billing_items) == 0
        assert [each.price for each in practice.world.requested_payments] == [7_500] * sends_invoices

    async def test_the_policy_says_whether_it_charges_by_itself(self, practice: Any) -> None:
        practice.world.switches.setting_without_id = True
        query = "{ appointmentSetting { auto_charge_enabled charge_for_occurred_appts } }"
        assert (await practice.ask(query))["appointmentSetting"]["auto_charge_enabled"] is False
        set_policy(practice, **{OCCURRED: True})
        assert (await practice.ask(query))["appointmentSetting"] == {
            "auto_charge_enabled": True,
            "charge_for_occurred_appts": True,
        }
