"""The database: tables, unit of work, one module per aggregate, migrations (SQLite and PostgreSQL).

The only refusals and errors that callers should handle are the domain's own (`booking.refusals`, `booking.errors`); anything else
that SQLAlchemy raises is a fault. Errors and logs never contain the parameters of statements.
"""
