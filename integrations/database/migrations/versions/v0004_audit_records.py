"""Audit records: a table that is only added to.

On PostgreSQL nobody but its owner is left anything, and the owner no more than to add and to read; what the application's own
role may do is granted after every migration. History: it never changes.
"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

Counter = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

ON_SQLITE = (
    """CREATE TRIGGER audit_records_no_update BEFORE UPDATE ON audit_records
    BEGIN SELECT RAISE(ABORT, 'audit_records is only added to'); END""",
    """CREATE TRIGGER audit_records_no_delete BEFORE DELETE ON audit_records
    BEGIN SELECT RAISE(ABORT, 'audit_records is only added to'); END""",
    """CREATE TRIGGER audit_records_no_replace BEFORE INSERT ON audit_records
    WHEN EXISTS (SELECT 1 FROM audit_records WHERE sequence = NEW.sequence)
    BEGIN SELECT RAISE(ABORT, 'audit_records is only added to'); END""",
)
ON_POSTGRESQL = (
    """CREATE FUNCTION only_added_to() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN RAISE EXCEPTION 'this table is only added to' USING ERRCODE = 'insufficient_privilege'; END $$""",
    """CREATE TRIGGER audit_records_only_added_to BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_records
    FOR EACH STATEMENT EXECUTE FUNCTION only_added_to()""",
    "REVOKE ALL ON audit_records FROM PUBLIC, CURRENT_USER",
    "GRANT SELECT, INSERT ON audit_records TO CURRENT_USER",
)


def upgrade() -> None:
    op.create_table(
        "audit_records",
        sa.Column("sequence", Counter, primary_key=True, autoincrement=False),
        sa.Column("at", sa.String(), nullable=False),
        sa.Column("checkout_id", sa.String()),
        sa.Column("record", sa.Text(), nullable=False),
        sa.Column("mac", sa.String(), nullable=False),
    )
    op.create_index("audit_records_at", "audit_records", ["at"])
    op.create_index("audit_records_checkout_id", "audit_records", ["checkout_id"])
    for statement in ON_POSTGRESQL if op.get_bind().dialect.name == "postgresql" else ON_SQLITE:
        op.execute(statement)


def downgrade() -> None:
    op.drop_table("audit_records")
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP FUNCTION only_added_to")
