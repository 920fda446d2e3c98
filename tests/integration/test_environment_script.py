"""``make env`` on machines that lack something, without asking any package index."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TOOLS = ("dirname", "cat", "rm", "ln", "mkdir")
REAL_PYTHON = f'#!/bin/sh\nexec {sys.executable} "$@"\n'
OLD_PYTHON = "#!/bin/sh\nexit 1\n"  # what the version check answers
RECORDING_UV = '#!/bin/sh\necho "$@" >>uv-was-asked\nmkdir -p .venv/bin\nln -sf /bin/true .venv/bin/python\n'


class Machine:
    """A checkout, and a PATH with nothing on it but what the test puts there."""

    def __init__(self, directory: Path) -> None:
        self.programs, self.checkout = directory / "bin", directory / "checkout"
        self.programs.mkdir()
        (self.checkout / "tools").mkdir(parents=True)
        shutil.copy(ROOT / "tools" / "environment.sh", self.checkout / "tools")
        for name in ("pyproject.toml", "uv.lock"):
            (self.checkout / name).touch()
            os.utime(self.checkout / name, (0, 0))
        for tool in TOOLS:
            (self.programs / tool).symlink_to(shutil.which(tool) or "")

    def install(self, name: str, script: str) -> None:
        (self.programs / name).write_text(script)
        (self.programs / name).chmod(0o755)

    def make_environment(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        command = ["/bin/sh", "tools/environment.sh", *arguments]
        environment = {"PATH": str(self.programs)}
        return subprocess.run(
            command, cwd=self.checkout, env=environment, capture_output=True, text=True, check=False
        )

    @property
    def uv_was_asked(self) -> list[str]:
        record = self.checkout / "uv-was-asked"
        asked = record.read_text().splitlines() if record.exists() else []
        return [line for line in asked if line != "--version"]


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def test_without_a_new_enough_python_it_says_what_to_do(machine: Machine) -> None:
    machine.install("python3", OLD_PYTHON)
    finished = machine.make_environment()
    assert finished.returncode == 1
    assert "no Python 3.11 or newer" in finished.stderr


def test_an_old_python_that_is_asked_for_by_name_is_refused_and_no_other_taken(machine: Machine) -> None:
    machine.install("python3", REAL_PYTHON)
    machine.install("python-old", OLD_PYTHON)
    finished = machine.make_environment("python-old")
    assert finished.returncode == 1
    assert "python-old is not Python 3.11 or newer" in finished.stderr


def test_a_newer_python_is_found_behind_an_old_python3(machine: Machine) -> None:
    machine.install("python3", OLD_PYTHON)
    machine.install("python3.12", REAL_PYTHON)
    machine.install("uv", RECORDING_UV)
    assert machine.make_environment().returncode == 0
    (asked,) = machine.uv_was_asked
    assert asked.startswith("sync --locked")
    assert "--python-preference only-system" in asked


def test_nothing_is_done_again_until_the_lock_changes(machine: Machine) -> None:
    machine.install("python3", REAL_PYTHON)
    machine.install("uv", RECORDING_UV)
    machine.make_environment()
    machine.make_environment()
    assert len(machine.uv_was_asked) == 1
    os.utime(machine.checkout / "uv.lock", (2**32, 2**32))
    machine.make_environment()
    assert len(machine.uv_was_asked) == 2


def test_a_checkout_that_moved_gets_a_new_environment(machine: Machine) -> None:
    machine.install("python3", REAL_PYTHON)
    machine.install("uv", RECORDING_UV)
    machine.make_environment()
    old_script = machine.checkout / ".venv" / "bin" / "frontdoor"
    old_script.touch()
    machine.checkout = machine.checkout.rename(machine.checkout.with_name("moved"))
    machine.make_environment()
    assert len(machine.uv_was_asked) == 2
    assert not (machine.checkout / ".venv" / "bin" / "frontdoor").exists()
