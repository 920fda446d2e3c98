"""Subscriptions of a patient's app, over a socket of the gateway under test."""

import dataclasses
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from tests.acceptance.app import App, Json
from tests.integration.socket_client import Socket, connected, served
from tests.plugins.stack import Stack

VISITS = """subscription Watch { appointmentChanged { nodes { id status } } }"""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Subscription:
    """A subscription on its socket."""

    socket: Socket

    async def next(self) -> Json:
        """What the next message has of the field."""
        answer = await self.socket.hear()
        assert answer["type"] == "next", answer
        assert "errors" not in answer["payload"], answer
        (value,) = answer["payload"]["data"].values()
        return value

    async def ended(self) -> Json:
        """The message that ends it."""
        return await self.socket.hear()

    async def forbidden(self) -> bool:
        """Whether it was over before it began."""
        answer = await self.socket.hear()
        (error,) = answer["payload"]["errors"]
        return bool(error["extensions"]["code"] == "FORBIDDEN" and (await self.ended())["type"] == "complete")


@asynccontextmanager
async def subscribed(
    stack: Stack, app: App | None, document: str, variables: Json = None
) -> AsyncIterator[Subscription]:
    """A socket of this app's on this gateway, with one subscription."""
    async with served(stack.app) as url, connected(url) as socket:
        await socket.open(app.headers if app else None)
        await socket.subscribe(document, variables)
        yield Subscription(socket=socket)
