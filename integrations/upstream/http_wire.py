"""HttpWire: HTTP/1.1 over a pool of connections, by aiohttp (ADR 54)."""

import asyncio
from functools import cache
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import aiohttp
import httpx2
from aiohttp.connector import Connection
from aiohttp.tracing import Trace

from integrations.upstream.wire import (
    CONNECT_TIMEOUT,
    ConnectionLost,
    HttpRequest,
    HttpResponse,
    NotConnected,
    TimedOut,
)

# An idle connection is kept for this long (seconds): shorter than servers keep theirs, so that a request seldom meets one that is
# just being closed, after which nobody knows whether it was executed.
KEPT_IDLE = 5.0

# Answers of some thousand free times are read without a pause (bytes).
_READ_AHEAD = 1 << 20

# Bytes of a header line. The library's own bound is met by some proxies' policies.
_LONGEST_HEADER = 1 << 16

# Seconds; timeouts up to it are exact. By default long ones are rounded up to whole seconds, past the caller's own.
_EXACT = 3600.0


class HttpWire:
    """The wire for one event loop; opens nothing before the first exchange."""

    def __init__(self, *, connections: int) -> None:
        """`connections`: the most at once."""
        self._most = connections
        self._opened: aiohttp.ClientSession | None = None

    async def aclose(self) -> None:
        """Close all connections."""
        if self._opened is not None:
            await self._opened.close()

    async def exchange(self, request: HttpRequest, *, within: float) -> HttpResponse:
        """Send the request and read the answer. Raises WireError."""
        session = self._session()
        await _see_what_has_arrived()
        try:
            async with session.request(
                request.method,
                request.url,
                data=request.content,
                headers=request.headers,
                timeout=_timeouts(within),
                proxy=_proxy_of(request.url),
                allow_redirects=False,
            ) as response:
                content = await response.read()
        except (
            aiohttp.ClientConnectorError,
            aiohttp.ConnectionTimeoutError,
            aiohttp.InvalidURL,
            aiohttp.NonHttpUrlClientError,
        ) as error:
            raise NotConnected(type(error).__name__) from None
        except TimeoutError as error:
            raise TimedOut(type(error).__name__) from None
        except (aiohttp.ClientError, OSError) as error:
            raise ConnectionLost(type(error).__name__) from None
        return HttpResponse(status=response.status, headers=response.headers, content=content)

    def _session(self) -> aiohttp.ClientSession:
        if self._opened is None:
            # The same trusted certificates as every other request of ours.
            context = httpx2.create_ssl_context()
            context.set_alpn_protocols(["http/1.1"])
            connector = _Connector(
                limit=self._most, keepalive_timeout=KEPT_IDLE, ssl=context, timeout_ceil_threshold=_EXACT
            )
            self._opened = aiohttp.ClientSession(
                connector=connector,
                cookie_jar=aiohttp.DummyCookieJar(),  # all keys share it: no key's session may go with another key
                read_bufsize=_READ_AHEAD,
                max_line_size=_LONGEST_HEADER,
                max_field_size=_LONGEST_HEADER,
            )
            # It would send PUT and DELETE again by itself after a lost connection, mutations of some systems of record.
            self._opened._retry_connection = False  # noqa: SLF001  # tests/unit/test_private_names.py
        return self._opened


class _Connector(aiohttp.TCPConnector):
    """Uses no idle connection again on which something has arrived: it would be taken for the answer to the next request."""

    async def connect(
        self,
        req: aiohttp.ClientRequest,
        traces: list[Trace],
        timeout: aiohttp.ClientTimeout,  # noqa: ASYNC109  # named by the library
    ) -> Connection:
        """A connection for this request."""
        connection = await super().connect(req, traces, timeout)
        for _ in range(self.limit):  # no more than these are idle
            if connection.protocol is None or not connection.protocol.should_close:
                break
            connection.close()
            connection = await super().connect(req, traces, timeout)
        return connection


async def _see_what_has_arrived() -> None:
    """Let the event loop read what has arrived, in two turns: a connection that the server has closed or spoken on is not used again."""
    await asyncio.sleep(0)
    await asyncio.sleep(0)


@cache  # a handful of values
def _timeouts(seconds: float) -> aiohttp.ClientTimeout:
    return aiohttp.ClientTimeout(
        total=None, connect=seconds, sock_connect=CONNECT_TIMEOUT, sock_read=seconds, ceil_threshold=_EXACT
    )


def _proxy_of(url: str) -> str | None:
    """The proxy that the environment names for this address (HTTPS_PROXY, NO_PROXY); its scheme may be left out."""
    address = urlsplit(url)
    return _proxy(address.scheme, address.netloc)


@cache  # by host alone: a path may name a record, and there is no end of them
def _proxy(scheme: str, host: str) -> str | None:
    proxies = getproxies()
    if proxy_bypass(host):
        return None
    named = proxies.get(scheme) or proxies.get("all")
    return f"http://{named}" if named and "://" not in named else named
