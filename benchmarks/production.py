"""A stack with production settings for load tests: gateway, worker and emulator, each a process of its own."""

import secrets
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx2

from gateway.development.local_stack import LocalStack, free_port, local_stack


@asynccontextmanager
async def production(**settings: str) -> AsyncIterator[tuple[LocalStack, httpx2.AsyncClient]]:
    """Start the stack with these settings in addition; yields it with an HTTP client of its gateway."""
    extra = {
        **settings,
        "FRONTDOOR_ENVIRONMENT": "production",
        "FRONTDOOR_ENDPOINTS_ALLOW_LOOPBACK": "false",  # as the local stack would have it, and production refuses
        "FRONTDOOR_SECRET_KEY": secrets.token_hex(32),
        "FRONTDOOR_LOG_FORMAT": "json",
    }
    with tempfile.TemporaryDirectory(prefix="frontdoor-bench-") as directory:
        running = local_stack(
            directory=Path(directory),
            gateway_port=free_port(),
            emulator_port=free_port(),
            quiet=True,
            extra=extra,
        )
        async with running as stack, httpx2.AsyncClient(base_url=stack.gateway, timeout=60) as http:
            yield stack, http
