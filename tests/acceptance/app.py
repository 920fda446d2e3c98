"""One person's app: it speaks the public GraphQL API over HTTP and knows nothing else of the gateway."""

import dataclasses
import uuid
from typing import Any

import httpx2

from tests.acceptance import documents

Json = Any

VISITOR = "Frontdoor-Visitor"
KEY = "Idempotency-Key"

GUEST = {
    "email": "sample.guest@example.com",
    "firstName": "Sample",
    "lastName": "Guest",
    "phone": "555-0142",
    "birthDate": "1990-04-01",
}


@dataclasses.dataclass(frozen=True, kw_only=True)
class App:
    """A visitor's, guest's or patient's app; `headers` say whose."""

    http: httpx2.AsyncClient
    headers: dict[str, str] = dataclasses.field(default_factory=dict)
    seen: dict[str, str] = dataclasses.field(default_factory=dict)  # the quote that each checkout showed last

    def bearer(self, token: str) -> "App":
        """The same app, signed in with a token, still the same visitor."""
        return dataclasses.replace(self, headers={**self.headers, "Authorization": f"Bearer {token}"})

    async def post(
        self, document: str, variables: Json = None, *, key: str | None = None, **headers: str
    ) -> httpx2.Response:
        """Send one request as it is."""
        extra = {KEY: key, **headers} if key is not None else headers
        body = {"query": document, "variables": variables or {}}
        return await self.http.post("/graphql", json=body, headers={**self.headers, **extra})

    async def ask(self, document: str, variables: Json = None) -> Json:
        """Answer the data of a query that must not bring errors."""
        body = (await self.post(document, variables)).json()
        assert "errors" not in body, body["errors"]
        return body["data"]

    async def do(self, document: str, *, key: str | None = None, **given: Any) -> Json:
        """Run a mutation and answer its result, success or problem; a fresh key unless one is given."""
        body = (await self.post(document, {"input": given}, key=key or str(uuid.uuid4()))).json()
        assert "errors" not in body, body["errors"]
        (result,) = body["data"].values()
        if isinstance(shown := result.get("checkout"), dict) and "quote" in shown:
            self.seen[shown["id"]] = shown["quote"]["id"]
        return result

    async def error(self, document: str, variables: Json, *, key: str | None = None) -> Json:
        """Answer the one error of a request that must be refused."""
        body = (await self.post(document, variables, key=key)).json()
        (error,) = body["errors"]
        return error

    # What a patient does, step by step; each answers the part that matters next.

    async def slots(self, first: str, until: str, **sought: Any) -> list[Json]:
        """Free slots of the days, flat, in New York's time unless told otherwise."""
        sought = {"timeZone": "America/New_York", **sought}
        found = await self.ask(documents.SLOTS, {"filter": sought, "from": first, "until": until})
        return [slot for day in found["slots"] for slot in day["slots"]]

    async def hold(self, slot_id: str, *, zone: str = "America/New_York", key: str | None = None) -> Json:
        """Ask for a hold; answers the result."""
        return await self.do(documents.HOLD, key=key, slotId=slot_id, timeZone=zone)

    async def held(self, slot_id: str) -> str:
        """Hold a slot that must be free; answers the hold's id."""
        result = await self.hold(slot_id)
        assert result["__typename"] == "HoldSlotSuccess", result
        return str(result["hold"]["id"])

    async def guest_checkout(self, slot_id: str, *, guest: Json = None, **given: Any) -> tuple["App", str]:
        """Hold and start as a guest; answers the guest's app and the checkout's id."""
        started = await self.do(
            documents.START, holdId=await self.held(slot_id), guest=guest or GUEST, **given
        )
        assert started["__typename"] == "StartCheckoutSuccess", started
        return self.bearer(started["guestToken"]), str(started["checkout"]["id"])

    async def own_checkout(self, slot_id: str, **given: Any) -> str:
        """Hold and start as a signed-in patient; answers the checkout's id."""
        started = await self.do(documents.START, holdId=await self.held(slot_id), **given)
        assert started["__typename"] == "StartCheckoutSuccess", started
        return str(started["checkout"]["id"])

    async def confirm(self, checkout_id: str, *, key: str | None = None, **card: str) -> Json:
        """Confirm with `cardToken` or `cardOnFileId`; answers the result."""
        return await self.do(documents.CONFIRM, key=key, **self.accepting(checkout_id), **card)

    def accepting(self, checkout_id: str) -> dict[str, str]:
        """What a confirm says that the patient accepts: what this app showed them."""
        return {"checkoutId": checkout_id, "quoteId": self.seen.get(checkout_id, "quo_never_shown")}

    async def checkout(self, checkout_id: str) -> Json:
        """Look at a checkout."""
        return (await self.ask(documents.CHECKOUT_OF, {"id": checkout_id}))["checkout"]
