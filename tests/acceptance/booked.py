"""A visit that was booked through the public API, and what its patient and the practice then do with it."""

import dataclasses
from datetime import datetime
from typing import Any

from booking.principals import PrincipalKind
from tests.acceptance import documents
from tests.acceptance.app import App, Json
from tests.plugins.emulator import CLINICIAN_1, OWNER
from tests.plugins.stack import Stack

PAID = "120.00"
VISIT = "Single Visit"

UPDATE = """mutation ByPractice($input: updateAppointmentInput!) {
  updateAppointment(input: $input) { appointment { id } messages { field message } }
}"""
BOOK_DIRECTLY = """mutation BookDirectly($input: createAppointmentInput!) {
  createAppointment(input: $input) { appointment { id } messages { field message } }
}"""
SETTINGS = """query PracticesRules { appointmentSetting(provider_id: "%s") { id } }"""
UPDATE_SETTINGS = """mutation PracticesRules($input: updateAppointmentSettingInput!) {
  updateAppointmentSetting(input: $input) { appointmentSetting { id } messages { field message } }
}"""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Booked:
    """A visit, and the app of whoever booked it."""

    stack: Stack
    app: App
    id: str
    checkout_id: str
    slot: Json

    @property
    def begins(self) -> datetime:
        """When it was booked to start."""
        return datetime.fromisoformat(self.slot["start"])

    async def cancellation(self, app: App | None = None) -> Json:
        """The answer to the question what cancelling does; of its booker unless somebody else asks."""
        answer = await (app or self.app).ask(documents.CANCELLATION_QUOTE, {"id": self.id})
        return answer["cancellationQuote"]

    async def moving(self, app: App | None = None) -> Json:
        """The answer to the question what moving means."""
        answer = await (app or self.app).ask(documents.MOVE_QUOTE, {"id": self.id})
        return answer["rescheduleQuote"]

    async def cancel(self, quote: Json | None = None, *, app: App | None = None, **given: Any) -> Json:
        """Cancel on the terms of this answer, or of those that are asked for now; answers the result."""
        terms = quote or await self.cancellation(app)
        return await (app or self.app).do(
            documents.CANCEL_VISIT, quoteId=terms["quote"]["id"], **{"reason": "Sample reason", **given}
        )

    async def move(
        self, hold_id: str, quote: Json | None = None, *, app: App | None = None, **given: Any
    ) -> Json:
        """Move to the held time; answers the result."""
        terms = quote or await self.moving(app)
        return await (app or self.app).do(
            documents.MOVE_VISIT, quoteId=terms["quote"]["id"], holdId=hold_id, **given
        )

    async def truth(self) -> Json:
        """The visit as the practice has it."""
        (visit,) = [each for each in await self.stack.landed() if each["id"] == self.id]
        return visit

    async def offered(self, slot: Json | None = None) -> bool:
        """Whether the visit's time (or another) is offered to others now."""
        slot = slot or self.slot
        day = slot["start"][:10]
        found = await App(http=self.stack.http).slots(
            day, day, visitTypeId=slot["visitTypeId"], clinicianIds=[slot["clinicianId"]]
        )
        return slot["id"] in [one["id"] for one in found]

    async def by_practice(self, **given: Any) -> None:
        """The practice changes the visit in its own system."""
        done = await self.stack.emulator.ask(UPDATE, key=CLINICIAN_1, input={"id": self.id, **given})
        assert done["updateAppointment"]["messages"] is None, done


async def guests_visit(
    stack: Stack, *, visit: str = VISIT, plan: str | None = None, ahead: int = 3, **sought: Any
) -> Booked:
    """A guest books and pays."""
    slot = await stack.slot(visit, ahead=ahead, **sought)
    given = {"planId": stack.plan(plan)} if plan else {}
    guest, checkout_id = await (await stack.visitor()).guest_checkout(slot["id"], **given)
    return await _confirmed(stack, guest, checkout_id, slot)


async def patients_visit(stack: Stack, *, patient: int = 0, ahead: int = 3, **sought: Any) -> Booked:
    """A signed-in patient books and pays."""
    slot = await stack.slot(VISIT, ahead=ahead, **sought)
    app = stack.patient(str(stack.practice["patients"][patient]["id"]))
    return await _confirmed(stack, app, await app.own_checkout(slot["id"]), slot)


async def _confirmed(stack: Stack, app: App, checkout_id: str, slot: Json) -> Booked:
    result = await app.confirm(checkout_id, cardToken="tok_visa")
    assert result["__typename"] == "ConfirmCheckoutSuccess", result
    return Booked(
        stack=stack, app=app, id=result["checkout"]["appointment"]["id"], checkout_id=checkout_id, slot=slot
    )


def staff(stack: Stack) -> App:
    """Somebody who works for the practice."""
    return stack.patient("staff-1", kind=PrincipalKind.STAFF)


async def set_rules(stack: Stack, **given: Any) -> None:
    """The practice changes its own rules for visits."""
    found = await stack.emulator.ask(SETTINGS % stack.clinician(1), key=OWNER)
    rules = {"id": found["appointmentSetting"]["id"], **given}
    done = await stack.emulator.ask(UPDATE_SETTINGS, key=OWNER, input=rules)
    assert done["updateAppointmentSetting"]["messages"] is None, done


async def money(stack: Stack) -> list[tuple[int, int]]:
    """What was charged and given back, in cents, charge by charge."""
    return [(each["amount"], each["refunded"]) for each in (await stack.made())["charges"]]


async def book_directly(stack: Stack, slot: Json) -> str:
    """Somebody at the practice books the time, past the gateway; answers the appointment's id."""
    given = {
        "user_id": stack.practice["patients"][2]["id"],
        "appointment_type_id": stack.visit("Follow-up Visit"),
        "contact_type": "Healthie Video Call",
        "datetime": slot["start"],
        "timezone": "America/New_York",
    }
    made = await stack.emulator.ask(BOOK_DIRECTLY, key=CLINICIAN_1, input=given)
    return str(made["createAppointment"]["appointment"]["id"])
