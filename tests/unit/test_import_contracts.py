"""The import contracts name every folder and every dependency that they are about: one that is added needs a place in them."""

import re
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
CONTRACTS: dict[str, Any] = {one["name"]: one for one in PROJECT["tool"]["importlinter"]["contracts"]}

# What the domain may import: log events, the table of currencies, and data that nobody imports.
ALLOWED = {"structlog", "iso4217", "tzdata"}

# Values and ports beside the folders of the domain, in folders of their own for their length only.
SPLIT_MODULES = {"booking.refusals"}


def folders(package: str) -> set[str]:
    return {f"{package}.{path.parent.name}" for path in (ROOT / package).glob("*/__init__.py")}


def test_the_domain_imports_no_dependency_but_these() -> None:
    distributions = {re.split(r"[\[><=]", one)[0] for one in PROJECT["project"]["dependencies"]}
    modules = {
        module
        for module, sources in packages_distributions().items()
        if distributions & {one.lower().replace("_", "-") for one in sources}
    }
    forbidden = set(CONTRACTS["The domain is pure"]["forbidden_modules"])
    assert forbidden == {one for one in modules if not one.startswith("_")} - ALLOWED


def test_each_folder_of_the_domain_has_a_contract_and_no_two_may_import_each_other() -> None:
    forbidden = {
        contract["source_modules"][0]: set(contract["forbidden_modules"])
        for contract in CONTRACTS.values()
        if contract["type"] == "forbidden" and contract["source_modules"][0] in folders("booking")
    }
    assert forbidden.keys() == folders("booking") - SPLIT_MODULES
    pairs = [(one, other) for one in forbidden for other in forbidden if one < other]
    assert not [
        (one, other) for one, other in pairs if other not in forbidden[one] and one not in forbidden[other]
    ]


def test_each_adapter_is_named_wherever_adapters_are() -> None:
    modules = {"integrations.anchors"}  # the one adapter that is a module
    adapters = folders("integrations") - {"integrations.upstream", "integrations.healthie_emulator"} | modules
    others = adapters - {"integrations.healthie"}
    assert set(CONTRACTS["Adapters do not know one another"]["modules"]) == adapters
    alone = CONTRACTS["Upstream is for systems of record: no other adapter stands on it"]
    assert set(alone["source_modules"]) == others
    neutral = CONTRACTS["What serves any system of record knows none: upstream imports no other adapter"]
    assert set(neutral["forbidden_modules"]) == adapters
    guarded = CONTRACTS["Stripe's SDK is used behind our guard only"]
    assert adapters - {"integrations.stripe"} <= set(guarded["source_modules"])
    emulated = CONTRACTS["The emulator is an independent program: nobody imports it"]
    assert adapters <= set(emulated["source_modules"])
    independent = CONTRACTS["The emulator is an independent program: it imports none of us"]
    assert adapters <= set(independent["forbidden_modules"])
