"""Commands that cannot start say why in one sentence, and end."""

import json
import socket
import subprocess
import sys
import threading
from importlib.metadata import version
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from gateway.command_line import main
from integrations.database.engine import connect_database
from integrations.database.migrations import DatabaseUnusable, migrate, prove_ready

REQUIRED = {
    "FRONTDOOR_ENVIRONMENT": "development",
    "FRONTDOOR_SECRET_KEY": "synthetic-secret-of-sufficient-length-0123456789",
    "FRONTDOOR_HEALTHIE_URL": "http://127.0.0.1:1/graphql",
    "FRONTDOOR_HEALTHIE_ORGANIZATION_KEY": "synthetic-organization-key",
    "FRONTDOOR_HEALTHIE_KEYS": '{"101": "synthetic-clinician-key"}',
}
NOWHERE = "postgresql://someone:synthetic-password@127.0.0.1:1/nothing"
WEBHOOKS = "https://gateway.example.invalid/webhooks/healthie"


def frontdoor(*arguments: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "gateway.command_line", *arguments],
        env={**REQUIRED, **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def invoked(command: str, **environment: str) -> Result:
    return CliRunner().invoke(main, command.split(), env={**REQUIRED, **environment})


@pytest.mark.parametrize("command", ["migrate", "worker"])
def test_a_database_that_does_not_answer_is_told_without_its_password(command: str) -> None:
    ended = frontdoor(command, FRONTDOOR_DATABASE_URL=NOWHERE)
    said = ended.stderr.strip().splitlines()[-1]
    assert ended.returncode == 1
    assert "The database at 127.0.0.1:1/nothing does not answer" in said
    assert "Traceback" not in ended.stderr
    assert "synthetic-password" not in ended.stdout + ended.stderr


def test_several_processes_say_that_their_port_is_taken() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        ended = frontdoor(
            "serve",
            *("--port", str(port)),
            FRONTDOOR_DATABASE_URL="sqlite:///unused",
            FRONTDOOR_GATEWAY_PROCESSES="2",
        )
    assert ended.returncode == 1
    assert (
        ended.stderr.splitlines()[-1] == f"Error: Cannot listen at 127.0.0.1:{port}: Address already in use."
    )


@pytest.mark.parametrize("command", ["migrate", "serve", "worker"])
def test_a_wrong_address_is_told_before_anything_is_started(command: str) -> None:
    ended = frontdoor(command, FRONTDOOR_DATABASE_URL="sqlite:///unused", FRONTDOOR_REDIS_URL="nonsense")
    assert ended.returncode == 1
    assert "FRONTDOOR_REDIS_URL" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_a_worker_on_a_database_without_tables_says_what_to_run(tmp_path: Path) -> None:
    ended = frontdoor("worker", FRONTDOOR_DATABASE_URL=f"sqlite:///{tmp_path / 'empty.sqlite3'}")
    assert ended.returncode == 1
    assert ended.stderr.splitlines() == [
        "Error: The database has not the tables of this version yet: run `frontdoor migrate`."
    ]
    assert ended.stdout == ""


@pytest.mark.parametrize(
    ("command", "code"), [("checkouts list", 1), ("audit verify", 1), ("webhooks health --json", 3)]
)
def test_a_command_on_a_database_without_tables_says_what_to_run(
    tmp_path: Path, command: str, code: int
) -> None:
    address = f"sqlite:///{tmp_path / 'empty.sqlite3'}"
    result = invoked(command, FRONTDOOR_DATABASE_URL=address, FRONTDOOR_HEALTHIE_WEBHOOK_URL=WEBHOOKS)
    assert result.exit_code == code
    assert "run `frontdoor migrate`" in result.output
    assert isinstance(result.exception, SystemExit)


def test_a_command_on_a_database_that_does_not_answer_says_so_without_its_password() -> None:
    result = invoked("checkouts list", FRONTDOOR_DATABASE_URL=NOWHERE)
    assert result.exit_code == 1
    assert result.output.startswith("Error: The database at 127.0.0.1:1/nothing does not answer")
    assert "synthetic-password" not in result.output


def test_a_port_that_is_none_is_told_as_a_wrong_option() -> None:
    result = invoked("serve --port 99999")
    assert result.exit_code == 2
    assert "'--port': 99999 is not in the range" in result.output


def test_the_program_starts_without_libraries_that_only_some_commands_need() -> None:
    heavy = {
        "fastapi",
        "graphql",
        "httpx2",
        "pydantic",
        "redis",
        "rich",
        "sqlalchemy",
        "starlette",
        "strawberry",
        "stripe",
        "uvicorn",
    }
    loaded = f"import sys, gateway.command_line; print(*sys.modules.keys() & {heavy})"
    ended = subprocess.run([sys.executable, "-c", loaded], capture_output=True, text=True, check=True)
    assert ended.stdout.split() == []


def on_a_latin_1_terminal(*arguments: str) -> "subprocess.CompletedProcess[bytes]":
    """Run `frontdoor ARGUMENTS` where Python reads ASCII and writes ISO-8859-1 unless it is told otherwise."""
    return subprocess.run(
        [sys.executable, "-m", "gateway.command_line", *arguments],
        env={
            "LC_ALL": "C",
            "PYTHONCOERCECLOCALE": "0",
            "PYTHONUTF8": "0",
            "PYTHONIOENCODING": "iso-8859-1:strict",
        },
        capture_output=True,
        check=False,
    )


def test_the_schema_is_utf_8_on_any_terminal() -> None:
    printed = on_a_latin_1_terminal("schema")
    assert printed.stderr == b""
    assert printed.stdout == Path("schema/schema.graphql").read_bytes()


@pytest.mark.parametrize("name", [[], *([each] for each in sorted(main.commands))], ids=" ".join)
def test_every_command_explains_itself_on_any_terminal(name: list[str]) -> None:
    explained = CliRunner(charset="iso-8859-1").invoke(main, [*name, "--help"])
    assert explained.exit_code == 0, explained.exception
    explained.stdout_bytes.decode("ascii")  # nothing in there that some terminal has not


VANCOUVER_IN_DECEMBER = """
import sys
from datetime import datetime, timedelta
from booking.zones import zone
import gateway.settings  # before any command runs, as commands do
from gateway.command_line import main
main(["checkouts", "graph"], standalone_mode=False)
from gateway.settings import Settings
for place in (zone("America/Vancouver"), Settings().time_zone):
    print(datetime(2026, 12, 2, 12, tzinfo=place).utcoffset() == timedelta(hours=-7), file=sys.stderr)
"""


def test_every_command_goes_by_the_newer_rules_of_time_zones(old_zone_rules: Path) -> None:
    environment = {
        **REQUIRED,
        "FRONTDOOR_DATABASE_URL": "sqlite:///unused",
        "FRONTDOOR_TIME_ZONE": "America/Vancouver",
        "PYTHONTZPATH": str(old_zone_rules),
    }
    command = [sys.executable, "-c", VANCOUVER_IN_DECEMBER]
    ended = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert ended.stderr.split() == ["True", "True"]


async def test_a_worker_says_which_rules_of_time_zones_it_goes_by(
    tmp_path: Path, old_zone_rules: Path
) -> None:
    address = f"sqlite:///{tmp_path / 'frontdoor.sqlite3'}"
    await migrate(address)
    worker = subprocess.Popen(  # noqa: ASYNC220 - nothing else runs meanwhile
        [sys.executable, "-m", "gateway.command_line", "worker", "--until-stdin-closes"],
        env={**REQUIRED, "FRONTDOOR_DATABASE_URL": address, "PYTHONTZPATH": str(old_zone_rules)},
        stdin=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    with worker:
        assert worker.stderr is not None
        said = json.loads(worker.stderr.readline())
        worker.kill()
    assert said["event"] == "zones.rules"
    assert (said["source"], said["of_system"]) == ("package", "2025b")


def test_the_version_can_be_asked_for() -> None:
    assert invoked("--version").output == f"frontdoor {version('frontdoor')}\n"


@pytest.mark.postgres
async def test_a_user_whom_the_database_refuses_is_told(postgres_url: str) -> None:
    engine = connect_database(postgres_url)
    stranger = connect_database(
        engine.url.set(username="frontdoor_nobody", password="synthetic").render_as_string(
            hide_password=False
        )
    )
    await engine.dispose()
    with pytest.raises(DatabaseUnusable, match="refuses this user") as caught:
        await prove_ready(stranger)
    await stranger.dispose()
    assert "synthetic" not in str(caught.value)


async def test_a_file_that_cannot_be_opened_is_told(tmp_path: Path) -> None:
    with pytest.raises(DatabaseUnusable, match=r"missing/frontdoor\.sqlite3 does not answer"):
        await migrate(f"sqlite:///{tmp_path / 'missing' / 'frontdoor.sqlite3'}")
    # aiosqlite ends its thread by itself after a failure, and tells the loop: which must be there until then.
    for thread in threading.enumerate():
        if "_connection_worker_thread" in thread.name:
            thread.join()
