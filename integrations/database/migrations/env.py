"""Alembic's entry: runs the migrations on the connection that `migrate` opened, inside its transaction."""

from alembic import context

from integrations.database.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    transactional_ddl=True,  # on SQLite too: engine.py begins transactions by itself
    render_as_batch=True,  # SQLite alters a table by making it anew
    compare_type=True,
)
with context.begin_transaction():
    context.run_migrations()
