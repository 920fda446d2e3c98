"""Healthie in process: the emulator's core behind a network that loses, delays, repeats and garbles."""

import asyncio
import contextvars
import functools
import inspect
import json
from dataclasses import dataclass, field
from typing import Any

import httpx2
from graphql import GraphQLError, execute, validate

from integrations.healthie_emulator.app import schema
from integrations.healthie_emulator.clock import Clock
from integrations.healthie_emulator.emulator import Emulator
from integrations.healthie_emulator.endpoint import Asked, _read, _refusal, _shown
from integrations.healthie_emulator.headers import read_headers
from integrations.healthie_emulator.state import Request, World
from tests.simulation.fate import Fate, Trace, Trouble
from tests.simulation.records import Records
from tests.simulation.virtual_loop import VirtualLoop

STRIPE_TROUBLE = {
    Trouble.KEY_IN_USE: "idempotency_key_in_use",
    Trouble.LOCK_TIMEOUT: "lock_timeout",
}

# Not executed, and answered in the place of an execution.
INSTEAD = {
    Trouble.SERVER_ERROR: (503, "text/html", "<html><h1>503 Service Unavailable</h1></html>"),
    Trouble.NOT_JSON: (404, "text/plain", "Not Found"),
    Trouble.THROTTLED: (
        200,
        "application/json",
        '{"errors": [{"message": "Too many requests", "extensions": {"code": "TOO_MANY_REQUESTS"}}]}',
    ),
}

# What is the same in every schedule, whoever's key it is, until somebody edits the practice's offer: executed once per
# process of the machine.
CONSTANT = frozenset({"PublicCatalog", "WhoAmI"})

PROMPT = (0.02, 0.4)  # seconds each way
LATE = (20.5, 28.0)  # after the longest timeout, before SETTLE has passed
VERY_LATE = (65.0, 2 * 3600.0)
SLOW = (5.0, 19.5)

_constant_answers: dict[tuple[str, str | None, str], dict[str, Any]] = {}


@dataclass(kw_only=True)
class Sent:
    """One request, as it left a process, and what it did."""

    process: str
    operation: str
    variables: dict[str, Any]
    recorded: bool  # by its sender, before
    decided_at: float  # when the process reached the point of sending it, frozen or not
    executed_at: float | None = None
    charges: list[str] = field(default_factory=list)  # at Stripe, by this request
    appointments: list[str] = field(default_factory=list)


