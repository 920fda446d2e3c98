"""`frontdoor upstream check`, and the worker that does the same every day, against the emulator."""

import asyncio
import getpass
import json
import os
import re
import shutil
import sqlite3
import time
from collections.abc import AsyncIterator
from contextlib import closing
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from pydantic import HttpUrl, SecretStr
from sqlalchemy import select
from structlog.testing import capture_logs

from booking.operations.model import AttentionReason
from booking.pace_law import KeyState
from gateway.command_line import main
from gateway.runtime.composition import compose
from gateway.runtime.system import System
from gateway.settings import Settings
from gateway.settings.environment import Environment
from integrations.database.engine import reading
from integrations.database.migrations import migrate
from integrations.database.tables.operations import alerts
from integrations.redis.client import connect_redis
from integrations.redis.pace_fields import to_fields
from integrations.upstream.audit import fingerprint
from tests.plugins.emulator import EmulatorClient

CONTRACT = Path(__file__).parents[2] / "integrations" / "healthie" / "contract.graphql"


def run(*arguments: str, **settings: str) -> Result:
    environment = {**os.environ, **{f"FRONTDOOR_{name.upper()}": value for name, value in settings.items()}}
    return CliRunner().invoke(main, ["upstream", "check", *arguments], env=environment)


@pytest.fixture
def settings(tmp_path: Path, emulator_server: EmulatorClient, migrated_sqlite: Path) -> dict[str, str]:
    shutil.copyfile(migrated_sqlite, tmp_path / "frontdoor.sqlite3")
    return {
        "secret_key": "only-for-tests-" * 4,
        "database_url": f"sqlite:///{tmp_path / 'frontdoor.sqlite3'}",
        "healthie_url": f"{emulator_server.url}/graphql",
        "healthie_organization_key": "emulator-key-owner",
        "log_level": "ERROR",
    }


def a_file(tmp_path: Path, old: str = "", new: str = "") -> str:
    path = tmp_path / "schema.graphql"
    text = CONTRACT.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1) if old else text)
    return str(path)


