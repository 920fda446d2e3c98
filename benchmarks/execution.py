"""Measures what executing an operation costs, by the product's executor and by graphql-core alone, on the same values of resolvers.

In one process, without transport, limits, services or upstream; in rounds that alternate between the two. CPU time of the thread.
"""

import json
import statistics
import time
from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass, replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from functools import partial
from types import SimpleNamespace
from typing import Any, cast
from zoneinfo import ZoneInfo

from graphql import DocumentNode, GraphQLObjectType, GraphQLSchema, execute, parse
from strawberry import ID
from strawberry.schema.schema import StrawberryGraphQLCoreExecutionContext

from benchmarks.figures import titled
from gateway.execution import Executor
from gateway.graphql import build_schema
from gateway.graphql_request import GraphQLRequest
from schema.catalog import (
    BillingFrequency,
    Clinician,
    ContactType,
    PageInfo,
    Plan,
    PlanConnection,
    PlanVisits,
    VisitType,
)
from schema.context import Context
from schema.executable import executable
from schema.money import Money
from schema.slots import Day, Slot

ROUNDS = 7

_PLANS = """query Plans($first: Int) { plans(first: $first) {
  nodes { id name description price { amount currency } dueToday { amount currency } frequency soldOut
    visits { quantity visitType { id name } } }
  pageInfo { hasNextPage endCursor } totalCount } }"""
_SLOTS = """{ slots(filter: {visitTypeId: "v1", timeZone: "America/New_York"}, from: "2026-06-01", until: "2026-06-05") {
  date slots { id start minutes contactType clinician { id name } } } }"""
_CONTEXT = cast("Context", SimpleNamespace(caller=None))
_ZONE = ZoneInfo("America/New_York")


@dataclass(frozen=True, kw_only=True)
class Case:
    """One answer: microseconds of CPU for each way to execute it, medians of the rounds."""

    graphql_core: float
    compiled: float  # of instances that were never answered
    remembered: float  # of the same shared instances again
    ratio: float  # compiled to graphql-core, median of the rounds' ratios
    ratio_remembered: float


async def measure() -> dict[str, dict[str, Any]]:
    """The cases, each with as many executions a round as take some milliseconds."""
    connection = _plans(20)
    cases: dict[str, tuple[str, dict[str, Any], str, Callable[[], Any], int]] = {
        "20 plans": (_PLANS, {"first": 20}, "plans", partial(_fresh_plans, connection), 40),
    }
    for number in (400, 2_000):
        cases[f"{number:,} slots"] = _SLOTS, {}, "slots", partial(_fresh_days, _days(number)), 4
    return {name: asdict(await _case(*given)) for name, given in cases.items()}


async def _case(
    text: str, variables: dict[str, Any], field: str, make: Callable[[], Any], times: int
) -> Case:
    schema, document = executable(build_schema()), parse(text)
    executor, answer = Executor(schema), SimpleNamespace(value=None)
    request = GraphQLRequest(variables=variables)

    async def resolve(*_: object, **__: object) -> Any:
        return answer.value

    cast("GraphQLObjectType", schema.query_type).fields[field].resolve = resolve

    async def compiled() -> Any:
        return await executor.execute(document, request, _CONTEXT)

    async def graphql_core() -> Any:
        return await _by_graphql_core(schema, document, variables)

    same = make()
    rounds = []
    for _ in range(ROUNDS + 1):
        fresh = [[make() for _ in range(times)] for _ in range(2)]
        rounds.append(
            (
                await _timed(graphql_core, answer, fresh[0]),
                await _timed(compiled, answer, fresh[1]),
                await _timed(compiled, answer, [same] * times),
            )
        )
    rounds = rounds[1:]  # without the first, which compiles
    by_core, by_writers, remembered = (statistics.median(one) for one in zip(*rounds, strict=True))
    return Case(
        graphql_core=round(by_core, 1),
        compiled=round(by_writers, 1),
        remembered=round(remembered, 1),
        ratio=round(statistics.median(one[1] / one[0] for one in rounds), 3),
        ratio_remembered=round(statistics.median(one[2] / one[0] for one in rounds), 3),
    )


