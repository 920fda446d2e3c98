"""ReadOnlyHttp: the HTTP client under Stripe's SDK, which refuses everything but a plain GET before it is sent.

Only Healthie charges. The restricted key enforces the same on Stripe's side; each would suffice, and neither is relied on alone.
"""

import asyncio
import logging
from collections.abc import Mapping
from typing import Any, ClassVar, NoReturn

import httpx2
import stripe

# Stripe answers reads within a second or two, and no caller waits for these.
TIMEOUT = httpx2.Timeout(15.0, connect=5.0)

# The one response header that the SDK needs. Another (Stripe-Notice) would make it write to the program's output.
_ADVICE = "stripe-should-retry"


class WriteRefused(Exception):
    """A call tried to change something at Stripe; nothing was sent."""

    def __init__(self, method: str) -> None:
        super().__init__(f"Stripe is only read here: {method.upper()} refused")


class ReadOnlyHttp(stripe.HTTPClient):
    """The SDK's HTTP client: asynchronous GET only."""

    name: ClassVar[str] = "httpx2"

    def __init__(self, client: httpx2.AsyncClient) -> None:
        super().__init__()
        self._client = client

    async def request_async(
        self, method: str, url: str, headers: Mapping[str, str], post_data: Any = None
    ) -> tuple[bytes, int, Mapping[str, str]]:
        """Make one attempt. Raises WriteRefused, or stripe.APIConnectionError, on which the SDK retries."""
        if method.upper() != "GET" or post_data is not None:
            raise WriteRefused(method)
        try:
            response = await self._client.get(url, headers=dict(headers), timeout=TIMEOUT)
        except httpx2.HTTPError as error:
            raise _no_answer(error) from None
        advice = response.headers.get(_ADVICE)
        return response.content, response.status_code, {} if advice is None else {_ADVICE: advice}

    async def request_stream_async(self, method: str, *_args: Any, **_kwargs: Any) -> NoReturn:
        """Refuse: only files and reports are streamed, which this program never reads."""
        raise WriteRefused(method)

    def request(self, method: str, *_args: Any, **_kwargs: Any) -> NoReturn:
        """Refuse: it would block the event loop."""
        raise WriteRefused(method)

    def request_stream(self, method: str, *_args: Any, **_kwargs: Any) -> NoReturn:
        """Refuse: it would block the event loop."""
        raise WriteRefused(method)

    def sleep_async(self, secs: float) -> Any:
        """Sleep between two attempts."""
        return asyncio.sleep(secs)

    async def close_async(self) -> None:
        """Leave the client open: its creator closes it."""

    def close(self) -> None:
        """Leave the client open: its creator closes it."""


def _no_answer(error: httpx2.HTTPError) -> Exception:
    return stripe.APIConnectionError(type(error).__name__, should_retry=True)  # type: ignore[no-untyped-call] # the SDK's


def hush() -> None:
    """Disable the SDK's logging for the whole process (it logs whole responses, with names and emails), and its telemetry."""
    stripe.log = None
    stripe.enable_telemetry = False
    stripe._util.STRIPE_LOG = None  # noqa: SLF001 - an environment variable must not be able to log patient data
    logging.getLogger("stripe").disabled = True
