"""The composition root and the card processor's books: read where there is a key, and not even loaded where there is none."""

import asyncio
import contextlib
import functools
import subprocess
import sys

import httpx2
import pytest
from pydantic import SecretStr
from structlog.testing import capture_logs

from gateway.runtime.composition import _ledger
from gateway.settings import Settings
from integrations.stripe import connect
from tests.doubles.stripe_double import KEY, StripeDouble


def settings(key: str | None) -> Settings:
    return Settings(
        secret_key=SecretStr("synthetic-secret-of-sufficient-length-0123456789"),
        healthie_url="https://healthie.example.invalid/graphql",
        healthie_organization_key=SecretStr("synthetic-organization-key"),
        stripe_key=SecretStr(key) if key else None,
    )


@pytest.fixture
def double(monkeypatch: pytest.MonkeyPatch) -> StripeDouble:
    double = StripeDouble()
    opened = functools.partial(
        connect.connect_stripe,
        url="http://stripe.invalid",
        transport=httpx2.ASGITransport(app=double.app()),
    )
    monkeypatch.setattr(connect, "connect_stripe", opened)
    return double


async def test_with_a_key_the_books_are_read_and_the_key_is_tried_at_start(double: StripeDouble) -> None:
    double.charge("ch_a")
    double.readable = set()
    async with contextlib.AsyncExitStack() as exits:
        with capture_logs() as logs:
            ledger = await _ledger(settings(KEY), exits)
            assert ledger is not None
            await asyncio.gather(*(asyncio.all_tasks() - {asyncio.current_task()}))
        double.readable = {"charges", "events"}
        assert set(await ledger.find(["ch_a"])) == {"ch_a"}

    assert [entry["event"] for entry in logs] == ["stripe.key_not_proved"]


async def test_the_start_does_not_wait_for_stripe(monkeypatch: pytest.MonkeyPatch) -> None:
    async def never(_request: httpx2.Request) -> httpx2.Response:
        await asyncio.Event().wait()
        raise AssertionError

    opened = functools.partial(connect.connect_stripe, transport=httpx2.MockTransport(never))
    monkeypatch.setattr(connect, "connect_stripe", opened)
    async with asyncio.timeout(5), contextlib.AsyncExitStack() as exits:
        assert await _ledger(settings(KEY), exits) is not None


async def test_without_a_key_there_are_no_books() -> None:
    async with contextlib.AsyncExitStack() as exits:
        assert await _ledger(settings(None), exits) is None


def test_the_sdk_is_not_loaded_by_the_program_itself() -> None:
    loaded = "import sys, gateway.runtime.composition; sys.exit('stripe' in sys.modules)"

    assert subprocess.run([sys.executable, "-c", loaded], check=False).returncode == 0
