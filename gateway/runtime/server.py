"""The HTTP server of one gateway process: uvicorn, on uvloop where that is installed, with HTTP parsed by httptools."""

import gc

import uvicorn
from starlette.types import ASGIApp

from gateway.runtime.http_protocol import BoundedHttp
from gateway.sockets.rules import LONGEST_MESSAGE

# Allocations that survive before the youngest objects are looked through, and how many such passes before the older generations are.
# A request for thousands of free times makes tens of thousands of objects that live until it is answered: with Python's own 700 they were
# looked through again and again. A full pass, which stops all requests, comes after a million, and only when a quarter is new.
_COLLECTED = (20_000, 10, 5)


def server_config(app: ASGIApp, *, host: str, port: int) -> uvicorn.Config:
    """How this program serves HTTP and WebSocket."""
    return uvicorn.Config(
        app,
        host=host,
        port=port,
        loop="auto",
        http=BoundedHttp,
        log_config=None,
        access_log=False,
        lifespan="on",
        server_header=False,
        ws_max_size=LONGEST_MESSAGE,
        ws_per_message_deflate=False,  # messages are small; a compressor per socket takes memory
    )


def spare_the_collector() -> None:
    """Take what is loaded out of garbage collection, and let that run less often.

    Modules and application stay alive: a full collection over them would pause all requests for a tenth of a second. Processes
    that are forked afterwards share their memory, which a collection would copy.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(*_COLLECTED)
