"""A revision of this project as a checkout of its own, with its own environment: to compare today with what was."""

import os
import subprocess
from pathlib import Path

from benchmarks.peers.tools import BUILT, ROOT


def checkout(revision: str) -> Path:
    """The directory of that revision, made when it is not there yet; kept from run to run."""
    commit = _git("rev-parse", "--short=12", f"{revision}^{{commit}}").decode().strip()
    place = BUILT / "revisions" / commit
    if not place.exists():
        place.mkdir(parents=True)
        subprocess.run(["tar", "-x", "-C", str(place)], input=_git("archive", commit), check=True)  # noqa: S607
    path = f"{ROOT / '.tools' / 'bin'}{os.pathsep}{os.environ['PATH']}"  # uv is taken from here
    subprocess.run(
        [str(place / "tools" / "environment.sh")],
        env={**os.environ, "PATH": path, "UV_NO_CONFIG": "1"},
        check=True,
    )
    return place


def _git(*command: str) -> bytes:
    return subprocess.run(["git", "-C", str(ROOT), *command], stdout=subprocess.PIPE, check=True).stdout  # noqa: S607
