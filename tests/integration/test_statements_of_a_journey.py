"""How little a journey asks of the database and of Redis: upper bounds of what is sent, so that none grows unnoticed."""

from typing import Any

import pytest

from integrations.database.migrations import migrate
from tests.plugins.journeys import guest_journey
from tests.plugins.stack import Stack, Stacks
from tests.plugins.statements import recorded_traffic

# Journeys that are counted, of which the least counts: what runs in the background falls into some of them.
JOURNEYS = 4

# Of a guest without a record, who buys a plan with a new card. Why each commit is needed: ADR 52.
AT_MOST = {
    "postgresql": {
        "holdSlot": {"statements": 3, "commits": 2, "rollbacks": 0, "Redis round trips": 6, "publishes": 1},
        "startCheckout": {
            "statements": 4,
            "commits": 3,
            "rollbacks": 0,
            "Redis round trips": 5,
            "publishes": 1,
        },
        "confirmCheckout": {
            "statements": 17,
            "commits": 14,
            "rollbacks": 0,
            "audit commits": 6,
            "Redis round trips": 31,
            "publishes": 7,
        },
    },
    # Holds are in the database, and what only reads is a transaction too.
    "sqlite": {
        "holdSlot": {"statements": 13, "commits": 4},
        "startCheckout": {"statements": 10, "commits": 4},
        "confirmCheckout": {"statements": 38, "commits": 15, "audit commits": 6},
    },
}


@pytest.fixture(
    params=["sqlite", pytest.param("postgresql", marks=[pytest.mark.postgres, pytest.mark.redis])]
)
def settings(request: pytest.FixtureRequest) -> dict[str, Any]:
    """The settings of a gateway on a database of this kind; PostgreSQL comes with Redis, and has to be migrated."""
    if request.param == "sqlite":
        return {}
    names = {"database_url": "empty_postgres_url", "redis_url": "redis_url", "tenant": "tenant"}
    return {name: request.getfixturevalue(fixture) for name, fixture in names.items()}


async def least(stack: Stack) -> dict[str, dict[str, int]]:
    """The least of each count, by the journey's step."""
    counted: dict[str, list[dict[str, int]]] = {}
    for _ in range(JOURNEYS):
        steps = await guest_journey(stack)
        for name, step in steps.items():
            with recorded_traffic() as traffic:
                await step()
            counted.setdefault(name, []).append(traffic.counts())
    return {
        name: {what: min(one[what] for one in counts) for what in counts[0]}
        for name, counts in counted.items()
    }


async def test_a_journey_states_commits_and_publishes_no_more_than_this(
    settings: dict[str, Any], stacks: Stacks
) -> None:
    if "database_url" in settings:
        await migrate(settings["database_url"])
    counted = await least(await stacks.start(**settings))
    most = AT_MOST["postgresql" if "database_url" in settings else "sqlite"]
    over = {
        (step, what): counted[step][what]
        for step, bounds in most.items()
        for what, bound in bounds.items()
        if counted[step][what] > bound
    }
    assert over == {}
