"""Measures contenders in interleaved rounds: in each round every contender is asked every case once, in a random order."""

import json
import random
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from benchmarks.peers import tools
from benchmarks.peers.contenders import Contender
from benchmarks.peers.practice import Practice
from benchmarks.peers.questions import Case, Question, framed

# Unmeasured, before the rounds: compilers and caches of a contender have seen the case.
_WARM_SECONDS = 2.0


@dataclass(frozen=True, kw_only=True)
class Sample:
    """One contender asked one case in one round."""

    cpu: float  # milliseconds of the server's processor time for a request
    rate: float  # requests a second
    milliseconds: tuple[float, float, float]  # a request's latency: median, 90th and 99th percentile
    bytes: int  # of an answer, with its head


class Loader:
    """Asks one case; every further time it goes on with the questions where it stopped, so that none is asked again soon."""

    def __init__(self, case: Case, practice: Practice) -> None:
        self._case = case
        self._questions: Sequence[Question] = case.questions(practice)
        self._next: dict[str, int] = {}

    def ask(self, contender: Contender, seconds: float) -> Sample:
        """Ask for so long. Raises RuntimeError when an answer was not good."""
        first = self._next.get(contender.name, 0)
        requests = framed(one.request(contender.headers) for one in self._questions)
        program = str(tools.compiled("load"))
        command = [program, str(contender.server.port), str(self._case.connections), str(seconds), str(first)]
        before = contender.server.cpu_seconds()
        done = subprocess.run(command, input=requests, capture_output=True, check=False)
        cpu = contender.server.cpu_seconds() - before
        if done.returncode:
            raise RuntimeError(
                f"{contender.name}, {self._case.name}: {done.stderr.decode(errors='replace')[:1000]}"
            )
        told = json.loads(done.stdout)
        self._next[contender.name] = first + told["answers"]
        return Sample(
            cpu=cpu * 1000 / told["answers"],
            rate=told["answers"] / told["seconds"],
            milliseconds=tuple(told["milliseconds"]),
            bytes=told["bytes"] // told["answers"],
        )


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
        case.name: {one.name: [] for one in contenders} for case in cases
    }
    turns = [(case, one) for case in cases for one in contenders]
    for case, one in turns:
        loaders[case.name].ask(one, _WARM_SECONDS)
    for number in range(rounds):
        for case, one in random.Random(number).sample(turns, len(turns)):  # noqa: S311  # an order, no secret
            sample = loaders[case.name].ask(one, seconds)
            samples[case.name][one.name].append(sample)
            told(
                f"{number + 1}/{rounds} {case.name:12} {one.name:24} {sample.cpu:8.3f} ms  {sample.rate:8.0f}/s"
            )
    return samples
