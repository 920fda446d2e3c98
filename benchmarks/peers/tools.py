"""What the comparison needs beyond this environment, made by the command: two C programs and npm's packages."""

import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parents[1]

# Ignored by git; kept from run to run.
BUILT = ROOT / ".bench"


class MissingTool(Exception):
    """A program that the comparison needs is not there."""


# The C programs, each of the sources that it is made of.
_SOURCES = {"upstream": ("upstream.c", "answers.c", "answers.h"), "load": ("load.c",)}


def compiled(name: str) -> Path:
    """The program of that name; compiled when a source is newer. Raises MissingTool."""
    sources, program = [HERE / one for one in _SOURCES[name]], BUILT / name
    if not program.exists() or program.stat().st_mtime < max(one.stat().st_mtime for one in sources):
        BUILT.mkdir(exist_ok=True)
        units = [str(one) for one in sources if one.suffix == ".c"]
        _run([_found("cc"), "-O2", "-Wall", "-Wextra", "-o", f"{program}.new", *units])
        Path(f"{program}.new").rename(program)  # at once: another run may be using the old one
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


def _found(program: str) -> str:
    path = shutil.which(program)
    if path is None:
        raise MissingTool(f"{program} is not installed")
    return path


def _run(command: Sequence[str], *, cwd: Path | None = None) -> None:
    subprocess.run(command, cwd=cwd, check=True)
