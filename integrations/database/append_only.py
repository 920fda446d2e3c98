"""Append-only tables: triggers reject UPDATE, DELETE and TRUNCATE, and SQLite's REPLACE.

On PostgreSQL they are the second line behind the privileges that the migration revokes. The owner of a table can drop its triggers.
"""

from sqlalchemy import DDL, Table, event

_SQLITE = (
    """CREATE TRIGGER {table}_no_update BEFORE UPDATE ON {table}
    BEGIN SELECT RAISE(ABORT, '{table} is only added to'); END""",
    """CREATE TRIGGER {table}_no_delete BEFORE DELETE ON {table}
    BEGIN SELECT RAISE(ABORT, '{table} is only added to'); END""",
    # INSERT OR REPLACE deletes without firing the trigger above.
    """CREATE TRIGGER {table}_no_replace BEFORE INSERT ON {table}
    WHEN EXISTS (SELECT 1 FROM {table} WHERE {key} = NEW.{key})
    BEGIN SELECT RAISE(ABORT, '{table} is only added to'); END""",
)
_POSTGRESQL = (
    """CREATE OR REPLACE FUNCTION only_added_to() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN RAISE EXCEPTION 'this table is only added to' USING ERRCODE = 'insufficient_privilege'; END $$""",
    """CREATE TRIGGER {table}_only_added_to BEFORE UPDATE OR DELETE OR TRUNCATE ON {table}
    FOR EACH STATEMENT EXECUTE FUNCTION only_added_to()""",
)


def only_added_to(table: Table) -> None:
    """Create the triggers whenever the table is created from the metadata; migrations have their own DDL."""
    (key,) = table.primary_key.columns
    for dialect, statements in (("sqlite", _SQLITE), ("postgresql", _POSTGRESQL)):
        for statement in statements:
            made = DDL(statement.format(table=table.name, key=key.name))  # type: ignore[no-untyped-call]  # SQLAlchemy's own
            event.listen(table, "after_create", made.execute_if(dialect=dialect))
