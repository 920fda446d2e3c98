"""Permissions: wraps the resolver of every field that declares an audience, once, when the schema is built.

Fields of `@reached` types are not wrapped, so the items of a list cost nothing. Every transport passes the check, and so does
every replay of an idempotency key.
"""

from collections.abc import Callable
from typing import Any

from graphql import GraphQLObjectType, GraphQLSchema, is_non_null_type

from schema.context import Context
from schema.errors import RequestError
from schema.permissions import ANYBODY, Audience, audiences


class NotPermitted(RequestError):
    """The caller is not in the field's audience, and the field cannot be null instead."""

    code = "FORBIDDEN"
    message = "This is not open to you. Sign in as somebody who may, or send the guest token of the checkout."
    status = 403


def permitted(schema: GraphQLSchema) -> GraphQLSchema:
    """The same schema, with each field restricted to its audience. Raises Undeclared when a field declares none."""
    for (kind, name), who in audiences(schema).items():
        if who != ANYBODY:
            parent = schema.type_map[kind]
            if not isinstance(parent, GraphQLObjectType):
                raise TypeError(f"{kind} has no resolvers")
            field = parent.fields[name]
            nullable = not is_non_null_type(field.type)
            if parent is schema.subscription_type:
                field.subscribe = _restricted(who, field.subscribe, nullable=False)
            else:
                field.resolve = _restricted(who, field.resolve, nullable=nullable)
    return schema


def _restricted(who: Audience, resolve: Callable[..., Any] | None, *, nullable: bool) -> Callable[..., Any]:
    """The resolver, for its audience only. Other callers get null, as for an id that does not exist, or else NotPermitted."""
    if resolve is None:
        raise TypeError("a field for some needs a resolver")

    def checked(root: object, info: Any, **arguments: Any) -> Any:
        context: Context = info.context
        if who.admits(context.caller):
            return resolve(root, info, **arguments)
        if nullable:
            return None
        raise NotPermitted

    return checked
