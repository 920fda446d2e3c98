"""Seats in groups take credits, and give them back."""

from datetime import timedelta
from typing import Any

import pytest

JOIN = """mutation($input: completeCheckoutInput!) { completeCheckout(input: $input) { messages { message } } }"""


async def buy(practice: Any) -> None:
    """Buy a package of two visits."""
    await practice.attach()
    await practice.charge(offering_id=practice.single)


def left(practice: Any) -> dict[str, int]:
    """The credits of each patient."""
    return {each.user_id: each.quantity for each in practice.world.credits}


class TestSeats:
    """A seat in a group is a visit: it takes a credit, and one that is given up gives it back."""

    @staticmethod
    def group(practice: Any, **more: Any) -> Any:
        world = practice.world
        world.appointment_types.change(practice.visit_type, is_group=True, is_waitlist_enabled=True)
        return world.appointments.add(
            provider_id=practice.clinician.id,
            user_id=None,
            appointment_type_id=practice.visit_type,
            starts_at=world.clock.now() + timedelta(days=7),
            length=30,
            **more,
        )

    @staticmethod
    async def join(practice: Any, group: Any, by: Any, **more: Any) -> None:
        answer = await practice.ask(JOIN, by=by, input={"appointment_id": group.id, **more})
        assert answer["completeCheckout"]["messages"] is None

    @staticmethod
    async def leave(practice: Any, user: Any) -> None:
        seat = next(each for each in practice.world.seats if each.user_id == user.id)
        answer = await practice.ask(
            """mutation($id: ID!) { updateAppointmentInclusion(input: {id: $id, cancelled: true}) {
              messages { message } } }""",
            by=user,
            id=seat.id,
        )
        assert answer["updateAppointmentInclusion"]["messages"] is None

    async def test_joining_twice_takes_one_credit(self, practice: Any) -> None:
        await buy(practice)
        group = self.group(practice)
        await self.join(practice, group, practice.patient)
        await self.join(practice, group, practice.patient)
        assert left(practice) == {practice.patient.id: 1}

    @pytest.mark.parametrize(("restores", "quantity"), [(True, 2), (False, 1)])
    async def test_a_seat_that_is_given_up_gives_its_credit_back_where_the_practice_says_so(
        self,
        practice: Any,
        restores: bool,  # noqa: FBT001 - a parameter of the test
        quantity: int,
    ) -> None:
        world = practice.world
        world.appointment_settings.change(world.settings.id, restore_credit_on_cancel=restores)
        await buy(practice)
        await self.join(practice, self.group(practice), practice.patient)
        await self.leave(practice, practice.patient)
        assert left(practice) == {practice.patient.id: quantity}

    async def test_who_moves_up_from_the_waitlist_uses_a_credit_then(self, practice: Any) -> None:
        group = self.group(practice, max_attendees="1")
        await self.join(practice, group, practice.patient)
        await self.join(practice, group, practice.stranger, is_joining_waitlist=True)
        assert practice.stranger.id not in left(practice)
        await self.leave(practice, practice.patient)
        assert left(practice)[practice.stranger.id] == -1

    async def test_seats_that_staff_hand_out_later_take_a_credit_as_those_at_booking_do(
        self, practice: Any
    ) -> None:
        await buy(practice)
        group = self.group(practice)
        await practice.ask(
            """mutation($id: ID, $who: [ID]) { updateAppointment(input: {id: $id, attendee_ids: $who}) {
              messages { message } } }""",
            id=group.id,
            who=[practice.patient.id],
        )
        assert left(practice) == {practice.patient.id: 1}
