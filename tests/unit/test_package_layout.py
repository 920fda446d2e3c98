"""What is installed under our names is ours and whole, and the files speak of this project only."""

import subprocess
import sys
import tomllib
from fnmatch import fnmatch
from importlib.metadata import packages_distributions
from pathlib import Path
from zipfile import ZipFile

import pytest

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
PACKAGES: list[str] = PROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]

# Words of the place where somebody works on this project, put together here so that this file is free of them too.
FOREIGN_WORDS = ("/wo" + "rk/", "../sha" + "red", ".libr" + "ary")
# The one lookup of a file that may or may not lie beside a checkout: the test skips where it does not.
MAY_LOOK_OUTSIDE = "tests/*/test_*contract*.py"


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    """Answer the names of the files in a wheel built from this checkout."""
    target = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(target)]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True)
    (built,) = target.glob("*.whl")
    with ZipFile(built) as archive:
        return set(archive.namelist())


@pytest.mark.parametrize("name", [*PACKAGES, "tests", "tools"])
def test_no_other_distribution_installs_a_package_of_our_name(name: str) -> None:
    assert set(packages_distributions().get(name, [])) <= {"frontdoor"}


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


def test_the_project_speaks_of_itself_only() -> None:
    listing = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, check=False, capture_output=True, text=True)
    if listing.returncode != 0:
        pytest.skip("not a git checkout")
    names = [name for name in listing.stdout.split("\0") if name and not fnmatch(name, MAY_LOOK_OUTSIDE)]
    texts = {name: (ROOT / name).read_bytes() for name in names if (ROOT / name).is_file()}
    spoken = [(name, word) for name, text in texts.items() for word in FOREIGN_WORDS if word.encode() in text]
    assert spoken == []
