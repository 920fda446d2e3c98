"""What a patient does with a booked visit: moves it to another time, and cancels it for its payment."""

from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from gateway.development.demo import documents
from gateway.development.demo.api import App, Broken, amount_of, expect
from gateway.development.demo.books import Visit
from gateway.development.demo.free_times import ZONE, ids, local, slots_of_week
from gateway.development.demo.screen import Screen

# The emulated practice lets its patients move and cancel until a day before the visit.
NOTICE = timedelta(hours=25)


def two_times(slots: list[dict[str, Any]]) -> tuple[dict[str, Any], dict[str, Any]]:
    """A time to book that may still be moved, and another one of the same clinician on a later day. Raises Broken."""
    earliest = datetime.now().astimezone() + NOTICE
    movable = [slot for slot in slots if local(slot) > earliest]
    for first in movable:
        for later in movable:
            same = later["clinicianId"] == first["clinicianId"]
            if same and local(later).date() > local(first).date():
                return first, later
    raise Broken("the practice has no two free times that a visit may be moved between")


async def move(app: App, visit: Visit, to: dict[str, Any], *, name: str, screen: Screen) -> Visit:
    """Moves the visit to the free time; returns it as it stands then."""
    screen.chapter(f"{name} moves it to {local(to):%a %d %b, %H:%M}")
    quote = (await app.ask(documents.MOVE_QUOTE, id=visit.appointment_id))["rescheduleQuote"]
    expect(quote, "RescheduleQuoteSuccess")
    until = datetime.fromisoformat(quote["quote"]["until"])
    screen.say(f"The practice allows it until {until:%a %d %b, %H:%M} UTC, and it costs nothing")
    held = await app.do(documents.HOLD, slotId=to["id"], timeZone=ZONE)
    expect(held, "HoldSlotSuccess")
    with screen.waiting("moving the visit …"):
        moved = await app.do(documents.MOVE_VISIT, quoteId=quote["quote"]["id"], holdId=held["hold"]["id"])
    expect(moved, "RescheduleAppointmentSuccess")
    stands = moved["change"]["appointment"]
    screen.holds(stands["id"] == visit.appointment_id, "it is the same visit, paid once")
    screen.holds(
        datetime.fromisoformat(stands["start"]) == datetime.fromisoformat(to["start"]),
        "at the time that was held",
    )
    return replace(visit, start=to["start"])


async def cancel(app: App, visit: Visit, *, name: str, screen: Screen) -> Visit:
    """Cancels the visit for its payment; returns it as it stands then."""
    screen.chapter(f"{name} asks what cancelling does, and cancels")
    quote = (await app.ask(documents.CANCELLATION_QUOTE, id=visit.appointment_id))["cancellationQuote"]
    expect(quote, "CancellationQuoteSuccess")
    terms = quote["quote"]
    screen.table(
        "given back",
        "kept",
        "fee",
        rows=[
            (
                amount_of(terms["refund"]),
                amount_of(terms["kept"]),
                amount_of(terms["fee"] and terms["fee"]["amount"]),
            )
        ],
    )
    with screen.waiting("cancelling and giving back …"):
        done = await app.do(documents.CANCEL_VISIT, quoteId=terms["id"], reason="Sample reason")
    expect(done, "CancelAppointmentSuccess")
    change = done["change"]
    screen.holds(change["appointment"]["status"] == "CANCELLED", "the practice has it as cancelled")
    screen.holds(change["refunded"] == terms["refund"], "what was given back is what the quote said")
    return replace(visit, status="Cancelled", refunded=Decimal(change["refunded"]["amount"]))


async def is_offered(app: App, wanted: dict[str, Any], slot: dict[str, Any], *, screen: Screen) -> None:
    """Checks that others are offered the time again."""
    screen.holds(
        slot["id"] in ids(await slots_of_week(app, wanted)),
        f"{local(slot):%a %d %b, %H:%M} is offered to others again",
    )
