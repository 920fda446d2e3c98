"""Whether a contender answers what it is asked: nobody is fast by answering less."""

import time
from typing import Any

import httpx2

from benchmarks.peers.contenders import Contender
from benchmarks.peers.practice import Practice
from benchmarks.peers.questions import Case

# A gateway offers a clinician's time once it has proved their key, soon after its start.
_SECONDS = 30.0
_QUESTIONS = 3


class AnsweredOtherwise(Exception):
    """A contender's answer is not what was expected; the text says how it differs."""


def check(contender: Contender, case: Case, practice: Practice) -> None:
    """Ask some of the case's questions, and compare the answers with those expected. Raises AnsweredOtherwise."""
    url = f"http://127.0.0.1:{contender.server.port}/graphql"
    with httpx2.Client(timeout=60) as http:
        for question in case.questions(practice)[:_QUESTIONS]:
            expected = case.answer(practice, question)
            deadline = time.monotonic() + _SECONDS
            while difference := _difference(http, url, contender, question.body, expected):
                if time.monotonic() > deadline:
                    raise AnsweredOtherwise(f"{contender.name}, {case.name}: {difference}")
                time.sleep(0.2)


def _difference(
    http: httpx2.Client, url: str, contender: Contender, body: bytes, expected: dict[str, Any]
) -> str:
    """How the answer differs from the expected one; empty when it does not."""
    headers = {"Content-Type": "application/json", "Accept": "application/json", **contender.headers}
    answer = http.post(url, content=body, headers=headers)
    given = answer.json()
    if not contender.answers_exactly:
        return "" if answer.is_success and given.get("data") else f"HTTP {answer.status_code}"
    if given.get("data") == expected:
        return ""
    return f"expected {str(expected)[:300]} and got {str(given)[:300]}"
