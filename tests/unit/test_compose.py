"""docker-compose.yml and Dockerfile, held against the Compose specification and against the program itself."""

import json
import os
import re
import subprocess
import sys
import time
from datetime import timedelta
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import click
import jsonschema
import pytest
import yaml

from booking.checkout.timing import LEASE, STEP_BUDGET

ROOT = Path(__file__).parents[2]
COMPOSE_SCHEMA = ROOT / "tests" / "data" / "compose-spec.json"

VARIABLE = re.compile(r"\$\{(?P<name>\w+)(?::(?P<kind>[?-])(?P<rest>[^}]*))?\}")
SECRET = re.compile(r"PASSWORD|SECRET|KEY|TOKEN")

# What an operator would put into .env.
OPERATOR = {
    "POSTGRES_PASSWORD": "synthetic",
    "FRONTDOOR_SECRET_KEY": "synthetic-secret-of-sufficient-length-0123456789",
    "FRONTDOOR_HEALTHIE_URL": "https://healthie.example.invalid/graphql",
    "FRONTDOOR_HEALTHIE_ORGANIZATION_KEY": "synthetic-organization-key",
    "FRONTDOOR_HEALTHIE_KEYS": '{"101": "synthetic-clinician-key"}',
}

RAW: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
SERVICES: dict[str, dict[str, Any]] = RAW["services"]
OURS = {name: service for name, service in SERVICES.items() if service["image"] == "frontdoor"}


def interpolate(value: Any) -> Any:
    """Fill the variables in as Compose does; a required one that the operator lacks is a KeyError."""
    if isinstance(value, dict):
        return {key: interpolate(item) for key, item in value.items()}
    if isinstance(value, list):
        return [interpolate(item) for item in value]
    if not isinstance(value, str):
        return value  # a setting without a value is passed on where the operator has one
    return VARIABLE.sub(
        lambda found: (
            OPERATOR[found["name"]] if found["kind"] == "?" else OPERATOR.get(found["name"], found["rest"])
        ),
        value,
    )


def dockerfile(instruction: str) -> list[str]:
    """Answer the arguments of each such instruction in the Dockerfile."""
    text = (ROOT / "Dockerfile").read_text().replace("\\\n", " ")
    return re.findall(rf"^{instruction}\s+(.+)$", text, flags=re.MULTILINE)


@cache
def command_line() -> click.Group:
    main: click.Group = import_module("gateway.command_line").main
    return main


def parse(arguments: list[str]) -> dict[str, Any]:
    """Read the arguments as the program would, without running it; raises click.UsageError where it would."""
    name, *rest = arguments
    command = command_line().commands[name]
    return command.make_context(name, rest).params


def test_the_file_is_valid_by_the_compose_specification() -> None:
    jsonschema.Draft201909Validator(json.loads(COMPOSE_SCHEMA.read_text())).validate(interpolate(RAW))


def test_every_secret_comes_from_the_operator() -> None:
    for service in SERVICES.values():
        for name, value in service.get("environment", {}).items():
            if value is None:
                continue
            if SECRET.search(name):
                found = VARIABLE.fullmatch(value)
                assert found, name
                assert found["kind"] == "?", name
            for address in re.findall(r"\w+://\S+", VARIABLE.sub("", value)):
                assert not urlsplit(address).password, name


def test_the_example_names_what_the_operator_must_fill_in_and_gives_no_values() -> None:
    required = {found["name"] for found in VARIABLE.finditer(json.dumps(RAW)) if found["kind"] == "?"}
    lines = [
        line for line in (ROOT / ".env.example").read_text().splitlines() if line and not line.startswith("#")
    ]
    assert {line.partition("=")[0] for line in lines} == required == set(OPERATOR)
    assert all(line.endswith("=") for line in lines)


@pytest.mark.parametrize("service", OURS)
def test_every_command_exists_in_the_program(service: str) -> None:
    parse(OURS[service]["command"])


