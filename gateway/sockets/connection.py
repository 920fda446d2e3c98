"""One WebSocket connection: the protocol's state machine, and a task for each operation.

Close codes are those of the graphql-transport-ws protocol; see docs/sockets.md.
"""

import asyncio
from collections.abc import Callable

import structlog
from starlette.websockets import WebSocket, WebSocketDisconnect

from booking.principals import Caller
from booking.tasks import cancel_and_wait
from gateway.errors import as_request_error, request_error_body
from gateway.headers import RequestHeaders
from gateway.limits.parse_queue import ParseQueue
from gateway.pipeline import Pipeline
from gateway.rates import TooManyRequests
from gateway.requests import InLogs, Requests, request_id_of
from gateway.sockets import operations
from gateway.sockets.callers import who_asks, with_credentials
from gateway.sockets.messages import (
    Close,
    Complete,
    Init,
    Malformed,
    Message,
    Ping,
    Subscribe,
    ack,
    failed,
    pong,
    read_message,
)
from gateway.sockets.rules import LONGEST_MESSAGE, SocketRules
from schema.errors import RequestError

log = structlog.get_logger(__name__)

Admit = Callable[[Caller | None], None]


class TooManyOperations(RequestError):
    """The socket already runs as many operations as it may at once."""

    code = "TOO_MANY_OPERATIONS"
    message = "Complete other operations on this socket first."
    status = 429
    retryable = True


class Connection:
    """Enforces the protocol and runs the client's operations, each in a task of its own."""

    def __init__(
        self,
        socket: WebSocket,
        headers: RequestHeaders,
        *,
        pipeline: Pipeline,
        requests: Requests,
        rules: SocketRules,
        parse_queue: ParseQueue,
        sender: str,
        admit: Admit,
    ) -> None:
        """`sender` is whom `parse_queue` counts large messages by. `admit` is called once with the caller, and may raise Close."""
        self._socket = socket
        self._pipeline = pipeline
        self._requests = requests
        self._rules = rules
        self._parse_queue = parse_queue
        self._sender = sender
        self._admit = admit
        self._upgrade = self._headers = headers
        self._init_received = False
        self._acknowledged = False
        self._closed = False
        self._operations: dict[str, asyncio.Task[None]] = {}  # running operations by id
        self._tasks: set[asyncio.Task[None]] = set()  # of operations, those being cancelled included
        self._time = asyncio.get_running_loop().time
        self._last_message_at = self._time()
        self._check_at = self._last_message_at + rules.init_within.total_seconds()

    async def serve(self) -> None:
        """Serves until either side closes, then cancels running operations; a cancelled mutation's key stays resumable."""
        try:
            while True:
                await self._handle(await self._message())
        except Close as close:
            await self._close(close)
        except WebSocketDisconnect as gone:
            log.debug("socket.peer_gone", code=gone.code)
        except Exception as error:  # noqa: BLE001  # the server's own log would write its text, which may quote what was sent
            log.error("socket.failed", error=f"{type(error).__module__}.{type(error).__qualname__}")  # noqa: TRY400
            await self._close(Close(1011, "Internal error"))
        finally:
            self._closed = True
            await cancel_and_wait(list(self._tasks))

    async def _message(self) -> Message:
        """The next message. Raises Close, WebSocketDisconnect."""
        text = await self._receive()
        try:
            async with self._parse_queue.reading(text, self._sender):
                return read_message(text)
        except TooManyRequests as error:
            raise Close(1013, "Too many requests") from error

    async def _receive(self) -> str:
        """The next message's text. Checks token and idleness while it waits. Raises Close, WebSocketDisconnect."""
        while True:
            if self._time() >= self._check_at:  # also when messages come without a pause
                await self._check()
            try:
                async with asyncio.timeout_at(self._check_at):
                    message = await self._socket.receive()
            except TimeoutError:
                continue
            if message["type"] == "websocket.disconnect":
                raise WebSocketDisconnect(message["code"])
            text = message.get("text")
            if text is None:
                raise Malformed("A message must be text")
            if len(text.encode()) > LONGEST_MESSAGE:
                raise Close(1009, "A message is too big")
            self._last_message_at = self._time()
            return str(text)

    async def _check(self) -> None:
        """Raises Close when `connection_init` is overdue, the token is no longer valid, or the socket is idle."""
        if not self._init_received:
            raise Close(4408, "Connection initialisation timeout")
        await self._check_token()
        now = self._time()
        if not self._tasks and now - self._last_message_at > self._rules.idle_for.total_seconds():
            raise Close(1000, "Idle")
        self._check_at = now + self._rules.look_every.total_seconds()

    async def _handle(self, message: Message) -> None:
        match message:
            case Init():
                await self._init(message)
            case Ping():
                await self._send(pong(message))
            case Subscribe():
                await self._subscribe(message)
            case Complete(id=name):
                if task := self._operations.pop(name, None):
                    task.cancel()

    async def _init(self, message: Init) -> None:
        if self._init_received:
            raise Close(4429, "Too many initialisation requests")
        self._init_received = True
        self._headers = with_credentials(self._upgrade, message.payload or {})
        with who_asks():
            caller = await self._requests.caller(self._headers)
        self._admit(caller)
        self._acknowledged = True
        self._check_at = self._time() + self._rules.look_every.total_seconds()
        await self._send(ack())

    async def _check_token(self) -> None:
        """Raises Close when the token is no longer valid, or cannot be verified."""
        with who_asks():
            await self._requests.authenticator.caller(self._headers)

    async def _subscribe(self, asked: Subscribe) -> None:
        if not self._acknowledged:
            raise Close(4401, "Unauthorized")
        if asked.id in self._operations:
            raise Close(4409, f"Subscriber for {asked.id} already exists")
        if len(self._tasks) >= self._rules.operations:
            await self._send(failed(asked.id, request_error_body(TooManyOperations())["errors"]))
            return
        task = asyncio.create_task(self._run(asked))
        self._operations[asked.id] = task
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _run(self, asked: Subscribe) -> None:
        task = asyncio.current_task()

        async def send(text: str, *, last: bool = False) -> None:
            if self._operations.get(asked.id) is task:
                if last:
                    del self._operations[asked.id]
                await self._send(text)

        request_id = request_id_of(None)
        try:
            # An idempotency key in the upgrade's headers is ignored: a socket carries many mutations.
            with InLogs(request_id):
                context = await self._requests.context(self._headers, request_id=request_id)
                await operations.run(asked, context, pipeline=self._pipeline, send=send)
        except Exception as error:  # noqa: BLE001  # the caller could not be authenticated
            refused = as_request_error(error, request_id=request_id)
            if isinstance(error, RequestError) and not refused.retryable:
                # The token has expired since the last check.
                await self._close(Close(4403, "Forbidden"))
            else:  # only this operation fails
                await send(failed(asked.id, request_error_body(refused)["errors"]), last=True)

    async def _send(self, text: str) -> None:
        """Sends the message, unless the socket is closed."""
        if self._closed:
            return
        try:
            await self._socket.send_text(text)
        except WebSocketDisconnect:
            self._closed = True

    async def _close(self, close: Close) -> None:
        if self._closed:
            return
        self._closed = True
        log.info("socket.closed", code=close.code, reason=type(close).__name__)
        try:
            await self._socket.close(close.code, close.reason)
        except WebSocketDisconnect:
            log.info("socket.peer_gone_before_close", code=close.code)
