"""The control API: JSON, separate from GraphQL, for tests and for trying things out. Needs no key."""

import json
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from integrations.healthie_emulator import money, permissions
from integrations.healthie_emulator.books import books
from integrations.healthie_emulator.emulator import Emulator, as_json
from integrations.healthie_emulator.faults import Fault
from integrations.healthie_emulator.seed import described
from integrations.healthie_emulator.seed_crowd import add_crowd
from integrations.healthie_emulator.state import Table
from integrations.healthie_emulator.throttle import Limits

Answering = Callable[[Emulator, dict[str, Any]], Any]


def routes(emulator: Emulator) -> list[Route]:
    """Return the routes under `/_control`."""

    def route(path: str, method: str, answer: Answering) -> Route:
        return Route(f"/_control/{path}", _endpoint(emulator, answer), methods=[method])

    return [
        route("health", "GET", lambda *_: {"status": "ok"}),
        route("reset", "POST", _reset),
        route("seed", "GET", lambda emulator, _: described(emulator.world)),
        route("seed", "POST", _reset),
        route("clock", "GET", _clock),
        route("clock", "POST", _set_clock),
        route("faults", "GET", lambda emulator, _: as_json(emulator.world.faults.listed())),
        route("faults", "POST", _order_faults),
        route("faults", "DELETE", _clear_faults),
        route("throttle", "GET", lambda emulator, _: as_json(emulator.world.throttle.limits)),
        route("throttle", "POST", _order_throttle),
        route("throttle", "DELETE", _end_throttle),
        route("switches", "GET", lambda emulator, _: as_json(emulator.world.switches)),
        route("switches", "POST", _set_switches),
        route("permissions", "GET", lambda emulator, _: as_json(emulator.world.permissions)),
        route("permissions", "POST", _change_permissions),
        route("offer", "POST", _change_offer),
        route("patients", "POST", _add_patients),
        route("books", "GET", lambda emulator, _: books(emulator.world)),
        route("requests", "GET", lambda emulator, _: as_json(emulator.seen)),
        route("requests", "DELETE", _forget_requests),
        Route("/_control/deliver", _deliver(emulator), methods=["POST"]),
    ]


def _endpoint(emulator: Emulator, answer: Answering) -> Callable[[Request], Awaitable[Response]]:
    async def endpoint(request: Request) -> Response:
        try:
            body = await request.body()
            given = json.loads(body) if body else {}
            if not isinstance(given, dict):
                raise ValueError("send a JSON object")  # noqa: TRY004, TRY301 - every bad request ends alike
            return JSONResponse(answer(emulator, given))
        except (ValueError, TypeError, LookupError, OverflowError) as error:
            return JSONResponse({"error": str(error)}, 400)

    return endpoint


def _deliver(emulator: Emulator) -> Callable[[Request], Awaitable[Response]]:
    async def endpoint(_: Request) -> Response:
        await emulator.deliver_now()
        return JSONResponse({"sent": len(emulator.world.sent_webhooks)})

    return endpoint


def _reset(emulator: Emulator, given: dict[str, Any]) -> Any:
    """Begin anew; `seed`, `clock` (ISO 8601) and `stopped` as they are given."""
    at = _instant(given["clock"]) if given.get("clock") else None
    seed = None if given.get("seed") is None else int(given["seed"])
    emulator.reset(seed=seed, at=at, stopped=bool(given.get("stopped")))
    return described(emulator.world)


def _clock(emulator: Emulator, _given: dict[str, Any]) -> Any:
    return {"now": emulator.clock.now().isoformat(), "stopped": emulator.clock.is_stopped}


def _set_clock(emulator: Emulator, given: dict[str, Any]) -> Any:
    """`set` an instant, `advance` by seconds, `stopped` true or false: any of them."""
    at = _instant(given["set"]) if given.get("set") else emulator.clock.now()
    emulator.clock.set(at, stopped=given.get("stopped"))
    if given.get("advance"):
        emulator.clock.advance(float(given["advance"]))
    money.bill_due(emulator.world)
    emulator.world.run_due_jobs()
    emulator.world.outbox_filled.set()  # deliveries may have come due
    return _clock(emulator, given)


def _instant(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _order_faults(emulator: Emulator, given: dict[str, Any]) -> Any:
    """Configure one fault, or those in `faults`; `seed` restarts the random sequence."""
    listed = given.get("faults", [{key: value for key, value in given.items() if key != "seed"}])
    ordered = [Fault(**each) for each in listed]
    for fault in ordered:
        emulator.world.faults.order(fault, seed=given.get("seed"))
    return as_json(emulator.world.faults.listed())


def _clear_faults(emulator: Emulator, _given: dict[str, Any]) -> Any:
    emulator.world.faults.clear()
    return []


def _order_throttle(emulator: Emulator, given: dict[str, Any]) -> Any:
    """Lock keys out that ask too often: `requests` within `seconds`, for `lockout` seconds; as reported where not given."""
    emulator.world.throttle.order(Limits(**given))
    return as_json(emulator.world.throttle.limits)


def _end_throttle(emulator: Emulator, _given: dict[str, Any]) -> Any:
    """Stop counting, and end every lockout."""
    emulator.world.throttle.order(None)
    return None


def _set_switches(emulator: Emulator, given: dict[str, Any]) -> Any:
    """Change the switches that are named; `silent_noop` takes the whole list of mutations."""
    emulator.world.switches.turn(given)
    return as_json(emulator.world.switches)


def _change_permissions(emulator: Emulator, given: dict[str, Any]) -> Any:
    """Take permissions from a member: `user_id` and `without`, the whole list; `form`, `reads_find_nothing`, `members_are_seen`."""
    permissions.change(emulator.world, given)
    return as_json(emulator.world.permissions)


def _change_offer(emulator: Emulator, given: dict[str, Any]) -> Any:
    """Change what the practice sells, as its staff do on Healthie's own pages: `plan`, `promo_code` or `visit` by name, and its new values."""
    world, changes = emulator.world, dict(given)
    sold: dict[str, tuple[Table[Any], str]] = {
        "plan": (world.offerings, "name"),
        "promo_code": (world.coupons, "code"),
        "visit": (world.appointment_types, "name"),
    }
    kind = next((one for one in sold if one in changes), None)
    if kind is None:
        raise ValueError(f"name one of {', '.join(sold)}")
    records, label = sold[kind]
    name = changes.pop(kind)
    record = next((one for one in records if getattr(one, label) == name), None)
    if record is None:
        raise ValueError(f"there is no {kind} {name!r}")
    return as_json(records.change(record.id, **changes))


def _add_patients(emulator: Emulator, given: dict[str, Any]) -> Any:
    """Add `count` patients at once, without an event for each; answer how many there are now."""
    return {"patients": add_crowd(emulator.world, int(given["count"]))}


def _forget_requests(emulator: Emulator, _given: dict[str, Any]) -> Any:
    emulator.seen.clear()
    return []
