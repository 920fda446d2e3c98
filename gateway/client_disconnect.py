"""Detects that a client has disconnected, and cancels its request where that is allowed, so that it makes no more calls upstream."""

import asyncio
from collections.abc import Callable

from starlette.types import Message, Receive

# Seconds after which it is listened for a disconnect: an answer that is ready by then needs no task for it.
_READY_WITHIN = 0.01


class Client:
    """The client of one HTTP request; replaces the ASGI `receive` callable.

    A server reports a disconnect only through `receive`, so a task awaits it once the body has been read and the answer takes a while.
    """

    def __init__(self, receive: Receive, *, may_be_given_up: Callable[[], bool]) -> None:
        """Must be created in the task that answers: a disconnect cancels that task, if `may_be_given_up` then allows it."""
        self._receive = receive
        self._may_be_given_up = may_be_given_up
        self._answering = asyncio.current_task()
        self._waiting: asyncio.TimerHandle | None = None
        self._listening: asyncio.Task[None] | None = None
        self._cancelled_by_us = False

    async def receive(self) -> Message:
        """The next ASGI message; a disconnect is listened for after the last part of the body."""
        message = await self._receive()
        if message["type"] == "http.request" and not message.get("more_body", False):
            self.listen()
        return message

    def listen(self) -> None:
        """Listen for a disconnect, unless the request is answered soon. Nothing else may call `receive` afterwards."""
        if self._waiting is None:
            self._waiting = asyncio.get_running_loop().call_later(_READY_WITHIN, self._listen)

    def answered(self) -> None:
        """Stop listening: the response is ready."""
        if self._waiting is not None:
            self._waiting.cancel()
        if self._listening is not None:
            self._listening.cancel()

    def was_given_up(self) -> bool:
        """Whether the answering task was cancelled by this class alone; takes that cancellation back."""
        return self._cancelled_by_us and self._answering is not None and self._answering.uncancel() == 0

    def _listen(self) -> None:
        self._listening = asyncio.ensure_future(self._await_disconnect())

    async def _await_disconnect(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass
        if self._answering is not None and self._may_be_given_up():
            self._cancelled_by_us = True
            self._answering.cancel()
