"""Clients that hang up: what is only read for them is given up, and nothing more is asked for it."""

import asyncio
from collections.abc import Callable

from starlette.types import Message, Receive


class Client:
    """The other side of one HTTP request; stands in the place of its `receive`.

    Servers say that a client has gone to whoever listens, and go on with the request: so somebody listens once the body is there.
    """

    def __init__(self, receive: Receive, *, may_be_given_up: Callable[[], bool]) -> None:
        """Made by the task that answers: it is cancelled when the client leaves, if it may be."""
        self._receive = receive
        self._may_be_given_up = may_be_given_up
        self._answering = asyncio.current_task()
        self._listening: asyncio.Task[None] | None = None
        self._escalate = False

    async def __call__(self) -> Message:
        """The next part of the request."""
        message = await self._receive()
        if message["type"] == "http.request" and not message.get("more_body", False):
            self.listen()
        return message

    def listen(self) -> None:
        """From now on nobody else waits for the client."""
        if self._listening is None:
            self._listening = asyncio.create_task(self._leaves())

    def answered(self) -> None:
        """There is an answer, and whoever has left may leave."""
        if self._listening is not None:
            self._listening.cancel()

    def was_given_up(self) -> bool:
        """Whether the cancellation that the answering task has met was ours, and no other was asked for."""
        return self._escalate and self._answering is not None and self._answering.uncancel() == 0

    async def _leaves(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass
        if self._answering is not None and self._may_be_given_up():
            self._escalate = True
            self._answering.cancel()
