"""A wheel that is built from this checkout carries every file of ours, and nothing else."""

import subprocess
import sys
import tomllib
from pathlib import Path
from zipfile import ZipFile

import pytest

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
PACKAGES: list[str] = PROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    """Answer the names of the files in a wheel built from this checkout."""
    target = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(target)]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True)
    (built,) = target.glob("*.whl")
    with ZipFile(built) as archive:
        return set(archive.namelist())


@pytest.mark.parametrize("package", PACKAGES)
def test_the_wheel_carries_every_file_of_a_package(package: str, wheel: set[str]) -> None:
    files = {
        path for path in (ROOT / package).rglob("*") if path.is_file() and "__pycache__" not in path.parts
    }
    assert {path.relative_to(ROOT).as_posix() for path in files} <= wheel


@pytest.mark.parametrize(
    "name",
    [
        "integrations/healthie/contract.graphql",
        "integrations/healthie/rehearsal/documents.graphql",
        "integrations/database/migrations/env.py",
        "schema/schema.graphql",
    ],
)
def test_the_wheel_carries_what_is_read_at_run_time(name: str, wheel: set[str]) -> None:
    assert name in wheel


def test_the_wheel_carries_nothing_besides_the_packages(wheel: set[str]) -> None:
    assert {name.split("/")[0] for name in wheel} == {
        *PACKAGES,
        f"frontdoor-{PROJECT['project']['version']}.dist-info",
    }
