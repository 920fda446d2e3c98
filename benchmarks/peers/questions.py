"""What is asked: the same documents and variables for every contender, as HTTP requests, with the answers that must come."""

import itertools
import json
import random
import struct
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from benchmarks.peers.practice import (
    DAYS,
    DAYS_ASKED,
    VISIT_TYPES,
    ZONE,
    Practice,
    expected_plans,
    expected_slots,
    visit_type,
)

SLOTS = """query Slots($filter: SlotFilter!, $from: Date!, $until: Date!) {
  slots(filter: $filter, from: $from, until: $until) {
    date
    slots { id start minutes contactType clinician { id name } }
  }
}"""
PLANS = """query Plans($first: Int! = 20) {
  plans(first: $first) {
    totalCount
    nodes {
      id name description frequency soldOut
      price { amount currency }
      dueToday { amount currency }
      visits { visitTypeId quantity visitType { name minutes contactTypes } }
    }
  }
}"""


@dataclass(frozen=True, kw_only=True)
class Question:
    """One document with variables."""

    query: str
    operation: str
    variables: Mapping[str, Any]

    @property
    def body(self) -> bytes:
        """The body of its HTTP request."""
        asked = {"query": self.query, "operationName": self.operation, "variables": self.variables}
        return json.dumps(asked, separators=(",", ":")).encode()

    def request(self, headers: Mapping[str, str]) -> bytes:
        """The whole HTTP request, with these headers beside the usual ones."""
        lines = {
            "Host": "127.0.0.1",
            "Content-Type": "application/json",
            "Accept": "application/json",
            "Content-Length": str(len(self.body)),
            **headers,
        }
        head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
        return f"POST /graphql HTTP/1.1\r\n{head}\r\n".encode() + self.body


@dataclass(frozen=True, kw_only=True)
class Case:
    """A row of the table: what is asked, by how many at once."""

    name: str
    size: int | None  # slots of an answer; None: plans
    connections: int = 32
    is_varied: bool = True  # whether questions differ, so that no answer is there already

    def questions(self, practice: Practice) -> list[Question]:
        """What is asked, in an order that does not repeat the same days soon."""
        if self.size is None:
            return [Question(query=PLANS, operation="Plans", variables={"first": 20})]
        if not self.is_varied:
            return [slots_question(practice, self.size, 0, practice.first_day)]
        starts = range(0, DAYS - DAYS_ASKED, DAYS_ASKED)
        every = list(itertools.product(range(VISIT_TYPES), starts))
        random.Random(self.size).shuffle(every)  # noqa: S311  # an order, no secret
        return [
            slots_question(practice, self.size, number, practice.first_day + timedelta(days=start))
            for number, start in every
        ]

    def answer(self, practice: Practice, question: Question) -> dict[str, Any]:
        """The data that a contender must answer this question with."""
        if self.size is None:
            nodes = expected_plans()
            return {"plans": {"totalCount": len(nodes), "nodes": nodes}}
        visit, first = question.variables["filter"]["visitTypeId"], question.variables["from"]
        return {"slots": expected_slots(practice, visit, self.size, date.fromisoformat(first))}


def slots_question(practice: Practice, size: int, number: int, first: date) -> Question:
    """The free time of one visit type in the days from `first` on."""
    last = min(first + timedelta(days=DAYS_ASKED - 1), practice.first_day + timedelta(days=DAYS - 1))
    return Question(
        query=SLOTS,
        operation="Slots",
        variables={
            "filter": {"visitTypeId": visit_type(size, number), "timeZone": ZONE.key},
            "from": first.isoformat(),
            "until": last.isoformat(),
        },
    )


def framed(requests: Iterable[bytes]) -> bytes:
    """Requests as `load.c` reads them: each after its length."""
    return b"".join(struct.pack("<I", len(one)) + one for one in requests)
