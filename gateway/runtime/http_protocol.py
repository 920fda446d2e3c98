"""HTTP/1.1 as uvicorn speaks it by httptools, with a bound on what comes before a request's body and after it.

httptools keeps whatever a client sends as headers; uvicorn's other parser, h11, refuses after as much as here, at ten times the cost.
"""

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

# Bytes of request line and headers together, as h11's bound. Proxies refuse far shorter ones.
LONGEST_HEAD = 64 * 1024


class BoundedHttp(HttpToolsProtocol):
    """One connection. A head that is too long is answered with 400, and the connection closed.

    So are trailers, the fields behind a chunked body. They are no headers (RFC 9110, section 6.5.1): nothing here reads them, and they are dropped.
    """

    _reads_head = True
    _head = 0  # bytes of it, or of trailers, that have come, without their end
    _steps = 0  # pieces of bodies, and ends of requests, that have been read

    def data_received(self, data: bytes) -> None:
        """Parse what came, and count it when it was nothing but a part of a head or of trailers."""
        before = self._steps
        super().data_received(data)
        if self._steps == before:
            self._head += len(data)
            if self._head > LONGEST_HEAD:
                self.send_400_response("The request's headers are too long.")

    def on_header(self, name: bytes, value: bytes) -> None:
        """Keep a header. uvicorn would add a trailer to them, after a proxy's own."""
        if self._reads_head:
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """The body follows."""
        self._reads_head, self._head = False, 0
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """More of the body, or trailers, may follow."""
        self._steps, self._head = self._steps + 1, 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        """The next head may follow."""
        self._reads_head, self._head = True, 0
        self._steps += 1
        super().on_message_complete()
