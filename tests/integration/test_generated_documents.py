"""Documents that nobody would write, as schemathesis generates them: each is answered, or refused in words, to whoever asks.

`make fuzz` looks for longer, against real processes; this is a short run that is the same every time.
"""

import re
from collections.abc import AsyncIterator, Callable
from datetime import date
from functools import cache
from pathlib import Path

import pytest
from graphql import build_schema
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from hypothesis_graphql import mutations, queries
from hypothesis_graphql.nodes import String
from sqlalchemy.ext.asyncio import AsyncEngine

from booking.principals import PrincipalKind
from tests.doubles.booking_world import a_slot
from tests.integration.graphql_world import GUEST, START, Api, api_on

SDL = (Path(__file__).parents[2] / "schema" / "schema.graphql").read_text()

SCALARS = {"Date": st.dates(max_value=date(2026, 12, 31)).map(lambda day: String(day.isoformat()))}

# So that a part of the documents gets past the first lookup.
REAL = {
    "visitTypeId": "v-priced",
    "planId": "monthly",
    "slotId": a_slot().id,
    "timeZone": "America/New_York",
    "from": "2026-06-02",
    "until": "2026-06-03",
    "month": "2026-06-01",
    "state": "CA",
    "email": "sample.patient@example.com",
}
_FIELD = re.compile(rf'\b({"|".join(REAL)}): "(?:[^"\\]|\\.)*"')

CALLERS: dict[str, Callable[[Api], Api]] = {
    "nobody": lambda api: api,
    "a visitor": lambda api: api.visitor(),
    "a patient": lambda api: api.patient(),
    "staff": lambda api: api.staff(),
    "an operator": lambda api: api.staff(PrincipalKind.OPERATOR),
}


def one_field() -> st.SearchStrategy[str]:
    """A document with one field at its root: several mutations would be refused for their number."""
    schema = build_schema(SDL)
    kinds = ((queries, schema.query_type), (mutations, schema.mutation_type))
    return st.one_of(
        *[
            make(schema, fields=[name], custom_scalars=SCALARS)
            for make, kind in kinds
            if kind is not None
            for name in kind.fields
        ]
    )


@cache
def generated() -> tuple[str, ...]:
    """The same documents every time."""
    found: list[str] = []

    @settings(
        max_examples=100,
        derandomize=True,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
        deadline=None,
    )
    @given(one_field(), st.booleans())
    def gather(document: str, real: bool) -> None:  # noqa: FBT001  # as hypothesis calls it
        found.append(
            _FIELD.sub(lambda given: f'{given[1]}: "{REAL[given[1]]}"', document) if real else document
        )

    gather()
    return tuple(found)


@pytest.fixture
async def api(sqlite_engine: AsyncEngine) -> AsyncIterator[Api]:
    async with api_on(sqlite_engine) as one:
        yield one


@pytest.mark.parametrize("caller", CALLERS)
async def test_each_is_answered_or_refused_in_words(api: Api, caller: str) -> None:
    app = CALLERS[caller](api)
    for n, document in enumerate(generated()):
        answer = await app.ask(document, None, {"Idempotency-Key": f"key-{n}"})
        assert answer.http.status_code < 500, document
        codes = [error["extensions"]["code"] for error in answer.body.get("errors", ())]
        assert "INTERNAL" not in codes, document
        assert answer.body.get("data") or codes, document


async def test_a_guest_is_answered_too(api: Api) -> None:
    visitor = api.visitor()
    hold = (await visitor.hold(a_slot().id)).data["hold"]
    started = await visitor.do(START, holdId=hold["id"], guest=GUEST)
    await test_each_is_answered_or_refused_in_words(visitor.bearer(started.data["guestToken"]), "nobody")
