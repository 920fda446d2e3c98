"""Leases on rows: a worker claims a row for a limited time by writing `lease_owner` and `lease_until`.

It releases the lease in the write of its result, which must match `lease_owner`: a worker whose lease has expired and was
taken over writes nothing (fencing). A row that schedules itself has a column `due_at` besides.
"""

from datetime import datetime
from typing import Any

from sqlalchemy import BindParameter, ColumnElement, Table, and_, or_

# A time (UTC), or the parameter of a statement that is built once.
_Moment = datetime | BindParameter[Any]

# Values that release the lease; written together with the result.
GIVEN_BACK: dict[str, None] = {"lease_owner": None, "lease_until": None}


def is_free(table: Table, now: _Moment) -> ColumnElement[bool]:
    """Condition: the row is not leased, or its lease has expired."""
    return or_(table.c.lease_until.is_(None), table.c.lease_until <= now)


def is_due(table: Table, now: _Moment) -> ColumnElement[bool]:
    """Condition: the row is due and not leased. A row with `due_at` NULL is never due."""
    return and_(table.c.due_at <= now, is_free(table, now))
