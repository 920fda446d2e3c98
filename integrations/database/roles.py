"""What the role that the program works as may do in a PostgreSQL database that another role owns and migrates."""

from sqlalchemy import DDL
from sqlalchemy.ext.asyncio import AsyncConnection

# All of it is granted anew after every migration, since one may have made tables.
_GRANTS = (
    "GRANT USAGE ON SCHEMA {schema} TO {role}",
    "GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA {schema} TO {role}",
    "GRANT USAGE ON ALL SEQUENCES IN SCHEMA {schema} TO {role}",
    "REVOKE ALL ON alembic_version, audit_records FROM {role}",
    "GRANT SELECT ON alembic_version TO {role}",
    "GRANT SELECT, INSERT ON audit_records TO {role}",
)


async def grant_to(role: str, connection: AsyncConnection) -> None:
    """Let the role use every table, and of the audit trail only add to it and read it. It must exist.

    Nothing on SQLite, which has no roles. A superuser, a member of the owner's role and the owner are not bound by it.
    """
    if connection.dialect.name != "postgresql":
        return
    quoted = connection.dialect.identifier_preparer.quote
    schema = connection.dialect.default_schema_name or "public"
    for grant in _GRANTS:
        statement = grant.format(schema=quoted(schema), role=quoted(role)).replace("%", "%%")
        await connection.execute(DDL(statement))  # type: ignore[no-untyped-call]  # SQLAlchemy's own
