"""Outages: whether an error means that the database is unavailable, as opposed to a wrong statement."""

import sqlite3

from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as NoConnectionFree

# SQLite's primary result codes (sqlite.org/rescode.html): locked by others, read-only, I/O error, disk full, file missing.
_SQLITE = frozenset(
    {
        sqlite3.SQLITE_BUSY,
        sqlite3.SQLITE_LOCKED,
        sqlite3.SQLITE_READONLY,
        sqlite3.SQLITE_IOERR,
        sqlite3.SQLITE_FULL,
        sqlite3.SQLITE_CANTOPEN,
    }
)
_PRIMARY_CODE = 0xFF  # the low byte of an extended result code

# PostgreSQL's classes of error codes (its manual, appendix A): connection exception, insufficient resources, operator
# intervention, system error; and the code of a read-only server or standby.
_POSTGRESQL_CLASSES = ("08", "53", "57", "58")
_READ_ONLY = "25006"


def is_outage(error: BaseException | None) -> bool:
    """Whether the database could not be reached, or could not store anything: full, read-only, locked, or shut down by an operator.

    The statement then had no effect, except where the response to a commit was lost.
    """
    if isinstance(error, NoConnectionFree | OSError):  # TimeoutError is an OSError
        return True
    if not isinstance(error, DBAPIError):
        return _is_of_postgresql(error)
    cause = error.orig
    if isinstance(cause, sqlite3.Error):
        code: int | None = getattr(cause, "sqlite_errorcode", None)  # the driver's own errors have none
        return code is not None and code & _PRIMARY_CODE in _SQLITE
    return error.connection_invalidated or isinstance(cause, OSError) or _is_of_postgresql(cause)


def _is_of_postgresql(error: BaseException | None) -> bool:
    state = getattr(error, "sqlstate", None)
    return isinstance(state, str) and (state == _READ_ONLY or state.startswith(_POSTGRESQL_CLASSES))
