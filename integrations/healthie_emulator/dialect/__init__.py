"""The 2024-06-01 dialect: what Healthie's API spoke before its lists became connections, over the same data.

A request without a version header gets it. No schema of it is written here: it is derived from the contract's, by what the
guides say has changed since (versioning, pagination) and by Healthie's schema as clients had generated code from it before.

    derive.py     the schema: plain lists, `…Count` roots, `cursor`, `clientMutationId`
    lists.py      `offset`, `page_size`, `should_paginate`, `after` and `sort_by` of plain lists
    additions.py  what the old schema had beside that, each with its source
    requests.py   variables of types that have changed since: String where ID, a date, an enum or a list stands now
"""

from integrations.healthie_emulator.dialect.derive import derived_schema
from integrations.healthie_emulator.dialect.requests import translated

# The first version that had connections; the ones between have them for some lists and not for others, and nothing public
# says for which: they are answered with the contract's schema.
FIRST_WITH_CONNECTIONS = "2025-01-01"


def is_spoken_in(version: str) -> bool:
    """Return whether a published version (a date) is answered in the dialect."""
    return version < FIRST_WITH_CONNECTIONS


__all__ = ["derived_schema", "is_spoken_in", "translated"]
