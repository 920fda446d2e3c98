"""Limits of sockets: per socket, per caller, per network and per process."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import timedelta

# Bytes of the largest message: the same as of a request's body over HTTP. The server enforces it too, before it reads a message.
LONGEST_MESSAGE = 100_000


@dataclass(frozen=True, kw_only=True)
class SocketRules:
    """Limits and timeouts, each far above what an app needs."""

    origins: Collection[str] = ()  # of pages that may connect, besides our own host
    init_within: timedelta = timedelta(seconds=10)  # from the connection to its `connection_init`
    operations: int = 50  # of one socket at once; a page shows a handful of things
    per_caller: int = 20  # open sockets of one caller: tabs and devices of a family
    # Open sockets of one network, where it is known: a tenth of all, so that one client cannot take them all.
    per_network: int = 500
    in_all: int = 5_000  # open sockets of one process: some 100 kB of memory each
    # How often token and idleness are checked: an expired token is accepted this much longer at most.
    look_every: timedelta = timedelta(seconds=5)
    # A socket without an operation and without messages is closed after this; a waiting app sends pings.
    idle_for: timedelta = timedelta(minutes=10)