class TestHealthie:
    async def test_the_emulators_own_schema_is_clean(
        self, settings: dict[str, str], emulator_server: EmulatorClient
    ) -> None:
        await emulator_server.control.clock(set="2026-12-30T12:00:00+00:00")
        for code in ("WELCOME20", "MINUS25"):  # seeded without a number of payments, which is a note
            await emulator_server.control.offer(promo_code=code, repeat_times=1)
        result = await asyncio.to_thread(run, **settings)

        assert (result.exit_code, re.sub(r"-?\d+ days", "N days", result.output).splitlines()) == (
            0,
            [
                "API version 2026-10-01: answered, in use, no end is known.",
                "API version 2026-07-01: answered, ends on 2027-04-01, in N days.",
                "API version 2026-01-01: answered, ends on 2027-01-31, in N days.",
                "Nothing that is in use has changed.",
            ],
        )

    async def test_which_versions_are_answered_and_which_is_used_is_told_as_json(
        self, settings: dict[str, str], emulator_server: EmulatorClient
    ) -> None:
        """After the end of the versions before 2026-07-01, and with a version pinned that has ended."""
        await emulator_server.control.clock(set="2027-02-01T12:00:00+00:00")
        chosen = json.loads((await asyncio.to_thread(run, "--json", **settings)).output)

        assert (chosen["status"], chosen["version"], chosen["pinned"]) == ("fine", "2026-10-01", False)
        assert [
            (each["version"], each["answered"], each["usable"], each["used"], each["sunset"])
            for each in chosen["versions"]
        ] == [
            ("2026-10-01", True, True, True, None),
            ("2026-07-01", True, True, False, "2027-04-01"),
            ("2026-01-01", False, False, False, "2027-01-31"),
        ]

        pinned = await asyncio.to_thread(run, **settings | {"healthie_api_version": "2026-01-01"})
        assert (pinned.exit_code, pinned.output.splitlines()) == (
            2,
            [
                "breaking  API version 2026-01-01 is not answered.",
                "API version 2026-10-01: answered.",
                f"API version 2026-07-01: answered, ends on 2027-04-01, in {_days_to('2027-04-01')} days.",
                "API version 2026-01-01: not answered, in use (pinned).",
            ],
        )

    def test_the_look_itself_is_on_record_under_the_name_of_who_looked(
        self, settings: dict[str, str], tmp_path: Path
    ) -> None:
        assert run(**settings).exit_code == 0

        with closing(sqlite3.connect(tmp_path / "frontdoor.sqlite3")) as connection:
            found = connection.execute("SELECT record FROM audit_records ORDER BY sequence").fetchall()
        records = [json.loads(record) for (record,) in found]
        assert [(each["kind"], each["operation"]) for each in records[-10:]] == [
            (kind, operation)
            for operation in (
                "IntrospectionQuery",
                "Permissions",
                "AutomaticCharges",
                "PublicCatalog",
                "LastingCoupons",
            )
            for kind in ("attempted", "answered")
        ]
        assert {each["actor"] for each in records[-10:]} == {f"operator {getpass.getuser()}"}
        others = {(each["operation"], each["actor"]) for each in records[:-10]}  # a start asks as well
        assert others - {("ApiVersion", "system")} == {("ApiVersion", f"operator {getpass.getuser()}")}

    async def test_what_a_key_may_not_do_is_a_finding(
        self, settings: dict[str, str], emulator_server: EmulatorClient
    ) -> None:
        seed = await emulator_server.control.seed()
        one = seed["clinicians"][0]["id"]
        await emulator_server.control.call(
            "POST", "permissions", {"user_id": one, "without": ["can_add_own_appointments"]}
        )
        keys = json.dumps({one: seed["clinicians"][0]["key"]})
        result = await asyncio.to_thread(run, **settings | {"healthie_keys": keys})

        assert (result.exit_code, result.output.splitlines()[0]) == (
            2,
            f"breaking  The key of clinician {one} lacks can_add_own_appointments: visits with them cannot be booked. Grant it to the key's owner in Healthie.",
        )

    def test_nobody_there_is_said_and_is_no_finding(self, settings: dict[str, str]) -> None:
        result = run(**settings | {"healthie_url": "http://127.0.0.1:1/graphql"})

        assert result.exit_code == 3
        assert "could not be asked" in result.output
        assert "is FRONTDOOR_HEALTHIE_URL right?" in result.output

    def test_a_database_without_tables_is_an_unknown_result(
        self, settings: dict[str, str], tmp_path: Path
    ) -> None:
        result = run(**settings | {"database_url": f"sqlite:///{tmp_path / 'new.sqlite3'}"})

        assert result.exit_code == 3
        assert result.output == (
            "The database has not the tables of this version yet: run `frontdoor migrate`.\n"
        )

    def test_invalid_settings_are_an_unknown_result_and_no_warning(self, settings: dict[str, str]) -> None:
        result = run("--json", **settings | {"healthie_keys": "no json"})

        assert result.exit_code == 3
        assert json.loads(result.output) == {
            "status": "unknown",
            "problem": "FRONTDOOR_HEALTHIE_KEYS is not valid JSON.",
        }

    def test_a_version_without_a_file_is_a_wrong_option(self) -> None:
        result = run("--api-version", "2026-07-01")

        assert result.exit_code == 2
        assert "FRONTDOOR_HEALTHIE_API_VERSION pins" in result.output

    async def test_while_we_are_locked_out_nothing_is_sent(
        self, settings: dict[str, str], emulator_server: EmulatorClient, redis_url: str, tenant: str
    ) -> None:
        await emulator_server.control.throttle(requests=0)
        # Fixed, as an adapting pace would ask once more after a moment.
        fixed = {"healthie_requests_per_second": "2"}
        shared = settings | fixed | {"redis_url": redis_url, "tenant": tenant}
        refused = await asyncio.to_thread(run, **shared)
        assert (refused.exit_code, "rate_limited" in refused.output) == (3, True)

        await emulator_server.control.forget_requests()
        held_back = await asyncio.to_thread(run, **shared)
        assert (held_back.exit_code, "backed_off" in held_back.output) == (3, True)
        assert await emulator_server.control.requests() == []

    async def test_the_pace_that_processes_share_is_told(
        self, settings: dict[str, str], redis_url: str, tenant: str
    ) -> None:
        shared = settings | {"redis_url": redis_url, "tenant": tenant}
        fresh = json.loads((await asyncio.to_thread(run, "--json", **shared)).output)
        assert fresh["pace"] == {"requests_per_second": 2, "ceiling": None, "refused_at": None}

        connected = connect_redis(redis_url)
        state = KeyState(rate=3.25, refused_at=1_764_504_000.0, ceiling=4.5, ceiling_until=time.time() + 3600)
        name = f"frontdoor:{tenant}:pace:{fingerprint('emulator-key-owner')}:state"
        for part, text in to_fields(state).items():
            await connected.hset(name, part, text)
        await connected.aclose()
        told = await asyncio.to_thread(run, **shared)
        assert (
            "Pace of the organization key: 3.25 requests a second, no more than 4.5 for now, "
            "last refused on 2025-11-30 12:00 UTC." in told.output
        )

    def test_monitoring_is_told_as_well(self, settings: dict[str, str]) -> None:
        result = run("--json", **settings | {"healthie_url": "http://127.0.0.1:1/graphql"})

        assert result.exit_code == 3
        assert json.loads(result.output)["status"] == "unknown"


