"""Compare the gateway with its peers, or with other checkouts and revisions of itself; prints a table.

    python -m benchmarks.peers.run --only plans,slots400 --rounds 7 --seconds 2
    python -m benchmarks.peers.run --no-peers --against HEAD~1 --project ../other

Needs a C compiler, node with npm for the peers, and PostgreSQL and Redis as the tests would find them.
"""

import gc
from argparse import ArgumentParser, RawDescriptionHelpFormatter
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

from benchmarks.peers import contenders, revisions, rounds, table
from benchmarks.peers.cases import CASES
from benchmarks.peers.checks import check_all
from benchmarks.peers.gateways import GATEWAY, gateway
from benchmarks.peers.stage import stage

_PEERS = (
    contenders.MERCURIUS,
    contenders.MERCURIUS_CACHED,
    contenders.NAIVE,
    contenders.PASSTHROUGH,
    contenders.CANNED,
)


def main() -> None:
    """Measure, and print the table."""
    parser = ArgumentParser(description=__doc__, formatter_class=RawDescriptionHelpFormatter)
    parser.add_argument(
        "--only", default="plans,slots400,slots2000", help=f"cases, with commas between: {', '.join(CASES)}"
    )
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--seconds", type=float, default=2.0, help="of a contender and case in a round")
    parser.add_argument("--connections", type=int, default=32)
    parser.add_argument(
        "--against", action="append", default=[], metavar="REV", help="this revision as one more contender"
    )
    parser.add_argument(
        "--project", type=Path, action="append", default=[], help="the same: a checkout with a .venv"
    )
    parser.add_argument("--no-peers", action="store_true", help="compare checkouts only")
    given = parser.parse_args()
    cases = [replace(CASES[name], connections=given.connections) for name in given.only.split(",")]
    projects = {f"{GATEWAY} {one.resolve().name}": one.resolve() for one in given.project}
    projects |= {f"{GATEWAY} {revision}": revisions.checkout(revision) for revision in given.against}
    gc.collect()
    gc.freeze()
    with ExitStack() as exits:
        ground = exits.enter_context(stage())
        compared = [exits.enter_context(gateway(ground))]
        compared += [
            exits.enter_context(gateway(ground, name, project=one)) for name, one in projects.items()
        ]
        for name in [] if given.no_peers else _PEERS:
            compared.append(exits.enter_context(contenders.peer(ground, name)))
        check_all(compared, cases, ground.practice)
        samples = rounds.measure(compared, cases, ground.practice, rounds=given.rounds, seconds=given.seconds)
    costs = {
        case: {name: [each.cpu for each in of] for name, of in row.items()} for case, row in samples.items()
    }
    against = [GATEWAY] if given.no_peers else [contenders.MERCURIUS, contenders.NAIVE]
    print(table.costs_table(costs, against=against))


if __name__ == "__main__":
    main()
