"""Measures contenders in interleaved rounds: in each round every contender is asked every case once, in a random order."""

import json
import random
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from benchmarks.peers import tools
from benchmarks.peers.contenders import Contender
from benchmarks.peers.practice import Practice
from benchmarks.peers.questions import Case, Question, framed

# Unmeasured, before the rounds: a contender's compiler and caches have seen the case for so long, in seconds of its own processor time, or
# for so many times a second.
_WARM_CPU_SECONDS = 2.0
_WARM_TIMES = 10


# A machine that is busy with other things lets a request wait until the gateway gives it up.
_AGAIN_AFTER_SECONDS = (5.0, 20.0)


class NotAnswered(Exception):
    """A contender's answer was an error; the text has its end."""


@dataclass(frozen=True, kw_only=True)
class Sample:
    """One contender asked one case in one round."""

    cpu: float  # milliseconds of the server's processor time for a request
    rate: float  # requests a second
    milliseconds: tuple[float, float, float]  # a request's latency: median, 90th and 99th percentile
    bytes: int  # of an answer, with its head
    answers: int


class Loader:
    """Asks one case; every further time it goes on with the questions where it stopped, so that none is asked again soon."""

    def __init__(self, case: Case, practice: Practice) -> None:
        self._case = case
        self._questions: Sequence[Question] = case.questions(practice)
        self._next: dict[str, int] = {}

    def ask(self, contender: Contender, seconds: float) -> Sample:
        """Ask for so long, again when an answer was not good. Raises NotAnswered when that happens every time."""
        for wait in _AGAIN_AFTER_SECONDS:
            try:
                return self._ask(contender, seconds)
            except NotAnswered as error:
                print(f"{error}; again in {wait:.0f} s", file=sys.stderr, flush=True)
                time.sleep(wait)
        return self._ask(contender, seconds)

    def _ask(self, contender: Contender, seconds: float) -> Sample:
        first = self._next.get(contender.name, 0)
        requests = framed(one.request(contender.headers) for one in self._questions)
        program = str(tools.compiled("load"))
        command = [program, str(contender.server.port), str(self._case.connections), str(seconds), str(first)]
        before = contender.server.cpu_seconds()
        done = subprocess.run(command, input=requests, capture_output=True, check=False)
        cpu = contender.server.cpu_seconds() - before
        if done.returncode:
            said = done.stderr.decode(errors="replace")[-300:]
            raise NotAnswered(f"{contender.name}, {self._case.name}: {said}")
        told = json.loads(done.stdout)
        self._next[contender.name] = first + told["answers"]
        return Sample(
            cpu=cpu * 1000 / told["answers"],
            rate=told["answers"] / told["seconds"],
            milliseconds=tuple(told["milliseconds"]),
            bytes=told["bytes"] // told["answers"],
            answers=told["answers"],
        )


def warm(loader: Loader, one: Contender) -> None:
    """Let a contender answer the case for a while."""
    before = one.server.cpu_seconds()
    for _ in range(_WARM_TIMES):
        if one.server.cpu_seconds() - before < _WARM_CPU_SECONDS:
            loader.ask(one, 1.0)


def measure(
    contenders: Sequence[Contender],
    cases: Sequence[Case],
    practice: Practice,
    *,
    rounds: int,
    seconds: float,
    told: Callable[[str], None] = lambda text: print(text, file=sys.stderr, flush=True),
) -> dict[str, dict[str, list[Sample]]]:
    """The samples by case and contender, one a round."""
    loaders = {case.name: Loader(case, practice) for case in cases}
    samples: dict[str, dict[str, list[Sample]]] = {
        case.name: {one.name: [] for one in contenders if one.is_asked(case)} for case in cases
    }
    turns = [(case, one) for case in cases for one in contenders if one.is_asked(case)]
    for case, one in turns:
        warm(loaders[case.name], one)
    for number in range(rounds):
        for case, one in random.Random(number).sample(turns, len(turns)):  # noqa: S311  # an order, no secret
            sample = loaders[case.name].ask(one, seconds)
            samples[case.name][one.name].append(sample)
            told(
                f"{number + 1}/{rounds} {case.name:12} {one.name:24} {sample.cpu:8.3f} ms  {sample.rate:8.0f}/s"
            )
    return samples
