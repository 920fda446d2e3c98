"""What the comparison needs beyond this environment, made by the command: two C programs, npm's packages, the peers' Python."""

import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parents[1]

# Ignored by git; kept from run to run.
BUILT = HERE / ".built"


class MissingTool(Exception):
    """A program that the comparison needs is not there."""


def compiled(name: str) -> Path:
    """The program made of `NAME.c`; compiled when the source is newer. Raises MissingTool."""
    source, program = HERE / f"{name}.c", BUILT / name
    if not program.exists() or program.stat().st_mtime < source.stat().st_mtime:
        BUILT.mkdir(exist_ok=True)
        _run([_found("cc"), "-O2", "-Wall", "-Wextra", "-o", str(program), str(source)])
    return program


def node_server() -> list[str]:
    """The command of the peer on node, with its packages installed as the lock file says. Raises MissingTool."""
    source, place = HERE / "mercurius", BUILT / "mercurius"
    lock, installed = source / "package-lock.json", place / "node_modules" / ".package-lock.json"
    place.mkdir(parents=True, exist_ok=True)
    for file in source.glob("*.*"):
        shutil.copy(file, place)
    if not installed.exists() or installed.stat().st_mtime < lock.stat().st_mtime:
        quiet = ("--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error")
        _run([_found("npm"), "ci", *quiet], cwd=place)
    return [_found("node"), str(place / "server.mjs")]


def peers_python() -> Path:
    """The Python of the peers: this project's environment with uvloop and aiohttp beside it. Raises MissingTool.

    Apart from .venv, because uvicorn takes uvloop where it finds it, and the gateway is measured as it is installed.
    """
    place, lock = BUILT / "python", ROOT / "uv.lock"
    stamp = place / ".made"
    if not stamp.exists() or stamp.stat().st_mtime < lock.stat().st_mtime:
        uv = ROOT / ".tools" / "bin" / "uv"
        sync = [
            str(uv) if uv.exists() else _found("uv"),
            "sync",
            "--locked",
            "--quiet",
            "--no-install-project",
        ]
        groups = ["--no-dev", "--group", "bench"]
        _run(
            [*sync, *groups],
            cwd=ROOT,
            environment={"UV_PROJECT_ENVIRONMENT": str(place), "UV_NO_CONFIG": "1"},
        )
        stamp.touch()
    return place / "bin" / "python"


def _found(program: str) -> str:
    path = shutil.which(program)
    if path is None:
        raise MissingTool(f"{program} is not installed")
    return path


def _run(
    command: Sequence[str], *, cwd: Path | None = None, environment: Mapping[str, str] | None = None
) -> None:
    subprocess.run(command, cwd=cwd, env={**os.environ, **(environment or {})}, check=True)
