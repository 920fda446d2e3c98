"""`audits`: those of the npm package graphql-http, installed in a directory of the run's own."""

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.plugins.missing_servers import no_server

AUDITS = Path(__file__).parents[1] / "audits"


@pytest.fixture(scope="session")
def audits(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The directory of `run.mjs` with its packages, as the lock file says."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        no_server("node and npm are not installed")
    directory = tmp_path_factory.mktemp("audits")
    for file in AUDITS.glob("*.*"):
        shutil.copy(file, directory)
    installed = subprocess.run(
        [npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"],
        cwd=directory,
        capture_output=True,
        text=True,
        check=False,
    )
    if installed.returncode != 0:
        no_server(f"npm cannot install the audits: {installed.stderr[-500:]}")
    return directory
