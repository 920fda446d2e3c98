"""Fixtures of tests of the command line."""

import shutil
from pathlib import Path

import pytest

from tests.integration.commands import SETTINGS


@pytest.fixture
def operators_url(migrated_sqlite: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The address of a migrated database with nothing in it, which the settings in the environment name too."""
    path = shutil.copyfile(migrated_sqlite, tmp_path / "frontdoor.sqlite3")
    url = f"sqlite:///{path}"
    for name, value in {**SETTINGS, "DATABASE_URL": url}.items():
        monkeypatch.setenv(f"FRONTDOOR_{name}", value)
    return url
