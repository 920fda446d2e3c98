"""The sub-commands of `frontdoor`, one module per command group; `gateway.command_line` assembles them.

Shared helpers: `starting` (settings of the process), `common` (database access, audit of commands, formatting), `operator_action`
(actions of operators), `subscribers` (for endpoints and handlers), `monitoring` (exit codes). All modules are loaded at every
start, so each command imports heavy libraries inside its function: pydantic-settings, SQLAlchemy, Healthie's client.
"""
