"""Privileges of the PostgreSQL role that the program runs as, where another role owns and migrates the database."""

from sqlalchemy import DDL
from sqlalchemy.ext.asyncio import AsyncConnection

# Granted again after every migration, since it may have created tables.
_GRANTS = (
    "GRANT USAGE ON SCHEMA {schema} TO {role}",
    "GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA {schema} TO {role}",
    "GRANT USAGE ON ALL SEQUENCES IN SCHEMA {schema} TO {role}",
    "REVOKE ALL ON alembic_version, audit_records FROM {role}",
    "GRANT SELECT ON alembic_version TO {role}",
    "GRANT SELECT, INSERT ON audit_records TO {role}",
)


async def grant_to(role: str, connection: AsyncConnection) -> None:
    """Grant the role the use of every table, but only SELECT and INSERT on the audit trail. The role must exist.

    Nothing on SQLite, which has no roles. It does not restrict superusers, the owner, and members of the owner's role.
    """
    if connection.dialect.name != "postgresql":
        return
    quoted = connection.dialect.identifier_preparer.quote
    schema = connection.dialect.default_schema_name or "public"
    for grant in _GRANTS:
        statement = grant.format(schema=quoted(schema), role=quoted(role)).replace("%", "%%")
        await connection.execute(DDL(statement))  # type: ignore[no-untyped-call]  # SQLAlchemy's own
