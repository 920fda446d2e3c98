"""HTTP/1.1 as uvicorn speaks it by httptools, with a bound on what comes before a request's body.

httptools keeps whatever a client sends as headers; uvicorn's other parser, h11, refuses after as much as here, at ten times the cost.
"""

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

# Bytes of request line and headers together, as h11's bound. Proxies refuse far shorter ones.
LONGEST_HEAD = 64 * 1024


class BoundedHttp(HttpToolsProtocol):
    """One connection. A head that is too long is answered with 400, and the connection closed."""

    _reads_head = True
    _head = 0  # bytes of it that have come, without its end
    _requests = 0  # read to their end

    def data_received(self, data: bytes) -> None:
        """Parse what came, and count it when it was nothing but a part of a head."""
        before = self._requests
        super().data_received(data)
        if self._reads_head and self._requests == before:
            self._head += len(data)
            if self._head > LONGEST_HEAD:
                self.send_400_response("The request's headers are too long.")

    def on_headers_complete(self) -> None:
        """The body follows."""
        self._reads_head, self._head = False, 0
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """The next head may follow."""
        self._reads_head = True
        self._requests += 1
        super().on_message_complete()
