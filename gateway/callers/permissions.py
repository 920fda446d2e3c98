"""Permissions, checked in one place: around every field that declares who may ask for it, when the schema is built.

A field of a `reached` type is not looked at again: what a list holds costs nothing. Every transport, and every replay of an
idempotency key, passes here.
"""

from collections.abc import Callable
from typing import Any

from graphql import GraphQLObjectType, GraphQLSchema, is_non_null_type

from schema.context import Context
from schema.errors import RequestError
from schema.permissions import ANYBODY, Audience, audiences


class NotPermitted(RequestError):
    """A field that is not for this caller, and that cannot be null instead."""

    code = "FORBIDDEN"
    message = "This is not open to you. Sign in as somebody who may, or send the guest token of the checkout."
    status = 403


def permitted(schema: GraphQLSchema) -> GraphQLSchema:
    """The schema, each field asked only for whom it is meant. Raises Undeclared."""
    for (kind, name), who in audiences(schema).items():
        if who != ANYBODY:
            parent = schema.type_map[kind]
            if not isinstance(parent, GraphQLObjectType):
                raise TypeError(f"{kind} has no resolvers")
            field = parent.fields[name]
            nullable = not is_non_null_type(field.type)
            if parent is schema.subscription_type:
                field.subscribe = _asked_by(who, field.subscribe, nullable=False)
            else:
                field.resolve = _asked_by(who, field.resolve, nullable=nullable)
    return schema


def _asked_by(who: Audience, resolve: Callable[..., Any] | None, *, nullable: bool) -> Callable[..., Any]:
    """The resolver for its audience. To everybody else there is nothing: null as of a missing id, else NotPermitted."""
    if resolve is None:
        raise TypeError("a field for some needs a resolver")

    def asked(root: object, info: Any, **arguments: Any) -> Any:
        context: Context = info.context
        if who.admits(context.caller):
            return resolve(root, info, **arguments)
        if nullable:
            return None
        raise NotPermitted

    return asked
