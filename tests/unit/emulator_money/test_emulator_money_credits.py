"""Credits, as Healthie's help centre has them: one credit is one visit of one type."""

from datetime import timedelta
from typing import Any

import pytest

BOOK = """mutation($input: createAppointmentInput!) { createAppointment(input: $input) {
  appointment { id credit_was_used requested_payment { id } } messages { field message } } }"""

CHECK_OUT = """mutation($input: completeCheckoutInput!) { completeCheckout(input: $input) {
  appointment { id credit_was_used } messages { field message } } }"""

CREDITS = """query($id: ID, $kind: ID) { user(id: $id) { appointment_type_credits(appointment_type_id: $kind) {
  id quantity user_id appointment_type { id } } } }"""

HISTORY = """query($id: ID, $kind: ID) { appointmentTypeCreditChanges(user_id: $id, appointment_type_id: $kind) {
  nodes { credit_quantity credit_change_event_type appointment { id } offering { name } initiator { id } } } }"""


async def book(practice: Any, **given: Any) -> dict[str, Any]:
    by = given.pop("by", None)
    values = {
        "user_id": practice.patient.id,
        "appointment_type_id": practice.visit_type,
        "contact_type": "Healthie Video Call",
        "datetime": "2026-03-09T15:00:00Z",
        **given,
    }
    return dict((await practice.ask(BOOK, by=by, input=values))["createAppointment"])


async def check_out(practice: Any, **given: Any) -> dict[str, Any]:
    """Book as the patient does."""
    world = practice.world
    if not len(world.openings):
        noon = world.clock.now().replace(hour=12)
        world.openings.add(
            user_id=practice.clinician.id, range_start=noon, range_end=noon + timedelta(days=10)
        )
    values = {
        "provider_id": practice.clinician.id,
        "appointment_type_id": practice.visit_type,
        "contact_type": "Healthie Video Call",
        "date": "2026-03-09T15:00:00Z",
        **given,
    }
    return dict((await practice.ask(CHECK_OUT, by=practice.patient, input=values))["completeCheckout"])


async def left(practice: Any, **given: Any) -> list[str]:
    by = given.pop("by", None)
    answer = await practice.ask(CREDITS, by=by, id=practice.patient.id, **given)
    return [each["quantity"] for each in answer["user"]["appointment_type_credits"]]


async def buy(practice: Any) -> None:
    """Buy a package of two visits."""
    await practice.attach()
    await practice.charge(offering_id=practice.single)


def set_policy(practice: Any, **policy: bool) -> None:
    world = practice.world
    world.appointment_settings.change(world.settings.id, **policy)


async def end(practice: Any, visit: dict[str, Any], status: str) -> None:
    await practice.ask(
        "mutation($input: updateAppointmentInput!) { updateAppointment(input: $input) { messages { message } } }",
        input={"id": visit["appointment"]["id"], "pm_status": status},
    )


class TestTaking:
    async def test_a_package_gives_them_and_a_booking_takes_one(self, practice: Any) -> None:
        await buy(practice)
        assert await left(practice) == ["2"]
        made = await book(practice)
        assert made["appointment"]["credit_was_used"] is True
        assert made["appointment"]["requested_payment"] is None
        assert await left(practice, kind=practice.visit_type) == ["1"]
        assert await left(practice, kind="999999999") == []
        assert await left(practice, by=practice.patient) == ["1"]

    async def test_every_change_stands_in_the_history_newest_first(self, practice: Any) -> None:
        await buy(practice)
        made = await book(practice)
        for kind in (None, practice.visit_type):
            answer = await practice.ask(HISTORY, id=practice.patient.id, kind=kind)
            taken, given = answer["appointmentTypeCreditChanges"]["nodes"]
            assert (given["credit_quantity"], given["offering"]) == (2, {"name": "Single"})
            assert (taken["credit_quantity"], taken["appointment"]["id"]) == (1, made["appointment"]["id"])
            assert taken["initiator"] == {"id": practice.clinician.id}
        strange = await practice.ask(HISTORY, by=practice.stranger, id=practice.patient.id)
        assert strange["appointmentTypeCreditChanges"]["nodes"] == []

    async def test_a_patient_who_has_none_books_below_zero_unless_the_practice_prevents_it(
        self, practice: Any
    ) -> None:
        made = await check_out(practice)
        assert made["appointment"]["credit_was_used"] is True
        assert await left(practice) == ["-1"]
        set_policy(practice, prevent_no_credit_booking=True)
        refused = await check_out(practice, date="2026-03-09T16:00:00Z")
        assert refused["appointment"] is None
        assert "credit" in refused["messages"][0]["message"]
        assert await left(practice) == ["-1"]

    async def test_a_package_that_is_bought_with_the_visit_is_credit_enough(self, practice: Any) -> None:
        set_policy(practice, prevent_no_credit_booking=True)
        made = await check_out(practice, offering_id=practice.single, token="tok_visa")
        assert made["appointment"]["credit_was_used"] is True
        assert await left(practice) == ["1"]

    async def test_who_lacks_the_credit_that_the_practice_asks_for_pays_nothing(self, practice: Any) -> None:
        set_policy(practice, prevent_no_credit_booking=True)
        assert (await check_out(practice, token="tok_visa"))["appointment"] is None
        assert len(practice.world.billing_items) == 0

    @pytest.mark.parametrize(("below_zero", "quantities"), [(False, []), (True, ["-1"])])
    async def test_staff_may_always_book_and_whether_that_takes_a_credit_is_a_switch(
        self,
        practice: Any,
        below_zero: bool,  # noqa: FBT001 - a parameter of the test
        quantities: list[str],
    ) -> None:
        practice.world.switches.staff_book_below_zero = below_zero
        set_policy(practice, prevent_no_credit_booking=True)
        made = await book(practice)
        assert made["appointment"]["credit_was_used"] is below_zero
        assert made["appointment"]["requested_payment"] is not None, "the type has a price"
        assert await left(practice) == quantities

    async def test_a_practice_without_the_credit_system_gives_and_takes_none(self, practice: Any) -> None:
        set_policy(practice, use_client_credit_system=False)
        await buy(practice)
        assert (await book(practice))["appointment"]["credit_was_used"] is False
        assert await left(practice) == []

    async def test_a_type_tells_whether_the_keys_owner_has_a_credit(self, practice: Any) -> None:
        query = "query($id: ID) { appointmentType(id: $id) { clients_have_credit } }"

        async def asked(by: Any) -> bool:
            answer = await practice.ask(query, by=by, id=practice.visit_type)
            return bool(answer["appointmentType"]["clients_have_credit"])

        assert not await asked(practice.patient)
        await buy(practice)
        assert await asked(practice.patient)
        assert not await asked(practice.stranger)


