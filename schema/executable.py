"""The executable schema behind Strawberry's: graphql-core's, with the types and resolvers that an operation runs on.

Strawberry keeps it under a private name and offers no public way to it. So the name stands here alone, pyproject.toml bounds
Strawberry's version, and a test says what to do when it moves.
"""

import strawberry
from graphql import GraphQLSchema


def executable(schema: strawberry.Schema) -> GraphQLSchema:
    """The schema that Strawberry executes; to change a resolver of it is to change what runs."""
    return schema._schema  # noqa: SLF001  # see above
