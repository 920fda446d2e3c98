"""The database: tables, unit of work, one module per aggregate, migrations (SQLite and PostgreSQL)."""