class Upstream:
    """The practice's Healthie, and every request that was ever sent to it."""

    def __init__(self, *, loop: VirtualLoop, trace: Trace) -> None:
        self._loop = loop
        self._trace = trace
        self.emulator = Emulator(seed=0, clock=Clock(source=loop.now))
        self.sent: list[Sent] = []
        self.under_way = 0  # requests that may still be executed
        self.down_until = 0.0  # an outage: nothing is answered
        self.terms_changed_at: list[float] = []  # when staff changed what the practice sells
        # By the card's id at Stripe: the token that it was attached from.
        self.card_tokens: dict[str, str] = {}
        self._charging: set[str] = set()  # upstream keys of charges that have arrived and are not done

    @property
    def world(self) -> World:
        """The emulator's books."""
        return self.emulator.world

    def change_terms(self, what: str, name: str, **changes: Any) -> None:
        """Let staff change a plan, a promo code or a visit, on Healthie's own pages."""
        records: Any = getattr(self.world, what)
        label = "code" if what == "coupons" else "name"
        record = next(one for one in records if getattr(one, label) == name)
        records.change(record.id, **changes)
        self.terms_changed_at.append(self._loop.time())
        self._trace.say("staff", f"change {name}: {changes}")

    def transport(self, fate: Fate, records: Records) -> "Wire":
        """Answer one process's way to it."""
        return Wire(self, fate, records)

    async def carry(
        self, request: httpx2.Request, sent: Sent, trouble: Trouble | None, fate: Fate
    ) -> httpx2.Response:
        """Carry a request to the emulator and an answer back, if the network lets it."""
        seconds = fate.plan.seconds
        if self._loop.time() < self.down_until:
            trouble = Trouble.SERVER_ERROR
        if trouble is Trouble.NO_CONNECTION:
            raise httpx2.ConnectError("no connection")
        if trouble is Trouble.LOST_REQUEST:
            await asyncio.sleep(seconds(*PROMPT))
            raise httpx2.ReadError("lost on the way")
        if trouble is Trouble.SWALLOWED:
            await asyncio.Event().wait()
        if trouble in INSTEAD:
            await asyncio.sleep(seconds(*PROMPT))
            status, kind, text = INSTEAD[trouble]
            return httpx2.Response(status, headers={"content-type": kind}, text=text)
        answer = self._loop.create_task(
            self._serve(request, sent, trouble, seconds(*_latency(trouble))), context=contextvars.Context()
        )
        response = await asyncio.shield(answer)
        await asyncio.sleep(seconds(*(SLOW if trouble is Trouble.SLOW else PROMPT)))
        if trouble is Trouble.LOST_ANSWER:
            raise httpx2.ReadError("lost on the way back")
        if trouble in {Trouble.SILENCE, Trouble.LATE, Trouble.VERY_LATE}:
            await asyncio.Event().wait()
        if trouble is Trouble.GATEWAY_ERROR:
            return httpx2.Response(502, text="Bad Gateway")
        if trouble is Trouble.TRUNCATED:
            return httpx2.Response(200, content=response.content[: len(response.content) // 2])
        return response

    async def _serve(
        self, request: httpx2.Request, sent: Sent, trouble: Trouble | None, after: float
    ) -> httpx2.Response:
        """Execute a request some time after it was sent, whatever has become of its sender."""
        self.under_way += 1
        key, stripe = str(sent.variables.get("stripe_idempotency_key") or ""), self.world.stripe
        arrived_first = key not in self._charging
        self._charging.add(key)
        try:
            await asyncio.sleep(after)
            if key and not arrived_first and key in self._charging:
                stripe.fail_next.append(STRIPE_TROUBLE[Trouble.KEY_IN_USE])
            elif trouble in STRIPE_TROUBLE:
                stripe.fail_next.append(STRIPE_TROUBLE[trouble])
            before = {*stripe.charges, *stripe.cards, *(visit.id for visit in self.world.appointments)}
            response = await self._execute(request)
            sent.executed_at = self._loop.time()
            self._attribute(sent, before)
            stripe.fail_next.clear()
            self._trace.say("healthie", f"executed {sent.operation} of {sent.process}")
            return response
        finally:
            self.under_way -= 1
            if arrived_first:
                self._charging.discard(key)

    def _attribute(self, sent: Sent, before: set[str]) -> None:
        """Note what is new since before the request as the request's doing."""
        if sent.operation == "Charge":
            sent.charges = [one for one in self.world.stripe.charges if one not in before]
        elif sent.operation == "AttachCard":
            token = str(sent.variables["token"])
            self.card_tokens |= {one: token for one in self.world.stripe.cards if one not in before}
        elif sent.operation == "Book":  # two at once may both be under way
            mine = [v for v in self.world.appointments if v.metadata == sent.variables["metadata"]]
            sent.appointments = [visit.id for visit in mine if visit.id not in before]

    async def _execute(self, request: httpx2.Request) -> httpx2.Response:
        asked, errors = _document(request.content)
        if errors:
            return httpx2.Response(200, json={"data": None, "errors": [each.formatted for each in errors]})
        try:
            caller = read_headers(request.headers, self.world)
        except GraphQLError as error:
            return httpx2.Response(200, content=bytes(_refusal(error).body))
        actor = caller.actor.user.id if caller.actor else None
        remembered = (request.headers["authorization"], actor, request.content.decode())
        as_seeded = asked.name in CONSTANT and not self.terms_changed_at
        if as_seeded and remembered in _constant_answers:
            return httpx2.Response(200, json=_constant_answers[remembered])
        result = execute(
            schema(),
            asked.document,
            context_value=Request(world=self.world, actor=caller.actor),
            variable_values=json.loads(request.content)["variables"],
            operation_name=asked.name,
        )
        shown = _shown(await result if inspect.isawaitable(result) else result, caller)
        if as_seeded:
            _constant_answers[remembered] = shown
        return httpx2.Response(200, json=shown)


@functools.cache
def _parsed(query: str, name: str) -> tuple[Asked, tuple[GraphQLError, ...]]:
    asked = _read(json.dumps({"query": query, "operationName": name}).encode(), "POST", "application/json")
    return asked, tuple(validate(schema(), asked.document))


def _document(body: bytes) -> tuple[Asked, tuple[GraphQLError, ...]]:
    given = json.loads(body)
    return _parsed(given["query"], given["operationName"])


def _latency(trouble: Trouble | None) -> tuple[float, float]:
    return {Trouble.LATE: LATE, Trouble.VERY_LATE: VERY_LATE}.get(trouble, PROMPT) if trouble else PROMPT


class Wire(httpx2.AsyncBaseTransport):
    """One process's connection to Healthie."""

    def __init__(self, upstream: Upstream, fate: Fate, records: Records) -> None:
        self._upstream = upstream
        self._fate = fate
        self._records = records

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Send, if the process lives to do it, and answer, if it lives to hear it."""
        fate = self._fate
        given = json.loads(request.content)
        sent = Sent(
            process=fate.name,
            operation=given["operationName"],
            variables=given["variables"],
            recorded=self._records.sends(given["operationName"], given["variables"]),
            decided_at=fate.loop.time(),
        )
        fate.assert_alive()
        point = f"call {sent.operation}"
        trouble = fate.plan.trouble(fate.name, point)
        if trouble in {Trouble.KILL, Trouble.FREEZE, Trouble.CLOCK_JUMP, Trouble.HOLDS_EMPTIED}:
            fate.strike(trouble, point)
            trouble = None
        elif trouble is not None:
            fate.trace.trouble(fate.name, trouble, point)
        await fate.thawed()
        self._upstream.sent.append(sent)
        fate.trace.say(fate.name, f"sends {sent.operation}")
        limit = request.extensions["timeout"]["read"]
        try:
            async with asyncio.timeout(limit):
                response = await self._upstream.carry(request, sent, trouble, fate)
        except TimeoutError:
            raise httpx2.ReadTimeout("no answer") from None
        finally:
            await fate.meet(f"answer {sent.operation}")
        return response
