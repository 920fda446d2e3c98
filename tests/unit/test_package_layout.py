"""What is installed under our names is ours, and tests take nothing from one another: what they share stands in doubles."""

import ast
import tomllib
from collections.abc import Iterator
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
PACKAGES: list[str] = PROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]
# Whatever may import tests: the tests themselves, and the programs beside them that measure and check.
IMPORTERS = ("tests", "benchmarks", "tools", "examples")


def imported(source: str) -> Iterator[str]:
    """The full name of every module, or name in a module, that this source imports, wherever it stands."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (each.name for each in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "a relative import"
            yield from (f"{node.module}.{each.name}" for each in node.names)


def borrowed(importer: Path, name: str) -> bool:
    """Whether a name comes out of a test module, or out of the unit tests into something else."""
    package, *rest = name.split(".")
    if package != "tests" or not rest:
        return False
    from_unit = rest[0] == "unit" and not importer.is_relative_to("tests/unit")
    return from_unit or any(part.startswith("test_") for part in rest)


@pytest.mark.parametrize("name", [*PACKAGES, "tests", "tools"])
def test_no_other_distribution_installs_a_package_of_our_name(name: str) -> None:
    assert set(packages_distributions().get(name, [])) <= {"frontdoor"}


def test_what_tests_share_is_not_taken_from_tests() -> None:
    files = [path.relative_to(ROOT) for each in IMPORTERS for path in (ROOT / each).rglob("*.py")]
    found = [
        (path.as_posix(), name)
        for path in files
        for name in imported((ROOT / path).read_text())
        if borrowed(path, name)
    ]
    assert found == []
    assert Path("benchmarks/saga.py") in files


@pytest.mark.parametrize(
    ("importer", "source", "is_borrowed"),
    [
        ("tests/unit/test_a.py", "from tests.unit.test_b import CARD", True),
        ("tests/unit/test_a.py", "from tests.unit import test_b", True),
        ("benchmarks/a.py", "def late():\n    import tests.integration.test_b", True),
        ("tests/integration/test_a.py", "from tests.unit.samples import CARD", True),
        ("tests/integration/test_a.py", "from tests.unit import samples", True),
        ("tests/unit/test_a.py", "from tests.unit.samples import CARD", False),
        ("tests/integration/test_a.py", "from tests.doubles.samples import CARD", False),
        ("tests/integration/test_a.py", "from unittest.mock import test_b", False),
    ],
)
def test_an_import_out_of_a_test_is_seen(importer: str, source: str, *, is_borrowed: bool) -> None:
    assert [borrowed(Path(importer), name) for name in imported(source)] == [is_borrowed]
