"""A Stripe of a few endpoints that behaves as the real one documents: keys, permissions, pages, errors, and writes that work.

Writes work here so that a guard which lets one through is found out. https://docs.stripe.com/api
"""

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

Json = dict[str, Any]

KEY = "rk_test_sample"
CHARGES, EVENTS = "charges", "events"

# Stands in every charge, as it does at Stripe: it must never be found in a log or an error.
PATIENT_DATA = {"name": "Sample Patient", "email": "sample.patient@example.com", "phone": "555-0101"}


@dataclass
class StripeDouble:
    """The books, and how the next requests go wrong."""

    readable: set[str] = field(default_factory=lambda: {CHARGES, EVENTS})  # the key's permissions
    charges: dict[str, Json] = field(default_factory=dict)
    events: dict[str, Json] = field(default_factory=dict)
    faults: deque[Response] = field(default_factory=deque)  # answered instead, first come first served
    reads: list[str] = field(default_factory=list)
    writes: list[str] = field(default_factory=list)
    headers: list[Mapping[str, str]] = field(default_factory=list)  # of each request

    def charge(
        self,
        charge_id: str,
        *,
        amount: int = 12_000,
        created: int = 1_000_000,
        key: str | None = None,
        **differing: Any,
    ) -> None:
        """Enter a charge of so many cents, and the event of it, made with an idempotency key or by the dashboard."""
        charge = {
            "id": charge_id,
            "object": "charge",
            "amount": amount,
            "amount_captured": amount,
            "amount_refunded": 0,
            "billing_details": PATIENT_DATA,
            "captured": True,
            "created": created,
            "currency": "usd",
            "customer": "cus_sample",
            "description": "Sample Patient's visit",
            "disputed": False,
            "status": "succeeded",
            **differing,
        }
        self.charges[charge_id] = charge
        if charge["status"] == "succeeded":
            self._event("charge.succeeded", charge, key)
        if charge["amount_refunded"]:
            self._event("charge.refunded", charge, f"{key}-refund")

    def _event(self, kind: str, charge: Json, key: str | None) -> None:
        event_id = f"evt_{kind}_{charge['id']}"
        self.events[event_id] = {
            "id": event_id,
            "object": "event",
            "type": kind,
            "created": charge["created"],
            "data": {"object": charge},
            "request": {"id": f"req_{charge['id']}", "idempotency_key": key},
        }

    def fail(self, status: int, *, times: int = 1, advice: str | None = None) -> None:
        """Answer the next requests with an error of Stripe's shape, with its advice on asking again if any."""
        for _ in range(times):
            error = _error(status, "api_error", "Something about sample.patient@example.com went wrong")
            if advice is not None:
                error.headers["Stripe-Should-Retry"] = advice
            self.faults.append(error)

    def say(self, body: str, *, status: int = 200) -> None:
        """Answer the next request with this text."""
        self.faults.append(Response(body, status_code=status, media_type="application/json"))

    def app(self) -> Starlette:
        """The ASGI program."""
        methods = ["GET", "POST", "DELETE", "PUT", "PATCH"]
        return Starlette(routes=[Route("/{path:path}", self._answer, methods=methods)])

    async def _answer(self, request: Request) -> Response:
        path = request.path_params["path"]
        self.headers.append(request.headers)
        if request.headers.get("authorization") != f"Bearer {KEY}":
            given = request.headers.get("authorization", "")[-4:]
            return _error(401, "invalid_request_error", f"Invalid API Key provided: rk_test_****{given}")
        if request.method != "GET":
            self.writes.append(f"{request.method} {path}")
            return JSONResponse({"id": "ch_written", "object": "charge", "deleted": True})
        self.reads.append(str(request.url).split("/", 3)[3])
        answer = self.faults.popleft() if self.faults else self._read(request, path)
        answer.headers["Request-Id"] = "req_sample"
        answer.headers["Stripe-Notice"] = "Something that Stripe would like a developer to read"
        return answer

    def _read(self, request: Request, path: str) -> Response:
        version, _, rest = path.partition("/")
        resource, _, one = rest.partition("/")
        if version != "v1" or resource not in self.readable:
            text = (
                f"The provided key '{KEY[:8]}*****' does not have the required permissions for this endpoint"
            )
            return _error(403, "invalid_request_error", text)
        books = self.charges if resource == CHARGES else self.events
        return _one(books, one) if one else _page(books, f"/{path}", request)


def _one(books: dict[str, Json], name: str) -> Response:
    if name in books:
        return JSONResponse(books[name])
    return _error(404, "invalid_request_error", f"No such charge: '{name}'", code="resource_missing")


def _page(books: dict[str, Json], url: str, request: Request) -> Response:
    """Newest first; `starting_after` names the last of the page before."""
    asked = request.query_params
    limit = int(asked.get("limit", 10))
    if not 1 <= limit <= 100:
        return _error(400, "invalid_request_error", "Invalid integer: limit")
    found = sorted(books.values(), key=lambda each: (-each["created"], each["id"]))
    found = [each for each in found if _asked_for(each, request)]
    after = asked.get("starting_after")
    if after is not None:
        names = [each["id"] for each in found]
        if after not in names:
            return _error(404, "invalid_request_error", f"No such object: '{after}'", code="resource_missing")
        found = found[names.index(after) + 1 :]
    page = {"object": "list", "url": url, "has_more": len(found) > limit, "data": found[:limit]}
    return JSONResponse(page)


def _asked_for(each: Json, request: Request) -> bool:
    asked = request.query_params
    types = [value for name, value in asked.multi_items() if name.startswith("types[")]
    return (
        int(asked.get("created[gte]", each["created"])) <= each["created"]
        and each["created"] <= int(asked.get("created[lte]", each["created"]))
        and (not types or each.get("type") in types)
    )


def _error(status: int, kind: str, text: str, *, code: str | None = None) -> Response:
    error = {"type": kind, "message": text, "code": code}
    return JSONResponse({"error": error}, status_code=status)
