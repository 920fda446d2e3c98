"""Run all checks of CI: ``python -m tools.check [--without STAGE] [--only STAGE]``.

Prints the stages before it begins, and the time of each at the end. All stages run even when one fails, so that one run shows every
failure; the exit code is 0 only if all passed.
"""

import subprocess
import sys
import time
from argparse import ArgumentParser
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Stage:
    """One check: its name and its command."""

    name: str
    command: tuple[str, ...]


def module(name: str, *arguments: str) -> tuple[str, ...]:
    """The command that runs a module with this interpreter. A script's shebang would hold a path that breaks when the checkout is moved."""
    return (sys.executable, "-m", name, *arguments)


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """Whether a stage passed, and its wall time in seconds."""

    stage: Stage
    passed: bool
    seconds: float


LINT_IMPORTS = "import sys; from importlinter.cli import lint_imports_command as main; sys.exit(main())"

STAGES = (
    Stage(name="lint", command=module("ruff", "check", "--quiet")),
    Stage(name="format", command=module("ruff", "format", "--check", "--quiet")),
    Stage(name="layers", command=(sys.executable, "-c", LINT_IMPORTS)),
    Stage(name="generated client", command=module("tools.generate_client", "--check")),
    Stage(name="types", command=module("mypy")),
    Stage(
        name="tests",
        command=module(
            "pytest",
            "-n",
            "auto",
            "--dist",
            "worksteal",
            "-m",
            "not full",
        ),
    ),
)


def run(stage: Stage, position: str) -> Outcome:
    """Run one stage and pass its output through; `position` is its number among all."""
    print(f"\n== {position} {stage.name}", flush=True)
    started = time.monotonic()
    finished = subprocess.run(stage.command, check=False)
    return Outcome(stage=stage, passed=finished.returncode == 0, seconds=time.monotonic() - started)


def summary(outcomes: list[Outcome]) -> str:
    """The closing table: the result and wall time of each stage. Stages run one after the other."""
    rows = [f"{'ok' if o.passed else 'FAILED':<8}{o.seconds:7.1f} s  {o.stage.name}" for o in outcomes]
    total = sum(o.seconds for o in outcomes)
    return "\n".join(["", *rows, f"{'':<8}{total:7.1f} s  in all"])


def main() -> int:
    """Run the stages and return the exit code."""
    parser = ArgumentParser(description=__doc__)
    names = [stage.name for stage in STAGES]
    parser.add_argument("--without", action="append", default=[], choices=names)
    parser.add_argument("--only", action="append", default=[], choices=names)
    asked = parser.parse_args()
    wanted = set(asked.only or names) - set(asked.without)
    stages = [stage for stage in STAGES if stage.name in wanted]
    print(f"{len(stages)} stages: {', '.join(stage.name for stage in stages)}", flush=True)
    outcomes = [run(stage, f"{number}/{len(stages)}") for number, stage in enumerate(stages, 1)]
    print(summary(outcomes), flush=True)
    return 0 if all(o.passed for o in outcomes) else 1


if __name__ == "__main__":
    sys.exit(main())
