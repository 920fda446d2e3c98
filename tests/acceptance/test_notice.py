"""The practice's notice, through the public API: what begins too soon is not shown, held, started, confirmed or charged."""

from datetime import UTC, datetime, timedelta

from tests.acceptance import documents
from tests.acceptance.app import GUEST, Json
from tests.plugins.stack import Stack

# What the practice of the emulator asks for.
NOTICE = timedelta(minutes=60)

TOO_LATE = "... on TooLateToBook { bookableUntil }"


async def nearest(stack: Stack) -> Json:
    """The first slot that can be booked today; time passes until it can be for two minutes more."""
    app = await stack.visitor()
    sought = {"visitTypeId": stack.visit("Single Visit"), "clinicianIds": [stack.clinician(1)]}
    slot = (await app.slots(stack.day(0), stack.day(1), **sought))[0]
    await stack.pass_time(closes(slot) - timedelta(minutes=2) - stack.clock.now())
    return slot


def closes(slot: Json) -> datetime:
    return datetime.fromisoformat(slot["start"]).astimezone(UTC) - NOTICE


async def test_a_confirm_inside_the_notice_is_refused_by_name_and_charges_nothing(stack: Stack) -> None:
    slot = await nearest(stack)
    guest, checkout_id = await (await stack.visitor()).guest_checkout(slot["id"])
    await stack.pass_time(timedelta(minutes=3))
    document = documents.CONFIRM.replace("... on CardDeclined { reason }", TOO_LATE)
    refused = await guest.do(document, **guest.accepting(checkout_id), cardToken="tok_visa")
    assert (refused["__typename"], refused["code"]) == ("TooLateToBook", "TOO_LATE_TO_BOOK")
    assert refused["retryable"] is False
    assert datetime.fromisoformat(refused["bookableUntil"]) == closes(slot)
    assert (await stack.made())["charges"] == []
    ended = await guest.checkout(checkout_id)
    assert (ended["status"], ended["endReason"]) == ("EXPIRED", "TOO_LATE")
    assert not {"CreatePatient", "AttachCard", "Charge", "Book"} & set(await stack.upstream())


async def test_what_is_inside_the_notice_is_neither_shown_nor_held_nor_started(stack: Stack) -> None:
    slot = await nearest(stack)
    app = await stack.visitor()
    hold_id = await app.held(slot["id"])
    await stack.pass_time(timedelta(minutes=3))
    started = await app.do(documents.START, holdId=hold_id, guest=GUEST)
    assert started["__typename"] == "TooLateToBook"
    await app.do(documents.RELEASE, holdId=hold_id)
    assert (await app.hold(slot["id"]))["__typename"] == "TooLateToBook"
    sought = {"visitTypeId": stack.visit("Single Visit"), "clinicianIds": [stack.clinician(1)]}
    shown = await app.slots(stack.day(0), stack.day(1), **sought)
    assert slot["id"] not in [one["id"] for one in shown]
    assert (await app.hold(shown[0]["id"]))["__typename"] == "HoldSlotSuccess"


async def test_a_visit_type_says_how_long_ahead_it_is_to_be_booked(stack: Stack) -> None:
    app = await stack.visitor()
    kinds = (await app.ask("{ visitTypes { name scheduleNoticeMinutes } }"))["visitTypes"]
    notices = {kind["name"]: kind["scheduleNoticeMinutes"] for kind in kinds}
    assert notices.pop("Assessment in Person") == 24 * 60, "it has settings of its own"
    assert set(notices.values()) == {60}
    quote = "query Q($id: ID!) { quote(visitTypeId: $id) { ... on QuoteSuccess { quote { policy { scheduleNoticeMinutes } } } } }"
    for name, minutes in (("Assessment in Person", 24 * 60), ("Single Visit", 60)):
        told = (await app.ask(quote, {"id": stack.visit(name)}))["quote"]
        assert told["quote"]["policy"]["scheduleNoticeMinutes"] == minutes
