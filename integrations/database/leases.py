"""Leases on rows: whoever works on one writes down who they are and until when, and gives it back with what came of it.

A row with a lease has the columns `lease_owner` and `lease_until`, and `due_at` where it says itself when it is to be taken up.
"""

from datetime import datetime
from typing import Any

from sqlalchemy import BindParameter, ColumnElement, Table, and_, or_

# A moment, or the parameter of a statement that is built once.
_Moment = datetime | BindParameter[Any]

# To be written by whoever has the lease, with what came of it.
GIVEN_BACK: dict[str, None] = {"lease_owner": None, "lease_until": None}


def is_free(table: Table, now: _Moment) -> ColumnElement[bool]:
    """Nobody has a lease on the row, or it has run out."""
    return or_(table.c.lease_until.is_(None), table.c.lease_until <= now)


def is_due(table: Table, now: _Moment) -> ColumnElement[bool]:
    """The row is to be taken up, and nobody has it: one that is never due again has no `due_at`."""
    return and_(table.c.due_at <= now, is_free(table, now))