class TestGivingBack:
    @pytest.mark.parametrize(
        ("restores", "status", "quantity"),
        [
            (True, "Cancelled", "2"),
            (True, "No-Show", "2"),
            (True, "Re-Scheduled", "1"),
            (True, "Late Cancellation", "1"),
            (False, "Cancelled", "1"),
        ],
    )
    async def test_a_cancelled_visits_credit_comes_back_where_the_practice_says_so(
        self,
        practice: Any,
        restores: bool,  # noqa: FBT001 - a parameter of the test
        status: str,
        quantity: str,
    ) -> None:
        set_policy(practice, restore_credit_on_cancel=restores, enable_late_cancellation_status=True)
        await buy(practice)
        visit = await book(practice)
        await end(practice, visit, status)
        assert await left(practice) == [quantity]

    async def test_it_comes_back_once(self, practice: Any) -> None:
        set_policy(practice, restore_credit_on_cancel=True)
        await buy(practice)
        visit = await book(practice)
        for status in ("Cancelled", "No-Show", "Cancelled"):
            await end(practice, visit, status)
        assert await left(practice) == ["2"]

    @pytest.mark.parametrize(("restores", "quantity"), [(False, "1"), (True, "2")])
    async def test_after_a_late_cancellation_or_a_deletion_by_staff_it_is_a_switch(
        self,
        practice: Any,
        restores: bool,  # noqa: FBT001 - a parameter of the test
        quantity: str,
    ) -> None:
        set_policy(practice, restore_credit_on_cancel=True, enable_late_cancellation_status=True)
        practice.world.switches.late_cancel_restores_credit = restores
        await buy(practice)
        await end(practice, await book(practice), "Late Cancellation")
        assert await left(practice) == [quantity]
        practice.world.switches.deletion_restores_credit = restores
        visit = await book(practice)
        await practice.ask(
            "mutation($id: ID) { deleteAppointment(input: {id: $id}) { messages { message } } }",
            id=visit["appointment"]["id"],
        )
        assert await left(practice) == [str(int(quantity) - (0 if restores else 1))]

    async def test_a_patient_who_cancels_gets_it_back_too(self, practice: Any) -> None:
        set_policy(practice, restore_credit_on_cancel=True)
        await buy(practice)
        visit = await check_out(practice)
        await practice.ask(
            "mutation($id: ID) { deleteAppointment(input: {id: $id}) { messages { message } } }",
            by=practice.patient,
            id=visit["appointment"]["id"],
        )
        assert await left(practice) == ["2"]


class TestEditing:
    EDIT = """mutation($input: updateClientInput!) { updateClient(input: $input) {
      user { appointment_type_credits { id quantity } } messages { message } } }"""

    async def edit(self, practice: Any, credit: dict[str, str], by: Any = None) -> list[dict[str, str]]:
        answer = await practice.ask(
            self.EDIT,
            by=by,
            input={"id": practice.patient.id, "appointment_type_credits_attributes": [credit]},
        )
        return list(answer["updateClient"]["user"]["appointment_type_credits"])

    async def test_staff_set_an_absolute_number(self, practice: Any) -> None:
        (made,) = await self.edit(practice, {"appointment_type_id": practice.visit_type, "quantity": "4"})
        assert made["quantity"] == "4"
        assert await self.edit(practice, {"id": made["id"], "quantity": "1"}) == [{**made, "quantity": "1"}]
        answer = await practice.ask(HISTORY, id=practice.patient.id)
        assert [each["credit_quantity"] for each in answer["appointmentTypeCreditChanges"]["nodes"]] == [1, 4]

    async def test_a_patient_gives_themselves_none(self, practice: Any) -> None:
        credit = {"appointment_type_id": practice.visit_type, "quantity": "4"}
        answer = await practice.raw(
            self.EDIT,
            by=practice.patient,
            input={"id": practice.patient.id, "appointment_type_credits_attributes": [credit]},
        )
        assert len(practice.world.credits) == 0, answer

    @pytest.mark.parametrize("quantity", ["many", "", "1e3", "9" * 30])
    async def test_what_is_no_number_changes_nothing(self, practice: Any, quantity: str) -> None:
        credit = {"appointment_type_id": practice.visit_type, "quantity": quantity}
        assert await self.edit(practice, credit) == []
