"""The WebSocket endpoint: checks origin, subprotocol and the limits on open sockets, then serves a Connection."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from starlette.responses import PlainTextResponse
from starlette.types import Receive, Scope, Send
from starlette.websockets import WebSocket

from booking.principals import Caller
from gateway.headers import Headers, RequestHeaders
from gateway.limits.parse_queue import ParseQueue
from gateway.pipeline import Pipeline
from gateway.requests import Requests
from gateway.sockets.connection import Admit, Connection
from gateway.sockets.messages import Close
from gateway.sockets.rules import SocketRules

SUBPROTOCOL = "graphql-transport-ws"


class SocketEndpoint:
    """The ASGI application for all sockets of one process."""

    def __init__(
        self, *, pipeline: Pipeline, requests: Requests, rules: SocketRules, parse_queue: ParseQueue
    ) -> None:
        """`parse_queue` is shared with HTTP: it paces everything large that this process parses."""
        self._pipeline = pipeline
        self._parse_queue = parse_queue
        self._requests = requests
        self._rules = rules
        self._open = 0
        self._of_caller: Counter[str] = Counter()
        self._of_network: Counter[str | None] = Counter()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serves one socket until it closes."""
        socket, headers = WebSocket(scope, receive, send), RequestHeaders(scope["headers"])
        if not self._may_connect(headers):
            await socket.close()  # before it is accepted, so HTTP 403
            return
        network = self._requests.authenticator.network(headers)
        crowded = network is not None and self._of_network[network] >= self._rules.per_network
        if crowded or self._open >= self._rules.in_all:
            await socket.send_denial_response(PlainTextResponse("Too many sockets. Try again later.", 503))
            return
        if SUBPROTOCOL not in scope["subprotocols"]:
            await socket.accept()
            await socket.close(4406, "Subprotocol not acceptable")
            return
        await socket.accept(SUBPROTOCOL)
        with self._counted(network) as admit:
            connection = Connection(
                socket,
                headers,
                pipeline=self._pipeline,
                requests=self._requests,
                rules=self._rules,
                parse_queue=self._parse_queue,
                sender=network or f"socket:{id(socket)}",
                admit=admit,
            )
            await connection.serve()

    def _may_connect(self, headers: Headers) -> bool:
        """Whether the `Origin`, if there is one, is allowed or our own host. Programs other than browsers send none."""
        origin = headers.get("origin")
        if origin is None or origin in self._rules.origins or "*" in self._rules.origins:
            return True
        return origin.partition("://")[2] == headers.get("host")

    @contextmanager
    def _counted(self, network: str | None) -> Iterator[Admit]:
        """Counts the socket in total, for its network, and for its caller once `admit` is called. `admit` raises Close."""
        names: list[str] = []

        def admit(caller: Caller | None) -> None:
            if caller is None:
                return
            name = caller.principal.key
            if self._of_caller[name] >= self._rules.per_caller:
                raise Close(1013, "Too many sockets")
            self._of_caller[name] += 1
            names.append(name)

        self._open += 1
        self._of_network[network] += 1
        try:
            yield admit
        finally:
            self._open -= 1
            self._of_network[network] -= 1
            if not self._of_network[network]:
                del self._of_network[network]
            for name in names:
                self._of_caller[name] -= 1
                if not self._of_caller[name]:
                    del self._of_caller[name]
