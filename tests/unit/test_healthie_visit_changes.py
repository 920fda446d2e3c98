"""Changes of visits as they are sent, and which answers are certain refusals."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from booking.catalog.model import ContactType
from booking.changes.model import Action, ActionKind, ChangeKind
from booking.errors import OutcomeUnknown, UpstreamRefused
from booking.refusals import SlotTaken
from integrations.healthie.asked_charge import has_reference, of_fee, reference_in
from integrations.healthie.credits import came_back
from integrations.healthie.errors import Refused
from integrations.healthie.generated.credit_changes import CreditChangesAppointmentTypeCreditChangesNodes
from integrations.healthie.refund_calls import is_known_refusal
from tests.doubles.healthie_changes import (
    NEW_START,
    a_booked_visit,
    a_change,
    a_move,
    a_policy_of_changes,
    the_rules,
)
from tests.doubles.healthie_script import NOON, Script, a_payment, a_slot, a_visit, usd

MOVED = "2026-11-25 12:00:00 -0500"


def said(*messages: str) -> dict[str, Any]:
    return {
        "updateAppointment": {"messages": [{"field": None, "message": each} for each in messages] or None}
    }


def script_of(mutation: str, *visits: dict[str, Any], messages: tuple[str, ...] = ()) -> Script:
    return Script(answers={"BookedVisit": list(visits), mutation: said(*messages)})


CANCELLED = a_booked_visit(pm_status="Cancelled")


class TestCancel:
    async def test_the_patients_words_and_reason_are_sent_in_their_name(self) -> None:
        script = script_of("CancelVisit", a_booked_visit(), CANCELLED)
        async with script.connected() as healthie:
            await healthie.visit_changes.cancel(a_change(reason="Sample reason", reason_id="51"))
        (sent,) = script.of("CancelVisit")
        assert sent.variables == {
            "id": "901",
            "pm_status": "Cancelled",
            "cancellation_reason_id": "51",
            "cancellation_initiated_by": "client",
            "other_cancellation_reason": "Sample reason",
        }
        assert sent.key == "sample-key-of-11"

    async def test_without_a_reason_none_is_named(self) -> None:
        script = script_of("CancelVisit", a_booked_visit(), CANCELLED)
        async with script.connected() as healthie:
            await healthie.visit_changes.cancel(a_change())
        assert script.of("CancelVisit")[0].variables == {"id": "901", "pm_status": "Cancelled"}

    async def test_staff_do_not_cancel_in_the_patients_name(self) -> None:
        script = script_of("CancelVisit", a_booked_visit(), CANCELLED)
        async with script.connected() as healthie:
            await healthie.visit_changes.cancel(a_change(reason="Sample reason", by_staff=True))
        assert "cancellation_initiated_by" not in script.of("CancelVisit")[0].variables

    @pytest.mark.parametrize(
        "message", ["Something went wrong", "This time is not available", "Please try again"]
    )
    async def test_an_unfamiliar_refusal_is_unknown(self, message: str) -> None:
        script = script_of("CancelVisit", a_booked_visit(), messages=(message,))
        async with script.connected() as healthie:
            with pytest.raises(OutcomeUnknown):
                await healthie.visit_changes.cancel(a_change())

    async def test_a_refusal_of_what_is_done_all_the_same_is_done(self) -> None:
        script = script_of("CancelVisit", a_booked_visit(), CANCELLED, messages=("Something went wrong",))
        async with script.connected() as healthie:
            await healthie.visit_changes.cancel(a_change())

    async def test_a_late_one_is_read_for_what_healthie_would_charge(self) -> None:
        policy = a_policy_of_changes(auto_schedule_charges_for_late_cancellation_no_show=True)
        script = script_of("CancelVisit", a_booked_visit(), a_booked_visit(pm_status="Late Cancellation"))
        script.answers["VisitRules"] = the_rules(policy)
        change = a_change(Action(kind=ActionKind.CANCEL_VISIT, amount=usd("25.00")), late=True)
        async with script.connected() as healthie:
            await healthie.visit_changes.cancel(change)
        assert script.of("CancelVisit")[0].variables["pm_status"] == "Late Cancellation"

    async def test_one_with_an_amount_that_is_not_late_is_not(self) -> None:
        script = script_of("CancelVisit", a_booked_visit(), CANCELLED)
        change = a_change(Action(kind=ActionKind.CANCEL_VISIT, amount=usd("25.00")), late=False)
        async with script.connected() as healthie:
            await healthie.visit_changes.cancel(change)
        assert script.of("VisitRules") == []


class TestMove:
    async def test_time_and_zone_are_sent_and_nothing_that_stays(self) -> None:
        script = script_of("MoveVisit", a_booked_visit(), a_booked_visit(date=MOVED))
        async with script.connected() as healthie:
            await healthie.visit_changes.move(a_move())
        (sent,) = script.of("MoveVisit")
        assert sent.variables == {
            "id": "901",
            "datetime": "2026-11-25T12:00:00-05:00",
            "timezone": "America/New_York",
        }
        assert "client_updating: true, enforce_availability: true" in sent.document
        assert sent.key == "sample-key-of-11"

    async def test_another_place_is_sent(self) -> None:
        here = {"contact_type": "In Person", "appointment_location_id": "31"}
        there = here | {"appointment_location_id": "32", "date": MOVED}
        script = script_of("MoveVisit", a_booked_visit(**here), a_booked_visit(**there))
        new = a_slot(start=NEW_START, contact_type=ContactType.IN_PERSON, location_id="32")
        async with script.connected() as healthie:
            await healthie.visit_changes.move(a_move(new_slot=new))
        assert script.of("MoveVisit")[0].variables["appointment_location_id"] == "32"

    async def test_a_time_that_is_gone_is_certain_only_while_the_visit_stands_where_it_was(self) -> None:
        elsewhere = a_booked_visit(date="2026-11-26 12:00:00 -0500")
        gone = ("This time is not available",)
        for after, error in ((a_booked_visit(), SlotTaken), (elsewhere, OutcomeUnknown)):
            script = script_of("MoveVisit", a_booked_visit(), after, messages=gone)
            async with script.connected() as healthie:
                with pytest.raises(error):
                    await healthie.visit_changes.move(a_move())

    @pytest.mark.parametrize(
        ("message", "error"),
        [("Appointment type not found", UpstreamRefused), ("Something went wrong", OutcomeUnknown)],
    )
    async def test_other_refusals_are_certain_only_when_they_are_known(
        self, message: str, error: type[Exception]
    ) -> None:
        script = script_of("MoveVisit", a_booked_visit(), messages=(message,))
        async with script.connected() as healthie:
            with pytest.raises(error):
                await healthie.visit_changes.move(a_move())

    async def test_it_stays_with_its_clinician(self) -> None:
        async with Script().connected() as healthie:
            with pytest.raises(ValueError, match="its clinician's"):
                await healthie.visit_changes.move(a_move(new_slot=a_slot(clinician_id="12")))

    async def test_a_cancellation_has_no_new_slot(self) -> None:
        async with Script().connected() as healthie:
            with pytest.raises(ValueError, match="only a reschedule"):
                await healthie.visit_changes.move(a_change(kind=ChangeKind.CANCELLATION))


class TestFindBooked:
    async def test_of_several_with_the_reference_the_first_is_taken_and_a_checkouts_is_none(self) -> None:
        change = a_move()
        nodes = [
            a_visit(),
            a_visit(id="902", metadata={"frontdoor_change": "chg_other"}),
            a_visit(id="903", metadata='{"frontdoor_change": "chg_sample"}'),
            a_visit(id="904", metadata={"frontdoor_change": "chg_sample"}),
            a_visit(id="905", metadata=None),
        ]
        page = {"has_next_page": False, "end_cursor": None}
        script = Script(answers={"VisitsBetween": {"appointments": {"nodes": nodes, "page_info": page}}})
        async with script.connected() as healthie:
            found = await healthie.visit_changes.find_booked(change)
        assert found is not None
        assert (found.id, found.checkout_id) == ("903", None)


FEE = a_change(Action(kind=ActionKind.CHARGE_FEE, amount=usd("25.00")))


class TestFee:
    def test_its_note_names_the_change_and_no_checkout(self) -> None:
        asked = of_fee(FEE, 0)
        assert asked.note == "Late cancellation fee. Reference: chg_sample-0"
        assert reference_in(asked.note) is None
        assert has_reference(asked.note)
        assert asked.is_named_in(f"by staff: {asked.note} ")
        assert not asked.is_named_in("Late cancellation fee. Reference: chg_sample-1")

    async def test_on_other_terms_than_accepted_it_is_not_taken_for_done(self) -> None:
        payment = a_payment(
            note=of_fee(FEE, 0).note, amount_paid="30.00", net_payment="30.00", offering_id=None
        )
        script = Script(
            answers={
                "Charge": {
                    "createBillingItem": {"billingItem": payment, "messages": None, "stripeError": None}
                }
            }
        )
        async with script.connected() as healthie:
            with pytest.raises(OutcomeUnknown):
                await healthie.change_payments.charge_fee(FEE, 0)

    async def test_a_fee_without_an_amount_is_no_fee(self) -> None:
        async with Script().connected() as healthie:
            with pytest.raises(ValueError, match="a fee has an amount"):
                await healthie.change_payments.charge_fee(a_change(Action(kind=ActionKind.CHARGE_FEE)), 0)


class TestRefund:
    async def test_its_key_stands_for_the_change_and_the_action(self) -> None:
        change = a_change(
            Action(kind=ActionKind.CANCEL_VISIT), Action(kind=ActionKind.REFUND, amount=usd("50.00"))
        )
        before, after = a_payment(refund_amount="20.00"), a_payment(refund_amount="50.00")
        script = Script(
            answers={
                "PaymentById": [{"billingItem": before}, {"billingItem": after}],
                "Refund": {"updateBillingItem": {"messages": None}},
            }
        )
        async with script.connected() as healthie:
            assert await healthie.change_payments.refund(change, 1) == usd("50.00")
        assert script.of("Refund")[0].variables == {
            "id": "801",
            "chosen_refund_amount": "30.00",
            "stripe_idempotency_key": "chg_sample-1",
        }

    @pytest.mark.parametrize(
        ("texts", "known"),
        [
            (["Charge ch_1 has already been refunded."], True),
            (["Refund amount ($5.00) is greater than unrefunded amount on charge ($2.00)"], True),
            (["This payment was not charged and cannot be refunded"], True),
            (["Recurring payment not found"], True),
            (["Something went wrong"], False),
            (["Billing item not found", "Something went wrong"], False),
            (["There is currently another in-progress request using this idempotent key; not found"], False),
        ],
    )
    def test_only_known_texts_are_certain(self, texts: list[str], known: Any) -> None:
        assert is_known_refusal(Refused("Refund", texts)) is known

    async def test_an_amount_in_another_currency_is_refused(self) -> None:
        change = a_change(Action(kind=ActionKind.REFUND, amount=usd("50.00")))
        script = Script(answers={"PaymentById": {"billingItem": a_payment(currency="EUR")}})
        async with script.connected() as healthie:
            with pytest.raises(UpstreamRefused, match="more_than_paid"):
                await healthie.change_payments.refund(change, 0)


def entry(number: int, quantity: int, visit: str | None) -> CreditChangesAppointmentTypeCreditChangesNodes:
    at: datetime = NOON + timedelta(minutes=number)
    return CreditChangesAppointmentTypeCreditChangesNodes.model_validate(
        {
            "id": str(number),
            "created_at": at,
            "credit_quantity": quantity,
            "appointment": {"id": visit} if visit else None,
        }
    )


class TestLedger:
    @pytest.mark.parametrize(
        ("entries", "expected"),
        [
            ([], False),
            ([(1, 4, None), (2, 3, "901")], False),
            ([(1, 4, None), (2, 3, "901"), (3, 4, "901")], True),
            # in any order
            ([(3, 4, "901"), (1, 4, None), (2, 3, "901")], True),
            # another visit's, another use in between
            ([(1, 4, None), (2, 3, "901"), (3, 4, "902")], False),
            ([(1, 4, None), (2, 3, "901"), (3, 2, "902"), (4, 3, "901")], True),
            # taken again after it came back
            ([(1, 4, None), (2, 3, "901"), (3, 4, "901"), (4, 3, "901")], False),
            # below zero, and back
            ([(1, -1, "901"), (2, 0, "901")], True),
            # given without having been taken
            ([(1, 4, "901")], False),
        ],
        ids=str,
    )
    def test_a_credit_came_back_if_the_visits_last_entry_added_one(
        self, entries: list[tuple[int, int, str | None]], expected: Any
    ) -> None:
        assert came_back([entry(*each) for each in entries], "901") is expected