def test_the_images_own_command_exists_in_the_program() -> None:
    (entrypoint,), (command,) = dockerfile("ENTRYPOINT"), dockerfile("CMD")
    assert json.loads(entrypoint) == ["frontdoor"]
    parse(json.loads(command))


def test_every_setting_exists_and_together_they_start_a_production_gateway(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    settings = import_module("gateway.settings").Settings
    prefix: str = settings.model_config["env_prefix"]
    environment = interpolate(OURS["gateway"]["environment"])
    for name, value in environment.items():
        assert name.removeprefix(prefix).lower() in settings.model_fields, name
        if value is not None:
            monkeypatch.setenv(name, value)
    assert settings().environment == "production"


@pytest.mark.parametrize("service", [name for name, service in OURS.items() if "ports" in service])
def test_a_service_listens_on_the_port_that_is_published_and_probed(service: str) -> None:
    listening = parse(OURS[service]["command"])["port"]
    published = [int(mapping.split(":")[-1]) for mapping in OURS[service]["ports"]]
    (probed,) = re.findall(r"http://127\.0\.0\.1:(\d+)/", " ".join(OURS[service]["healthcheck"]["test"]))
    assert published == [listening] == [int(probed)]


def test_whatever_else_is_set_in_the_file_of_settings_reaches_our_processes_and_not_the_emulator() -> None:
    assert {name: service["env_file"] for name, service in OURS.items()} == {
        "migrate": ".env",
        "gateway": ".env",
        "worker": ".env",
        "emulator": [],
    }


def test_the_worker_is_probed_by_the_file_that_it_touches(tmp_path: Path) -> None:
    worker = OURS["worker"]
    heartbeat = parse(worker["command"])["heartbeat"]
    assert any(str(heartbeat).startswith(f"{place}/") for place in worker["tmpfs"])
    kind, _, *script = worker["healthcheck"]["test"]
    assert (kind, script[0]) == ("CMD", "-c")
    beats = tmp_path / "worker"

    def probed() -> int:
        command = script[1].replace(str(heartbeat), str(beats))
        return subprocess.run([sys.executable, "-c", command], check=False, capture_output=True).returncode

    assert probed() == 1  # it has not found its database yet
    beats.touch()
    assert probed() == 0
    os.utime(beats, (time.time() - 300,) * 2)
    assert probed() == 1


def test_the_image_exposes_the_port_that_it_serves() -> None:
    (exposed,), (command,) = dockerfile("EXPOSE"), dockerfile("CMD")
    assert parse(json.loads(command))["port"] == int(exposed)


def test_addresses_name_services_of_the_file() -> None:
    environment = interpolate(OURS["gateway"]["environment"])
    for name in ("FRONTDOOR_DATABASE_URL", "FRONTDOOR_REDIS_URL"):
        assert urlsplit(environment[name]).hostname in SERVICES


def test_nothing_serves_before_the_migration_is_done() -> None:
    for name in ("gateway", "worker"):
        assert OURS[name]["depends_on"]["migrate"] == {"condition": "service_completed_successfully"}
    assert OURS["migrate"]["restart"] == "no"


def test_the_image_is_built_from_files_that_exist_and_holds_every_package() -> None:
    copied = [source for line in dockerfile("COPY") if "--from" not in line for source in line.split()[:-1]]
    assert [source for source in copied if not (ROOT / source).exists()] == []
    let_in = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    assert set(copied) == let_in
    assert {source.strip("/") for source in copied if source.endswith("/")} == {
        "booking",
        "gateway",
        "integrations",
        "resolvers",
        "schema",
    }


@pytest.mark.parametrize("service", ["gateway", "worker"])
def test_a_step_of_a_checkout_may_end_before_its_process_must(service: str) -> None:
    grace = timedelta(seconds=int(SERVICES[service]["stop_grace_period"].removesuffix("s")))
    assert STEP_BUDGET < grace < LEASE


def test_the_image_does_not_run_as_root() -> None:
    assert int(dockerfile("USER")[-1]) > 0
