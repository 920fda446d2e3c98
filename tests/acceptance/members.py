"""A patient with a monthly plan, for the tests of what becomes of it."""

from dataclasses import dataclass

from tests.acceptance import documents
from tests.acceptance.app import App, Json
from tests.plugins.stack import Stack


@dataclass
class Member:
    """A patient with a monthly plan."""

    stack: Stack
    app: App
    id: str

    async def quote(self, app: App | None = None) -> Json:
        asked = await (app or self.app).ask(documents.MEMBERSHIP_QUOTE, {"id": self.id})
        return asked["membershipEndQuote"]

    async def end(self, quote: Json = None, *, key: str | None = None) -> Json:
        quote_id = (quote or await self.quote())["quote"]["id"]
        return await self.app.do(documents.END_MEMBERSHIP, key=key, quoteId=quote_id)

    async def pause_quote(self, app: App | None = None) -> Json:
        asked = await (app or self.app).ask(documents.PAUSE_QUOTE, {"id": self.id})
        return asked["membershipPauseQuote"]

    async def resume_quote(self, app: App | None = None) -> Json:
        asked = await (app or self.app).ask(documents.RESUME_QUOTE, {"id": self.id})
        return asked["membershipResumeQuote"]

    async def pause(self, quote: Json = None, *, key: str | None = None) -> Json:
        quote_id = (quote or await self.pause_quote())["quote"]["id"]
        return await self.app.do(documents.PAUSE_MEMBERSHIP, key=key, quoteId=quote_id)

    async def resume(self, quote: Json = None, *, key: str | None = None) -> Json:
        quote_id = (quote or await self.resume_quote())["quote"]["id"]
        return await self.app.do(documents.RESUME_MEMBERSHIP, key=key, quoteId=quote_id)

    async def shown(self) -> Json:
        """The membership as `me` shows it."""
        mine = (await self.app.ask(documents.MY_MEMBERSHIPS))["me"]["memberships"]
        (found,) = (each for each in mine if each["id"] == self.id)
        return found

    async def series(self) -> Json:
        """The recurring payment in the practice's books."""
        series = (await self.stack.made())["recurring_payments"]
        return next(one for one in series if one["id"] == self.id)


async def a_member(stack: Stack, number: int = 0) -> Member:
    app = stack.patient(str(stack.practice["patients"][number]["id"]))
    slot = (await stack.slot())["id"]
    checkout = await app.own_checkout(slot, planId=stack.plan("Monthly Care"), acceptRecurrence=True)
    confirmed = await app.confirm(checkout, cardToken="tok_visa")
    assert confirmed["__typename"] == "ConfirmCheckoutSuccess", confirmed
    *_, series = (await stack.made())["recurring_payments"]
    return Member(stack=stack, app=app, id=series["id"])
