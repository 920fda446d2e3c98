"""The database: tables, unit of work, one module per aggregate, migrations (SQLite and PostgreSQL).

The only refusals and errors that leave this package are the domain's own (`booking.refusals`, `booking.errors`); everything
else that SQLAlchemy raises is a fault, never an answer. Statements never show their parameters in errors or logs.
"""
