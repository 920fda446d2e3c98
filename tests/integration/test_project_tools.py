"""The commands that work on the project: every check is run and reported, and no setting of the shell's gets in."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tools import check

ROOT = Path(__file__).parents[2]


def stage(name: str, *, passes: bool) -> check.Stage:
    return check.Stage(name=name, command=(sys.executable, "-c", "" if passes else "raise SystemExit(2)"))


class TestCheck:
    def test_goes_on_after_a_failure_and_says_at_the_end_what_failed(
        self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        monkeypatch.setattr(check, "STAGES", (stage("first", passes=False), stage("second", passes=True)))
        monkeypatch.setattr(sys, "argv", ["check"])
        assert check.main() == 1
        rows = [line.split() for line in capsys.readouterr().out.splitlines()]
        assert ["FAILED", "first"] in [[row[0], row[-1]] for row in rows if row]
        assert ["ok", "second"] in [[row[0], row[-1]] for row in rows if row]

    def test_a_stage_that_is_left_out_does_not_run(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(check, "STAGES", (stage("first", passes=False), stage("second", passes=True)))
        monkeypatch.setattr(sys, "argv", ["check", "--without", "first"])
        assert check.main() == 0

    def test_one_stage_runs_alone(
        self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        monkeypatch.setattr(check, "STAGES", (stage("first", passes=False), stage("second", passes=True)))
        monkeypatch.setattr(sys, "argv", ["check", "--only", "second"])
        assert check.main() == 0
        assert "first" not in capsys.readouterr().out

    def test_says_before_it_begins_which_stages_there_are(
        self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        monkeypatch.setattr(check, "STAGES", (stage("first", passes=True), stage("second", passes=True)))
        monkeypatch.setattr(sys, "argv", ["check"])
        assert check.main() == 0
        assert capsys.readouterr().out.splitlines()[0] == "2 stages: first, second"


def test_settings_of_the_shell_do_not_reach_the_tests() -> None:
    program = (
        "import os, tests.conftest; print([name for name in os.environ if name.startswith('FRONTDOOR_')])"
    )
    others = {name: value for name, value in os.environ.items() if not name.startswith("FRONTDOOR_")}
    shell = {**others, "FRONTDOOR_HEALTHIE_KEYS": "{}", "FRONTDOOR_TEST_REDIS_URL": "redis://localhost"}
    finished = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, env=shell, capture_output=True, text=True, check=True
    )
    assert finished.stdout.strip() == "['FRONTDOOR_TEST_REDIS_URL']"
