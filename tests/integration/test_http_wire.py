"""The wire to a system of record on real sockets: what is certain after each kind of trouble, and that nothing is sent twice."""

import asyncio
import gzip
import socket
import ssl
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from gateway.runtime.gateway_processes import listening_socket
from integrations.upstream import http_wire
from integrations.upstream.errors import CallError, NoAnswer, NotSent, UnknownOutcome
from integrations.upstream.http_wire import HttpWire
from integrations.upstream.transport import HttpAnswer, HttpPool, Message, Request

Speak = Callable[["Server", asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]

OK = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nX-Request-Id: sample-7\r\nContent-Length: 2\r\n\r\n{}"


@dataclass
class Server:
    """Reads whole requests, and says what the test wants."""

    speak: Speak
    port: int = 0
    connections: int = 0
    requests: list[bytes] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/graphql"

    async def read(self, reader: asyncio.StreamReader) -> bytes:
        head = await reader.readuntil(b"\r\n\r\n")
        length = next(
            (
                int(line.split(b":")[1])
                for line in head.split(b"\r\n")
                if line.lower().startswith(b"content-length")
            ),
            0,
        )
        self.requests.append(head + await reader.readexactly(length))
        return self.requests[-1]

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            await self.speak(self, reader, writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass  # the wire has gone
        finally:
            writer.close()


async def answering(server: Server, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while True:
        await server.read(reader)
        writer.write(OK)


def after_reading(*said: bytes) -> Speak:
    """Answers one request with this, and closes."""

    async def speak(server: Server, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await server.read(reader)
        for part in said:
            writer.write(part)
            await writer.drain()

    return speak


async def greeting(_: Server, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"220 mail.example.invalid ESMTP\r\n")
    await reader.read(1)


async def silent(server: Server, reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
    await server.read(reader)
    await reader.read()


@asynccontextmanager
async def serving(speak: Speak) -> AsyncIterator[Server]:
    server = Server(speak)
    listener = await asyncio.start_server(server.serve, "127.0.0.1", 0)
    server.port = listener.sockets[0].getsockname()[1]
    try:
        yield server
    finally:
        listener.close()


@pytest.fixture
async def pool() -> AsyncIterator[HttpPool]:
    made = HttpPool()
    yield made
    await made.aclose()


def a_request(*, mutation: bool, seconds: float = 5.0) -> Request:
    return Request(
        operation="Sample", mutation=mutation, kind="sample", variables={}, timeout=seconds, budget=9
    )


async def send(
    pool: HttpPool, url: str, *, mutation: bool = True, method: str = "POST", seconds: float = 5.0
) -> HttpAnswer:
    message = Message(url=url, method=method, headers={"Authorization": "Basic sample"}, body={"a": "é"})
    answer = await pool.send(a_request(mutation=mutation, seconds=seconds), message)
    if not isinstance(answer, HttpAnswer):
        assert answer.error
        raise answer.error
    return answer


class TestAnswer:
    async def test_status_id_and_content_come_back_and_the_body_went_as_json(self, pool: HttpPool) -> None:
        async with serving(answering) as server:
            answer = await send(pool, server.url)

        assert (answer.status, answer.request_id, answer.body) == (200, "sample-7", {})
        head, _, body = server.requests[0].partition(b"\r\n\r\n")
        assert head.startswith(b"POST /graphql HTTP/1.1\r\n")
        assert b"content-type: application/json" in head.lower()
        assert b"authorization: basic sample" in head.lower()
        assert body == '{"a":"é"}'.encode()

    async def test_a_compressed_answer_is_unpacked(self, pool: HttpPool) -> None:
        packed = gzip.compress(b'{"data": 1}')
        head = f"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: {len(packed)}\r\n\r\n".encode()
        async with serving(after_reading(head, packed)) as server:
            assert (await send(pool, server.url)).body == {"data": 1}

    async def test_what_is_not_json_has_no_body(self, pool: HttpPool) -> None:
        async with serving(
            after_reading(b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 3\r\n\r\n<p>")
        ) as server:
            answer = await send(pool, server.url)
        assert (answer.status, answer.body) == (502, None)

    async def test_a_redirect_is_not_followed(self, pool: HttpPool) -> None:
        moved = b"HTTP/1.1 307 Moved\r\nLocation: /elsewhere\r\nContent-Length: 0\r\n\r\n"
        async with serving(after_reading(moved)) as server:
            assert (await send(pool, server.url)).status == 307
        assert len(server.requests) == 1

    async def test_no_cookie_is_kept_since_keys_share_the_connection(self, pool: HttpPool) -> None:
        cookie = OK.replace(b"X-Request-Id: sample-7", b"Set-Cookie: _session=sample; Path=/")

        async def speak(server: Server, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            while await server.read(reader):
                writer.write(cookie)

        async with serving(speak) as server:
            await send(pool, server.url.replace("127.0.0.1", "localhost"))
            await send(pool, server.url.replace("127.0.0.1", "localhost"))
        assert [b"cookie" in each.lower() for each in server.requests] == [False, False]


class TestNothingWasSent:
    async def test_nobody_listens(self, pool: HttpPool) -> None:
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        with pytest.raises(NotSent):
            await send(pool, f"http://127.0.0.1:{port}/graphql")

    async def test_the_name_is_unknown(self, pool: HttpPool) -> None:
        with pytest.raises(NotSent):
            await send(pool, "http://healthie.invalid/graphql")

    async def test_the_address_is_no_url_of_http(self, pool: HttpPool) -> None:
        for url in ("ftp://127.0.0.1/graphql", "http:///graphql"):
            with pytest.raises(NotSent):
                await send(pool, url)

    async def test_the_host_does_not_accept(self, pool: HttpPool, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(http_wire, "CONNECT_TIMEOUT", 0.2)
        with socket.create_server(("127.0.0.1", 0), backlog=0) as full:
            port = full.getsockname()[1]
            waiting = [_connecting(port) for _ in range(4)]  # the queue of the kernel is full with them
            with pytest.raises(NotSent):
                await send(pool, f"http://127.0.0.1:{port}/graphql", seconds=0.31)
            for each in waiting:
                each.close()

    async def test_there_is_no_tls(self, pool: HttpPool) -> None:
        async with serving(greeting) as server:
            with pytest.raises(NotSent):
                await send(pool, server.url.replace("http://", "https://"))

    async def test_the_certificate_is_not_trusted(self, pool: HttpPool, certificate: Path) -> None:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(certificate)
        server = Server(answering)
        listener = await asyncio.start_server(server.serve, "127.0.0.1", 0, ssl=context)
        port = listener.sockets[0].getsockname()[1]
        with pytest.raises(NotSent):
            await send(pool, f"https://127.0.0.1:{port}/graphql")
        listener.close()
        assert server.requests == []

    async def test_no_connection_is_free(self) -> None:
        pool = HttpPool(wire=HttpWire(connections=1))
        async with serving(silent) as server:
            first = asyncio.create_task(send(pool, server.url, seconds=9))
            while not server.requests:  # noqa: ASYNC110
                await asyncio.sleep(0)
            with pytest.raises(NotSent):
                await send(pool, server.url, seconds=0.17)
            first.cancel()
        await pool.aclose()
        assert len(server.requests) == 1


LOST = {
    "closed without an answer": (after_reading(), "connection_lost"),
    "closed in the head": (after_reading(b"HTTP/1.1 200 OK\r\nContent-Le"), "connection_lost"),
    "closed in the body": (
        after_reading(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{}"),
        "connection_lost",
    ),
    "no HTTP": (after_reading(b"220 mail.example.invalid ESMTP\r\n\r\n"), "connection_lost"),
    "not what it says it is packed with": (
        after_reading(b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 2\r\n\r\n{}"),
        "connection_lost",
    ),
    "silence": (silent, "timeout"),
}


class TestItMayHaveBeenExecuted:
    @pytest.mark.parametrize("trouble", LOST)
    @pytest.mark.parametrize("mutation", [True, False])
    async def test_an_answer_that_never_came_whole(
        self, pool: HttpPool, trouble: str, *, mutation: bool
    ) -> None:
        speak, code = LOST[trouble]
        async with serving(speak) as server:
            with pytest.raises(CallError) as caught:
                await send(pool, server.url, mutation=mutation, seconds=0.3)
        assert type(caught.value) is (UnknownOutcome if mutation else NoAnswer)
        assert caught.value.code == code
        assert len(server.requests) == 1

    @pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "GET"])
    async def test_a_reused_connection_that_breaks_after_the_request_makes_no_second_one(
        self, pool: HttpPool, method: str
    ) -> None:
        async def speak(server: Server, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await server.read(reader)
            writer.write(OK)
            await server.read(reader)

        async with serving(speak) as server:
            await send(pool, server.url)
            with pytest.raises(UnknownOutcome):
                await send(pool, server.url, method=method)
        assert (len(server.requests), server.connections) == (2, 1)


class TestConnections:
    async def test_one_connection_carries_one_request_after_another(self, pool: HttpPool) -> None:
        async with serving(answering) as server:
            for _ in range(5):
                await send(pool, server.url)
        assert (len(server.requests), server.connections) == (5, 1)

    async def test_what_a_server_says_unasked_is_never_the_answer_to_the_next_request(
        self, pool: HttpPool
    ) -> None:
        """Such as an answer that it sends twice: the next mutation would be told another one's outcome."""

        async def speak(server: Server, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            while request := await server.read(reader):
                body = request.partition(b"\r\n\r\n")[2]
                answer = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)
                writer.write(answer)
                await asyncio.sleep(0.02)
                writer.write(answer)
                said.set()

        async with serving(speak) as server:
            for number in range(3):
                said = asyncio.Event()
                sent = Message(url=server.url, headers={}, body=number)
                answer = await pool.send(a_request(mutation=True), sent)
                assert isinstance(answer, HttpAnswer)
                assert answer.body == number
                await said.wait()
                await asyncio.sleep(0.02)  # until it has arrived
        assert (len(server.requests), server.connections) == (3, 3)

    async def test_a_connection_closed_while_idle_is_not_used_even_if_nobody_looked_since(
        self, pool: HttpPool
    ) -> None:
        """The server says goodbye while this process is busy: the next mutation takes a new connection."""
        with socket.create_server(("127.0.0.1", 0)) as listener:
            url = f"http://127.0.0.1:{listener.getsockname()[1]}/graphql"

            def once() -> None:
                accepted, _ = listener.accept()
                with accepted:
                    while b"}" not in accepted.recv(65536):
                        pass
                    accepted.sendall(OK)

            for _ in range(3):
                answered = asyncio.create_task(asyncio.to_thread(once))
                assert (await send(pool, url)).status == 200
                # Nothing but the thread runs until the connection is closed: the event loop has seen nothing of it.
                while not answered.done():  # noqa: ASYNC110
                    await asyncio.sleep(0)
                time.sleep(0.05)  # noqa: ASYNC251  # on purpose: the loop stands still while the end arrives


def _connecting(port: int) -> socket.socket:
    one = socket.socket()
    one.setblocking(False)
    one.connect_ex(("127.0.0.1", port))
    return one


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A key and a certificate that nobody has signed."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    signed = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    path = tmp_path_factory.mktemp("tls") / "server.pem"
    pem = serialization.Encoding.PEM
    path.write_bytes(
        key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        + signed.public_bytes(pem)
    )
    return path


class TestProxy:
    @pytest.mark.parametrize("is_asked", [False, True])
    async def test_the_proxy_of_the_environment_is_asked_unless_the_host_is_excepted(
        self, pool: HttpPool, monkeypatch: pytest.MonkeyPatch, *, is_asked: bool
    ) -> None:
        async with serving(answering) as proxy, serving(answering) as server:
            monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{proxy.port}")
            if not is_asked:
                monkeypatch.setenv("no_proxy", "127.0.0.1")
            await send(pool, server.url)
        assert (len(proxy.requests), len(server.requests)) == ((1, 0) if is_asked else (0, 1))

    async def test_a_proxy_may_be_named_without_its_scheme(
        self, pool: HttpPool, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        async with serving(answering) as proxy:
            monkeypatch.setenv("http_proxy", f"127.0.0.1:{proxy.port}")
            await send(pool, "http://healthie.example.invalid/graphql")
        assert len(proxy.requests) == 1


def test_what_processes_accept_on_sends_short_messages_at_once() -> None:
    with listening_socket("127.0.0.1", 0) as listening:
        with socket.create_connection(listening.getsockname()):
            accepted, _ = listening.accept()
        with accepted:
            assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) == 1
