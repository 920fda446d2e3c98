"""GraphQL resolvers: each reads its inputs, calls one service and maps the result."""
