"""How much one socket, one caller and all of them together may take."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import timedelta

# The largest message: as large as a request's body may be over HTTP. The server is told it too, before it reads one.
LONGEST_MESSAGE = 100_000


@dataclass(frozen=True, kw_only=True)
class SocketRules:
    """Bounds, each far above what an app needs."""

    origins: Collection[str] = ()  # of pages that may connect, besides those on our own host
    init_within: timedelta = timedelta(seconds=10)  # from the connection to its `connection_init`
    operations: int = 50  # of one socket at once; a page shows a handful of things
    per_caller: int = 20  # sockets of one caller: tabs and devices of a family
    # Sockets from one address, where it is known: a tenth, so that nobody has all of them.
    per_network: int = 500
    in_all: int = 5_000  # sockets of one process: some 100 kB each
    # For a token that expired: so much longer it may be good at most.
    look_every: timedelta = timedelta(seconds=5)
    # Without an operation or a message; an app that waits sends pings.
    idle_for: timedelta = timedelta(minutes=10)