class TestFile:
    def test_the_contract_itself_is_fine(self, tmp_path: Path) -> None:
        result = run("--sdl", a_file(tmp_path))

        assert (result.exit_code, result.output) == (0, "Nothing that is in use has changed.\n")

    def test_a_removed_field_is_breaking(self, tmp_path: Path) -> None:
        result = run("--sdl", a_file(tmp_path, "  card_last4: String\n"))

        assert (result.exit_code, result.output) == (
            2,
            "breaking  Field BillingItem.card_last4 was removed.\n",
        )

    def test_a_deprecation_in_use_is_a_warning(self, tmp_path: Path) -> None:
        path = a_file(tmp_path, "  card_last4: String\n", "  card_last4: String @deprecated\n")
        result = run("--sdl", path, "--json")

        assert result.exit_code == 1
        assert json.loads(result.output) == {
            "status": "warning",
            "version": None,
            "sunset": None,
            "days_left": None,
            "pinned": False,
            "versions": [],
            "findings": [
                {
                    "severity": "warning",
                    "what": "BillingItem.card_last4 is deprecated: No longer supported",
                }
            ],
        }

    def test_a_change_that_nothing_uses_is_a_note_and_fine(self, tmp_path: Path) -> None:
        result = run("--sdl", a_file(tmp_path, "  payment_medium: ID\n"))

        assert (result.exit_code, result.output.splitlines()[0]) == (
            0,
            "note      Field BillingItem.payment_medium was removed.",
        )

    @pytest.mark.parametrize("text", ["type Query {", "hello", "type Other { a: Int }"])
    def test_what_is_no_schema_is_unknown(self, tmp_path: Path, text: str) -> None:
        (tmp_path / "schema.graphql").write_text(text)

        result = run("--sdl", str(tmp_path / "schema.graphql"))
        assert result.exit_code == 3
        assert "cannot be read as a schema" in result.output


def _days_to(day: str) -> int:
    return (date.fromisoformat(day) - datetime.now(UTC).date()).days


class StandingClock:
    """52 days before the versions before 2026-07-01 stop answering."""

    def __init__(self) -> None:
        self.at = datetime(2026, 12, 10, 12, tzinfo=UTC)

    def now(self) -> datetime:
        return self.at


@pytest.fixture
def clock() -> StandingClock:
    return StandingClock()


@pytest.fixture
async def system(
    tmp_path: Path, emulator_server: EmulatorClient, clock: StandingClock
) -> AsyncIterator[System]:
    await emulator_server.control.clock(set=clock.at.isoformat())
    settings = Settings(
        environment=Environment.DEVELOPMENT,
        secret_key=SecretStr("only-for-tests-" * 4),
        database_url=f"sqlite:///{tmp_path / 'frontdoor.sqlite3'}",
        healthie_url=HttpUrl(f"{emulator_server.url}/graphql"),
        healthie_organization_key=SecretStr("emulator-key-owner"),
        healthie_api_version="2026-01-01",
    )
    await migrate(settings.database_url)
    async with compose(settings, clock=clock) as composed:
        yield composed


async def raised(system: System) -> list[tuple[str, str]]:
    async with reading(system.engine) as connection:
        return [(row.reason, row.subject) for row in await connection.execute(select(alerts))]


async def test_a_worker_alerts_an_end_that_is_near_soon_after_its_start_and_says_it_once(
    system: System, clock: StandingClock, emulator_server: EmulatorClient
) -> None:
    """Healthie: on 2027-01-31 versions before 2026-07-01 stop answering, and every answer before that warns of it."""
    worker = system.worker()
    with capture_logs() as logged:
        for wait in (timedelta(), timedelta(minutes=5), timedelta(days=1)):
            clock.at += wait
            await worker.tick()

    told = [each for each in logged if each["event"] == "upstream.checked"]
    assert [(each["version"], each["days_left"], each["answered"]) for each in told] == [
        ("2026-01-01", left, ["2026-10-01", "2026-07-01", "2026-01-01"]) for left in (52, 51)
    ]
    seen = [each["operation"] for each in await emulator_server.control.requests()]
    assert seen.count("IntrospectionQuery") == 2
    assert await raised(system) == [
        (AttentionReason.UPSTREAM_DRIFT, "API version 2026-01-01 stops being answered on 2027-01-31.")
    ]


async def test_a_worker_that_cannot_ask_goes_on_and_asks_another_day(
    system: System, clock: StandingClock, emulator_server: EmulatorClient
) -> None:
    worker = system.worker()
    await emulator_server.control.faults({"kind": "not_json", "operation": "IntrospectionQuery", "count": 3})
    for wait in (timedelta(minutes=5), timedelta(days=1)):
        clock.at += wait
        await worker.tick()

    assert len(await raised(system)) == 1
