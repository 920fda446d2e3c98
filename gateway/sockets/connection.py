"""One socket, from its acceptance to its end."""

import asyncio
from collections.abc import Callable

import strawberry
import structlog
from starlette.websockets import WebSocket, WebSocketDisconnect

from booking.principals import Caller
from booking.tasks import cancel_and_wait
from gateway.errors import as_request_error, request_error_body
from gateway.limits.parse_queue import ParseQueue
from gateway.rates import TooManyRequests
from gateway.requests import Requests, request_id_of
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
    """One more than a socket may run."""

    code = "TOO_MANY_OPERATIONS"
    message = "Complete other operations on this socket first."
    status = 429
    retryable = True


class Connection:
    """Holds a client to the protocol, and runs what it asks for, each operation in a task of its own."""

    def __init__(
        self,
        socket: WebSocket,
        *,
        schema: strawberry.Schema,
        requests: Requests,
        rules: SocketRules,
        parse_queue: ParseQueue,
        sender: str,
        admit: Admit,
    ) -> None:
        """`sender` takes its `turns` to have large messages read. `admit` is told who it is, once that is known, and may raise Close."""
        self._socket = socket
        self._schema = schema
        self._requests = requests
        self._rules = rules
        self._parse_queue = parse_queue
        self._sender = sender
        self._admit = admit
        self._headers = socket.headers
        self._init_received = False
        self._acknowledged = False
        self._closed = False
        self._operations: dict[str, asyncio.Task[None]] = {}  # by their ids, as long as these are taken
        self._tasks: set[asyncio.Task[None]] = set()  # of operations, those included that are being cancelled
        self._time = asyncio.get_running_loop().time
        self._heard_at = self._time()
        self._look_at = self._heard_at + rules.init_within.total_seconds()

    async def serve(self) -> None:
        """Serve until either side closes. What still runs is cancelled: a mutation's key stays resumable."""
        try:
            while True:
                await self._handle(await self._message())
        except Close as close:
            await self._close(close)
        except WebSocketDisconnect as gone:
            log.debug("socket.peer_gone", code=gone.code)
        except Exception as error:  # noqa: BLE001  # the server's own log would write its text, and with it what was sent
            log.error("socket.failed", error=f"{type(error).__module__}.{type(error).__qualname__}")  # noqa: TRY400
            await self._close(Close(1011, "Internal error"))
        finally:
            self._closed = True
            await cancel_and_wait(list(self._tasks))

    async def _message(self) -> Message:
        """The next one. Raises Close, WebSocketDisconnect."""
        text = await self._receive()
        try:
            async with self._parse_queue.reading(text, self._sender):
                return read_message(text)
        except TooManyRequests as error:
            raise Close(1013, "Too many requests") from error

    async def _receive(self) -> str:
        """The next message's text; meanwhile the socket is looked after. Raises Close, WebSocketDisconnect."""
        while True:
            if self._time() >= self._look_at:  # of a client that never pauses, too
                await self._look()
            try:
                async with asyncio.timeout_at(self._look_at):
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
            self._heard_at = self._time()
            return str(text)

    async def _look(self) -> None:
        """Close it when its time is over."""
        if not self._init_received:
            raise Close(4408, "Connection initialisation timeout")
        await self._check_token()
        now = self._time()
        if not self._tasks and now - self._heard_at > self._rules.idle_for.total_seconds():
            raise Close(1000, "Idle")
        self._look_at = now + self._rules.look_every.total_seconds()

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
        self._headers = with_credentials(self._socket.headers, message.payload or {})
        with who_asks():
            caller = await self._requests.caller(self._headers)
        self._admit(caller)
        self._acknowledged = True
        self._look_at = self._time() + self._rules.look_every.total_seconds()
        await self._send(ack())

    async def _check_token(self) -> None:
        """Raise Close when their token is worth nothing any more, or that cannot be found out."""
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

        async def tell(text: str, *, last: bool = False) -> None:
            if self._operations.get(asked.id) is task:
                if last:
                    del self._operations[asked.id]
                await self._send(text)

        request_id = request_id_of(None)
        try:
            # The upgrade's idempotency key, if it had one, is none of a single operation's.
            async with self._requests.opened(self._headers, request_id=request_id) as context:
                await operations.run(asked, context, schema=self._schema, tell=tell)
        except Exception as error:  # noqa: BLE001  # who they are could not be found out
            refused = as_request_error(error, request_id=request_id)
            if isinstance(error, RequestError) and not refused.retryable:
                # Their token has expired in between.
                await self._close(Close(4403, "Forbidden"))
            else:  # this operation is over
                await tell(failed(asked.id, request_error_body(refused)["errors"]), last=True)

    async def _send(self, text: str) -> None:
        """Send it, unless there is nobody any more to send it to."""
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
