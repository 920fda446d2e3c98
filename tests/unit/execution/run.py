"""Compares many random operations: `python -m tests.unit.execution.run --documents 20000 --seed 0`."""

import asyncio
import time
from random import Random

import click
from hypothesis import HealthCheck, Phase, given, seed, settings

from tests.unit.execution.comparison import Comparison
from tests.unit.execution.documents import bases, rewritten

# How many documents are made of one of hypothesis-graphql's, which take the most time.
REWRITINGS = 10


def made(number: int, first_seed: int) -> list[tuple[str, str]]:
    """Documents of hypothesis-graphql; the same for the same seed."""
    found: list[tuple[str, str]] = []

    @seed(first_seed)
    @settings(
        max_examples=number,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
        deadline=None,
    )
    @given(bases())
    def gather(base: tuple[str, str]) -> None:
        found.append(base)

    gather()
    return found


async def compare(documents: int, first_seed: int, comparison: Comparison) -> list[str]:
    """Compare so many documents; returns what differed, each with its document and seed."""
    differing = []
    number = 0
    with comparison.canned(), comparison.counted():
        for kind, base in made(max(1, documents // REWRITINGS), first_seed):
            for _ in range(REWRITINGS):
                number += 1
                at = first_seed * 1_000_003 + number
                asked = rewritten(kind, base, Random(at))
                faults = (0.0, 0.02, 0.1)[number % 3]
                found = await comparison.differences(asked.document, asked.variables, at, faults=faults)
                differing += [
                    f"seed {at}, faults {faults}\n{asked.document}\n{asked.variables}\n{one}" for one in found
                ]
    return differing


@click.command()
@click.option("--documents", default=20_000, show_default=True, help="How many.")
@click.option("--seed", "first_seed", default=0, show_default=True, help="Of the first.")
def main(documents: int, first_seed: int) -> None:
    """Compare, and print what differs."""
    comparison = Comparison()
    began = time.monotonic()
    differing = asyncio.run(compare(documents, first_seed, comparison))
    for one in differing[:10]:
        click.echo(one)
    click.echo(f"{dict(comparison.seen)}: {len(differing)} differences in {time.monotonic() - began:.0f} s")
    raise SystemExit(1 if differing else 0)


if __name__ == "__main__":
    main()
