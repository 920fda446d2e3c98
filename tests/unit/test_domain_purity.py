"""The contract that keeps the domain pure names every dependency but the few that it may use."""

import re
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

# Log events, the table of currencies, and data that nobody imports.
ALLOWED = {"structlog", "iso4217", "tzdata"}

PROJECT = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text(encoding="utf-8"))


def test_the_domain_imports_no_dependency_but_these() -> None:
    distributions = {re.split(r"[\[><=]", one)[0] for one in PROJECT["project"]["dependencies"]}
    modules = {
        module
        for module, sources in packages_distributions().items()
        if distributions & {one.lower().replace("_", "-") for one in sources}
    }
    contracts = PROJECT["tool"]["importlinter"]["contracts"]
    (pure,) = [one for one in contracts if one["name"] == "The domain is pure"]
    assert set(pure["forbidden_modules"]) == {one for one in modules if not one.startswith("_")} - ALLOWED
