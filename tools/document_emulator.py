"""Write the table of docs/emulator.md: which operations of Healthie's guides are valid and run against the emulator.

    python -m tools.document_emulator --documentation DIR [--check]
    python -m tools.document_emulator --operations DIR

DIR is a copy of Healthie's documentation (the folder that holds `guides`), or a folder of `.graphql` files that others wrote,
for which it prints the counts and what did not run.
"""

import argparse
import asyncio
import sys
from collections.abc import Iterable
from pathlib import Path

from tools.emulator_table.prepared import OVERRIDES
from tools.emulator_table.reading import Operation, of_documentation, of_files
from tools.emulator_table.running import Result, run
from tools.emulator_table.table import counted, table
from tools.pages import DOCS, WrittenPart

PROGRAM = "tools.document_emulator"


def results(operations: Iterable[Operation]) -> list[Result]:
    """Run operations and list what became of each."""

    async def collected() -> list[Result]:
        return [each async for each in run(operations, OVERRIDES)]

    return asyncio.run(collected())


def part(documentation: Path) -> WrittenPart:
    """The part of docs/emulator.md that this program writes."""

    def write() -> str:
        return table(results(of_documentation(documentation)))

    return WrittenPart(page=DOCS / "emulator.md", name="guides", program=PROGRAM, write=write)


def main() -> int:
    """Read the arguments and do what they say."""
    parser = argparse.ArgumentParser(prog=f"python -m {PROGRAM}")
    where = parser.add_mutually_exclusive_group(required=True)
    where.add_argument("--documentation", type=Path)
    where.add_argument("--operations", type=Path)
    parser.add_argument(
        "--check", action="store_true", help="write nothing; exit with 1 if the page is out of date"
    )
    given = parser.parse_args()
    if given.documentation:
        return part(given.documentation).main()
    found = results(of_files(given.operations))
    for each in found:
        if not each.ran:
            print(f"{each.page} {each.name}: {each.deviation}")
    print(counted(found))
    return 0


if __name__ == "__main__":
    sys.exit(main())
