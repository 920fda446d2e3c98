"""The sub-commands of `frontdoor`, a module for each family of them; `gateway.command_line` puts them together.

What several share: `starting` (the settings of a process), `common` (its database, who runs it, how moments read), `desk` (what
operators decide), `subscribers` (endpoints and handlers alike), `monitoring` (exit codes). All modules are loaded at every start, so
each command imports inside its function what is heavy: the settings' library, the database's, Healthie's client.
"""
