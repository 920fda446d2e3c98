"""GraphiQL: a page of our own with example tabs; all of its assets come with the package.

Served in development, and in production only with `FRONTDOOR_GRAPHIQL_FOR_OPERATORS`.
"""

from gateway.development.graphiql.routes import GRAPHIQL_PATH, graphiql_routes

__all__ = ["GRAPHIQL_PATH", "graphiql_routes"]
