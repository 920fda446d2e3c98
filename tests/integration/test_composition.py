"""The composition root: what it has opened is closed, in the opposite order, also where a later part cannot be built."""

import asyncio
import threading
from pathlib import Path
from typing import Any

import pytest
from pydantic import HttpUrl, SecretStr

from gateway.runtime.audit import audit_keys
from gateway.runtime.composition import compose
from gateway.settings import Settings
from gateway.settings.environment import Environment
from integrations.anchors import anchors_in
from integrations.database.audit import SqlAuditTrail
from integrations.database.engine import connect_database
from integrations.database.migrations import migrate
from tests.plugins.emulator import EmulatorClient


class LastPartFails(Settings):
    """Settings that the last part to be built cannot read."""

    @property
    def webhook_secrets(self) -> tuple[str, ...]:
        raise OSError("the last part")


@pytest.fixture
async def values(tmp_path: Path, emulator_server: EmulatorClient) -> dict[str, Any]:
    seed = await emulator_server.control.call("GET", "seed")
    database_url = f"sqlite:///{tmp_path / 'frontdoor.sqlite3'}"
    await migrate(database_url)
    return {
        "environment": Environment.DEVELOPMENT,
        "secret_key": SecretStr("only-for-tests-" * 4),
        "database_url": database_url,
        "audit_anchor_file": tmp_path / "anchors",
        "healthie_url": HttpUrl(f"{emulator_server.url}/graphql"),
        "healthie_organization_key": SecretStr(seed["owner"]["key"]),
        "healthie_keys": {who: SecretStr(key) for who, key in seed["clinician_keys"].items()},
        "healthie_webhook_url": HttpUrl("http://127.0.0.1:1/webhooks/healthie"),
        "healthie_webhook_secrets": (SecretStr("only-for-tests"),),
    }


def standing() -> set[object]:
    """What a part may leave behind: tasks, and the threads of open connections to the database."""
    return asyncio.all_tasks() | {one for one in threading.enumerate() if "connection_worker" in one.name}


def left(before: set[object]) -> set[object]:
    """What stands still and did not before."""
    for one in standing() - before:
        if isinstance(one, threading.Thread):
            one.join(5)  # closed, it is in its last lines
    return standing() - before


async def head_of_trail(settings: Settings) -> int:
    engine = connect_database(settings.database_url)
    trail = SqlAuditTrail(engine=engine, key=audit_keys(settings)[0])
    try:
        return (await trail.head()).sequence
    finally:
        await trail.aclose()
        await engine.dispose()


async def test_all_that_was_opened_is_closed_and_the_last_anchor_covers_every_call(
    values: dict[str, Any],
) -> None:
    settings, before = Settings(**values), standing()
    async with compose(settings) as system:
        assert await system.write_probe()
        await system.upstream.patients.profile("nobody")
        assert standing() > before
    assert left(before) == set()
    last = [*anchors_in(values["audit_anchor_file"])][-1]
    assert last.sequence == await head_of_trail(settings) > 0


async def test_the_same_where_a_later_part_cannot_be_built(values: dict[str, Any]) -> None:
    settings, before = LastPartFails(**values), standing()
    with pytest.raises(OSError, match="the last part"):
        async with compose(settings):
            raise AssertionError("it was built")
    assert left(before) == set()
    last = [*anchors_in(values["audit_anchor_file"])][-1]
    assert last.sequence == await head_of_trail(settings) > 0, (
        "nothing was asked of upstream before it failed"
    )
