"""`frontdoor audit …` on a database of its own: what it finds, what it tells, and that looking is recorded."""

import asyncio
import getpass
import json
import sqlite3
from collections.abc import Sequence
from pathlib import Path

import pytest
from pydantic import SecretStr
from structlog.testing import capture_logs

from booking.audit.chain import AuditKey
from gateway.clock import SystemClock
from gateway.runtime.audit import Anchoring, anchor_sinks, audit_keys
from gateway.settings import Settings
from integrations.anchors import anchors_in
from integrations.database.audit import SqlAuditTrail
from integrations.database.engine import connect_database
from integrations.database.migrations import migrate
from tests.doubles.audit_samples import an_entry
from tests.integration.commands import SECRET, frontdoor

NEXT = "another-secret-of-the-tests-" * 2


@pytest.fixture
def database(operators_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("FRONTDOOR_AUDIT_ANCHOR_FILE", str(tmp_path / "anchors.jsonl"))
    fill(range(1, 10))
    return Path(operators_url.removeprefix("sqlite:///"))


def fill(numbers: Sequence[int]) -> None:
    """Add records as the running program would."""

    async def write() -> None:
        settings = Settings()
        engine = connect_database(settings.database_url)
        trail = SqlAuditTrail(engine=engine, key=audit_keys(settings)[0])
        for number in numbers:
            trail.later(an_entry(number))
        await trail.aclose()
        await engine.dispose()

    asyncio.run(write())


def tamper(database: Path, *statements: str) -> None:
    with sqlite3.connect(database) as connection:
        for trigger in ("no_update", "no_delete", "no_replace"):
            connection.execute(f"DROP TRIGGER IF EXISTS audit_records_{trigger}")
        for statement in statements:
            connection.execute(statement)
    connection.close()


class TestVerify:
    def test_a_sound_chain_is_said_to_be(self, database: Path) -> None:
        told = frontdoor("audit", "verify")
        assert told.exit_code == 0
        assert "9 records, 1 to 9" in told.output
        assert "1 attempts without an answer (under way, or their process died): 9" in told.output
        assert "9 later records could be cut off unseen" in told.output
        assert "There is no" in told.output  # file of anchors: none was taken yet, or it was taken away
        assert told.output.endswith("Sound.\n")

    def test_anchors_that_cannot_be_read_are_said_not_to_be(self, database: Path, tmp_path: Path) -> None:
        (tmp_path / "anchors.jsonl").mkdir()
        told = frontdoor("audit", "verify")
        assert (told.exit_code, "anchors.jsonl" in told.output) == (1, True)
        assert isinstance(told.exception, SystemExit)

    def test_the_first_bad_record_is_named_and_the_exit_code_says_it(self, database: Path) -> None:
        tamper(database, "UPDATE audit_records SET checkout_id = 'other' WHERE sequence IN (4, 7)")
        told = frontdoor("audit", "verify")
        assert told.exit_code == 1
        assert "NOT SOUND: 2 faults, the first at record 4." in told.output

    def test_machines_read_it_as_json(self, database: Path) -> None:
        tamper(database, "DELETE FROM audit_records WHERE sequence = 3")
        told = frontdoor("audit", "verify", "--json")
        report = json.loads(told.output)
        assert told.exit_code == 1
        assert (report["sound"], report["first_bad"], report["records"]) == (False, 3, 8)
        assert report["shown"][0]["kind"] == "missing"

    def test_an_end_that_was_cut_off_is_found_back_to_the_last_anchor(self, database: Path) -> None:
        assert json.loads(frontdoor("audit", "anchor").output)["sequence"] == 9
        fill([10, 11])
        assert "2 later records could be cut off unseen" in frontdoor("audit", "verify").output
        tamper(database, "DELETE FROM audit_records WHERE sequence > 9")
        assert frontdoor("audit", "verify").exit_code == 0
        tamper(database, "DELETE FROM audit_records WHERE sequence > 8")
        told = frontdoor("audit", "verify")
        assert (told.exit_code, "record 9: cut_off" in told.output) == (1, True)
        tamper(database, "DELETE FROM audit_records")
        assert frontdoor("audit", "verify").exit_code == 1

    def test_anchors_are_taken_from_the_file_that_is_named(self, database: Path, tmp_path: Path) -> None:
        log = tmp_path / "log.jsonl"
        log.write_text(
            '{"event": "worker.started"}\nno json\n{"event": "other", "sequence": 99, "mac": "x"}\n'
            '{"event": "audit.anchored", "sequence": 99, "mac": "ff", "at": "2026-03-02"}\n'
        )
        told = frontdoor("audit", "verify", "--anchors", str(log))
        assert (told.exit_code, "1 anchors" in told.output) == (1, True)
        assert frontdoor("audit", "verify", "--anchors", str(tmp_path / "none")).exit_code == 2


class TestKeys:
    def test_a_former_secret_verifies_what_it_signed(
        self, database: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("FRONTDOOR_SECRET_KEY", NEXT)
        told = frontdoor("audit", "verify")
        assert (told.exit_code, "unknown_key" in told.output) == (1, True)
        monkeypatch.setenv("FRONTDOOR_AUDIT_KEYS", json.dumps([NEXT, SECRET]))
        fill([10, 11])
        told = frontdoor("audit", "verify")
        assert told.exit_code == 0
        assert told.output.count("\nkey ") == 2

    def test_a_key_of_its_own_signs_from_when_it_is_set(
        self, database: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        before = audit_keys(Settings())[0].id
        monkeypatch.setenv("FRONTDOOR_AUDIT_KEYS", json.dumps([NEXT]))
        fill([10])
        assert audit_keys(Settings())[0].id != before
        assert frontdoor("audit", "verify").exit_code == 0

    def test_one_that_could_be_guessed_is_refused(
        self, database: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("FRONTDOOR_AUDIT_KEYS", '["short"]')
        told = frontdoor("audit", "verify")
        assert told.exit_code == 1
        assert "FRONTDOOR_AUDIT_KEYS" in told.output
        assert "short" not in told.output.replace("FRONTDOOR", "")


class TestShow:
    def test_the_calls_of_one_checkout_are_told_and_who_looked_is_recorded(self, database: Path) -> None:
        assert "command" not in frontdoor("audit", "show", "--checkout", "checkout_1").output
        told = frontdoor("audit", "show", "--checkout", "checkout_1").output
        assert [line.split()[0] for line in told.splitlines()] == ["3", "4", "9", "10"]
        assert (
            "attempted  mutation  Charge  by patient:1001  as clinician-1, key 0123abcd, try 1  patient 1001"
            in told
        )
        assert "ok, HTTP 200, 12 ms  request req-4  request up-4" in told
        assert f"accessed   command  audit show  by operator {getpass.getuser()}" in told
        assert frontdoor("audit", "verify").exit_code == 0

    def test_a_checkout_that_the_trail_does_not_know_is_said(self, database: Path) -> None:
        assert frontdoor("audit", "show", "--checkout", "chk_missing").exit_code == 1

    def test_what_was_made_unreadable_does_not_hide_the_rest(self, database: Path) -> None:
        tamper(database, "UPDATE audit_records SET record = 'x' WHERE sequence = 3")
        told = frontdoor("audit", "show", "--checkout", "checkout_1")
        assert told.exit_code == 0
        assert told.output.count("run `frontdoor audit verify`") == 1
        assert len(told.output.splitlines()) == 3

    def test_who_cannot_be_recorded_sees_nothing(self, database: Path) -> None:
        with sqlite3.connect(database) as connection:
            connection.execute(
                "CREATE TRIGGER full BEFORE INSERT ON audit_records BEGIN SELECT RAISE(ABORT, 'full'); END"
            )
        connection.close()
        for command in (("show", "--checkout", "checkout_1"), ("export",)):
            told = frontdoor("audit", *command)
            assert told.exit_code == 1
            assert "cannot be recorded" in told.output
            assert "Charge" not in told.output

    def test_an_operator_whom_the_machine_has_no_name_for_is_told_by_number(
        self, database: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        for name in ("LOGNAME", "USER", "LNAME", "USERNAME"):
            monkeypatch.delenv(name, raising=False)
        monkeypatch.setattr("os.getuid", lambda: 4_294_000_000)
        assert frontdoor("audit", "show", "--checkout", "checkout_1").exit_code == 0
        assert "by operator uid-4294000000" in frontdoor("audit", "show", "--checkout", "checkout_1").output


class TestExport:
    def test_it_is_verified_without_the_database(self, database: Path, tmp_path: Path) -> None:
        frontdoor("audit", "anchor")
        whole = frontdoor("audit", "export").stdout
        assert len(whole.splitlines()) == 10  # with its own record
        assert json.loads(whole.splitlines()[0])["record"]["operation"] == "Charge"
        file = tmp_path / "export.jsonl"
        file.write_text(whole)
        tamper(database, "DROP TABLE audit_records")
        told = frontdoor("audit", "verify", "--export", str(file))
        assert (told.exit_code, "10 records, 1 to 10" in told.output) == (0, True)
        file.write_text(whole.replace('"amount_paid":"string"', '"amount_paid":"number"', 1))
        told = frontdoor("audit", "verify", "--export", str(file))
        assert (told.exit_code, "the first at record 1." in told.output) == (1, True)
        file.write_text(
            "".join(line for line in whole.splitlines(keepends=True) if '"sequence":5,' not in line)
        )
        assert "record 5: missing" in frontdoor("audit", "verify", "--export", str(file)).output

    def test_a_part_is_sound_by_itself(self, database: Path, tmp_path: Path) -> None:
        frontdoor("audit", "anchor")
        part = frontdoor(
            "audit", "export", "--since", "2026-03-02T12:00:03", "--until", "2026-03-02T12:00:07"
        ).stdout
        assert [json.loads(line)["sequence"] for line in part.splitlines()] == [3, 4, 5, 6]
        file = tmp_path / "part.jsonl"
        file.write_text(part)
        assert frontdoor("audit", "verify", "--export", str(file)).exit_code == 0

    def test_what_was_tampered_with_is_exported_as_it_is_and_found(
        self, database: Path, tmp_path: Path
    ) -> None:
        tamper(
            database,
            "UPDATE audit_records SET record = ' ' || record WHERE sequence = 2",
            "UPDATE audit_records SET record = 'x' WHERE sequence = 4",
        )
        file = tmp_path / "export.jsonl"
        file.write_text(frontdoor("audit", "export").stdout)
        told = frontdoor("audit", "verify", "--export", str(file), "--json")
        assert [fault["sequence"] for fault in json.loads(told.output)["shown"]] == [2, 4]

    def test_text_that_nobody_can_write_in_utf_8_is_found_to_be_forged(
        self, database: Path, tmp_path: Path
    ) -> None:
        file = tmp_path / "export.jsonl"
        first = json.loads(frontdoor("audit", "export").stdout.splitlines()[0])
        first["record"] = f'{{"key":"{first["record"]["key"]}","forged":"\ud800"}}'
        file.write_text(json.dumps(first))
        told = frontdoor("audit", "verify", "--export", str(file))
        assert (told.exit_code, "record 1: altered" in told.output) == (1, True)

    @pytest.mark.parametrize(
        "line",
        [
            "no json",
            "[]",
            "{}",
            '{"sequence":"1","previous":"","mac":"","record":{}}',
            '{"sequence":1,"previous":"","mac":"","record":{"at":NaN}}',
            "[" * 100_000,
        ],
        ids=str.__len__,
    )
    def test_what_is_no_export_is_said(self, database: Path, tmp_path: Path, line: str) -> None:
        file = tmp_path / "other.txt"
        file.write_text(line)
        told = frontdoor("audit", "verify", "--export", str(file))
        assert told.exit_code == 1
        assert "line of the export" in told.output


class TestAnchors:
    async def test_one_is_kept_in_the_log_and_the_file_when_the_chain_has_grown(self, tmp_path: Path) -> None:
        url, file = f"sqlite:///{tmp_path / 'frontdoor.sqlite3'}", tmp_path / "anchors.jsonl"
        settings = Settings.model_construct(audit_anchor_file=file, audit_keys=(SecretStr(SECRET),))
        await migrate(url)
        engine = connect_database(url)
        trail = SqlAuditTrail(engine=engine, key=AuditKey(b"synthetic"))
        anchoring = Anchoring(trail=trail, sinks=anchor_sinks(settings), clock=SystemClock())
        with capture_logs() as logs:
            for number in (1, 2):
                await trail.record(an_entry(number))
                taken = await anchoring.take()
                assert await anchoring.take() == taken
            trail.later(an_entry(3))
            await anchoring.close()
        await engine.dispose()
        kept = [anchor.sequence for anchor in anchors_in(file)]
        assert kept == [log["sequence"] for log in logs if log["event"] == "audit.anchored"] == [1, 2, 3]

    async def test_a_database_that_is_gone_keeps_nobody_from_ending(self) -> None:
        engine = connect_database("postgresql://nobody@127.0.0.1:1/nothing")
        trail = SqlAuditTrail(engine=engine, key=AuditKey(b"synthetic"))
        with capture_logs() as logs:
            await Anchoring(trail=trail, sinks=(), clock=SystemClock()).close()
        assert [log["event"] for log in logs if log["event"].startswith("audit.")] == ["audit.not_anchored"]
        await engine.dispose()
