"""What all contenders of a run stand on: a practice, its system of record as a process, canned answers, PostgreSQL and Redis."""

import contextlib
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from benchmarks import servers
from benchmarks.peers import canned_answers, tools, upstream_files
from benchmarks.peers.practice import CLINICIANS, Practice
from benchmarks.peers.processes import started

# So far ahead that everything asked for is in the future, and outside any notice.
_AHEAD = timedelta(days=7)


@dataclass(frozen=True, kw_only=True)
class Stage:
    """The surroundings of one run."""

    practice: Practice
    upstream: str  # URL of the system of record
    answers: Path  # directory of canned answers
    directory: Path  # for logs
    postgresql: str  # URL of the server
    redis: str


@contextlib.contextmanager
def stage(*, clinicians: int = CLINICIANS) -> Iterator[Stage]:
    """Everything but the contenders; ends what it started on leaving."""
    with ExitStack() as exits:
        directory = Path(exits.enter_context(tempfile.TemporaryDirectory(prefix="frontdoor-bench-")))
        practice = Practice(first_day=(datetime.now(UTC) + _AHEAD).date(), clinicians=clinicians)
        upstream_files.write(practice, directory / "upstream")
        canned_answers.write(practice, directory / "answers")
        command = [str(tools.compiled("upstream")), "{port}", str(directory / "upstream")]
        upstream = exits.enter_context(started("upstream", command, directory=directory))
        yield Stage(
            practice=practice,
            upstream=f"http://127.0.0.1:{upstream.port}",
            answers=directory / "answers",
            directory=directory,
            postgresql=servers.postgresql(exits),
            redis=servers.redis(exits),
        )
