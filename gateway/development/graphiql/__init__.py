"""GraphiQL for developers: a page of our own with example tabs; every byte of it comes with the package.

It is a convenience of development: the composition root mounts it there and nowhere else.
"""

from gateway.development.graphiql.routes import graphiql_routes

__all__ = ["graphiql_routes"]
