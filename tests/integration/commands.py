"""The command line as an operator uses it, and a look into its database."""

import asyncio
import base64
import json
from collections.abc import Awaitable, Callable
from typing import TypeVar

from click.testing import CliRunner, Result
from sqlalchemy.ext.asyncio import AsyncEngine

from gateway.command_line import main
from integrations.database.engine import connect_database

T = TypeVar("T")

SECRET = "only-for-tests-" * 4

# What the program needs beside a database's address.
SETTINGS = {
    # What SEALER seals with.
    "DATA_KEYS": json.dumps({"sample": base64.b64encode(bytes(range(32))).decode()}),
    "SECRET_KEY": SECRET,
    "HEALTHIE_URL": "http://healthie.example.invalid/graphql",
    "HEALTHIE_ORGANIZATION_KEY": "synthetic",
    "LOG_LEVEL": "ERROR",
}


def frontdoor(*arguments: str, charset: str = "utf-8") -> Result:
    """What `frontdoor ARGUMENTS` says, on a terminal of this encoding."""
    return CliRunner(charset=charset).invoke(main, arguments)


def on_database(url: str, work: Callable[[AsyncEngine], Awaitable[T]]) -> T:
    """What the work answers, done beside the program."""

    async def run() -> T:
        engine = connect_database(url)
        try:
            return await work(engine)
        finally:
            await engine.dispose()

    return asyncio.run(run())
