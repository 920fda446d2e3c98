"""The hold store is emptied while patients check out: through the public API nobody notices whose time is still free."""

from sqlalchemy import delete

from integrations.database.engine import connect_database
from integrations.database.tables.slots import holds
from tests.acceptance import documents
from tests.plugins.stack import Stack


async def emptied(stack: Stack) -> None:
    engine = connect_database(stack.settings.database_url)
    async with engine.begin() as connection:
        await connection.execute(delete(holds))
    await engine.dispose()


async def test_a_checkout_goes_on_and_shows_the_end_that_its_hold_had(stack: Stack) -> None:
    slot = await stack.slot()
    guest, checkout_id = await (await stack.visitor()).guest_checkout(
        slot["id"], planId=stack.plan("First Visit")
    )
    before = await guest.checkout(checkout_id)
    assert before["holdExpiresAt"] is not None
    await emptied(stack)
    assert await guest.checkout(checkout_id) == before
    assert (await (await stack.visitor()).hold(slot["id"]))["__typename"] == "SlotTaken"
    await emptied(stack)
    paid = await guest.confirm(checkout_id, cardToken="tok_visa")
    assert paid["__typename"] == "ConfirmCheckoutSuccess"


async def test_whoever_comes_too_late_for_a_time_that_was_lost_is_told_that_it_is_taken(stack: Stack) -> None:
    slot = await stack.slot()
    guest, checkout_id = await (await stack.visitor()).guest_checkout(
        slot["id"], planId=stack.plan("First Visit")
    )
    await emptied(stack)
    await (await stack.visitor()).held(slot["id"])
    refused = await guest.confirm(checkout_id, cardToken="tok_visa")
    assert refused["__typename"] == "SlotTaken"
    ended = await guest.checkout(checkout_id)
    assert (ended["status"], ended["endReason"]) == ("CANCELLED", "SLOT_TAKEN")
    assert (await stack.made())["charges"] == []


async def test_a_hold_without_a_checkout_is_gone_with_its_store(stack: Stack) -> None:
    app = await stack.visitor()
    hold_id = await app.held((await stack.slot())["id"])
    await emptied(stack)
    assert (await app.ask(documents.HOLD_OF, {"id": hold_id}))["hold"] is None
