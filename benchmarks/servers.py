"""The servers that a benchmark measures on: those that the tests would find, or else started for it and stopped with it."""

import os
from contextlib import ExitStack
from functools import partial

from tests.plugins.discovery import discover, local_postgres, local_redis
from tests.plugins.servers import TOLD_POSTGRES, TOLD_REDIS
from tests.plugins.temporary_servers import TemporaryPostgres, TemporaryRedis


def postgresql(servers: ExitStack) -> str:
    """A PostgreSQL's URL."""
    own = partial(_own, TemporaryPostgres, servers)
    return discover(told=os.environ.get(TOLD_POSTGRES), local=local_postgres, own=own)


def redis(servers: ExitStack) -> str:
    """A Redis's URL."""
    own = partial(_own, TemporaryRedis, servers)
    return discover(told=os.environ.get(TOLD_REDIS), local=local_redis, own=own)


def _own(kind: type[TemporaryPostgres] | type[TemporaryRedis], servers: ExitStack) -> str:
    server = kind()
    servers.callback(server.stop)
    server.start()
    return server.url
