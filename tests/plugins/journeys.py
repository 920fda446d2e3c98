"""One patient's journey over the public API, step by step: `holdSlot`, `startCheckout`, `confirmCheckout`."""

from collections.abc import Awaitable, Callable
from typing import Any
from uuid import uuid4

from tests.acceptance import documents
from tests.acceptance.app import GUEST
from tests.plugins.stack import Stack

Steps = dict[str, Callable[[], Awaitable[None]]]


async def guest_journey(stack: Stack) -> Steps:
    """The steps, to be called in order, of a guest without a record who buys a plan with a new card."""
    app = await stack.visitor()
    slot = await stack.slot()
    came: dict[str, Any] = {}

    async def hold() -> None:
        came["hold"] = await app.held(slot["id"])

    async def start() -> None:
        guest = {**GUEST, "email": f"{uuid4().hex}@example.com"}
        plan = stack.plan("First Visit")
        started = await app.do(documents.START, holdId=came["hold"], planId=plan, guest=guest)
        came["app"], came["checkout"] = app.bearer(started["guestToken"]), started["checkout"]["id"]

    async def confirm() -> None:
        confirmed = await came["app"].confirm(came["checkout"], cardToken="tok_visa")
        assert confirmed["__typename"] == "ConfirmCheckoutSuccess", confirmed

    return {"holdSlot": hold, "startCheckout": start, "confirmCheckout": confirm}