async def _by_graphql_core(schema: GraphQLSchema, document: DocumentNode, variables: dict[str, Any]) -> bytes:
    result: Any = execute(
        schema,
        document,
        variable_values=variables,
        context_value=_CONTEXT,
        executor_class=StrawberryGraphQLCoreExecutionContext,
    )
    return json.dumps((await result).data, ensure_ascii=False, separators=(",", ":")).encode()


async def _timed(
    execution: Callable[[], Awaitable[Any]], answer: SimpleNamespace, values: list[Any]
) -> float:
    """Microseconds of one execution."""
    began = time.thread_time()
    for value in values:
        answer.value = value
        await execution()
    return (time.thread_time() - began) / len(values) * 1_000_000


def _plans(number: int) -> PlanConnection:
    price = Money(amount=Decimal("49.00"), currency="USD")
    visit = VisitType(
        id=ID("v1"),
        name="First visit",
        description=None,
        minutes=50,
        contact_types=[ContactType.VIDEO],
        price=price,
        requires_plan=False,
        schedule_notice_minutes=None,
    )
    plans = [
        Plan(
            id=ID(f"plan-{n}"),
            name=f"Plan {n}",
            description="What it is for, in some words.",
            price=price,
            due_today=price,
            frequency=BillingFrequency.MONTHLY,
            payments=None,
            visits=[PlanVisits(visit_type_id=visit.id, visit_type=visit, quantity=2)],
            sold_out=False,
        )
        for n in range(number)
    ]
    page = PageInfo(has_next_page=False, has_previous_page=False, start_cursor="a", end_cursor="b")
    return PlanConnection(edges=[], nodes=plans, page_info=page, total_count=number)


def _fresh_plans(connection: PlanConnection) -> PlanConnection:
    return replace(connection, nodes=[replace(plan) for plan in connection.nodes])


def _fresh_days(days: list[Day]) -> list[Day]:
    return [replace(one) for one in days]


def _days(slots: int) -> list[Day]:
    start = datetime(2026, 6, 1, 13, tzinfo=UTC)
    clinicians = [
        Clinician(
            id=ID(f"c{n}"), name=f"Dr {n}", qualifications=None, time_zone=_ZONE.key, licensed_in=["CA"]
        )
        for n in range(10)
    ]

    def slot(day: int, n: int) -> Slot:
        begins = start + timedelta(days=day, minutes=5 * (n // 10))
        return Slot(
            id=ID(f"slot-{day}-{n}-abcdefghijklmnop"),
            clinician_id=clinicians[n % 10].id,
            clinician=clinicians[n % 10],
            visit_type_id=ID("v1"),
            contact_type=ContactType.VIDEO,
            location_id=None,
            start=begins.astimezone(_ZONE),
            end=(begins + timedelta(minutes=50)).astimezone(_ZONE),
            time_zone=_ZONE.key,
            minutes=50,
        )

    return [
        Day(
            date=date(2026, 6, 1 + day),
            slots=[slot(day, n) for n in range(slots // 5)],
            as_of=start,
            stale=False,
        )
        for day in range(5)
    ]


def shown(cases: dict[str, dict[str, Any]]) -> str:
    """The figures as Markdown."""
    return titled(
        "Executing an operation: microseconds of CPU, resolvers' values given",
        ("answer", "graphql-core", "compiled", "ratio", "the same instances again", "ratio"),
        (
            (
                name,
                f"{one['graphql_core']:,.0f}",
                f"{one['compiled']:,.0f}",
                f"{one['ratio']:.3f}",
                f"{one['remembered']:,.0f}",
                f"{one['ratio_remembered']:.3f}",
            )
            for name, one in cases.items()
        ),
    )
