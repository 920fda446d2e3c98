"""Calls resolvers of queries as Strawberry does, without what it prepares for fields that need more (ADR 49).

With each request Strawberry converts every argument, and chains the extensions of a field and its handlers of exceptions. Where a field has neither,
and every argument is a scalar or an enum, which arrive as they are passed on, that was a fifth of the processor time of a request for plans.
"""

from collections.abc import Callable
from typing import Any

import strawberry
from graphql import GraphQLField, get_named_type, get_nullable_type, is_leaf_type, is_union_type
from strawberry.types.arguments import StrawberryArgument
from strawberry.types.field import StrawberryField

from schema.executable import executable


def with_direct_resolvers(schema: strawberry.Schema) -> strawberry.Schema:
    """The same schema. Whoever wraps resolvers, such as permissions do, wraps them afterwards."""
    queries = executable(schema).query_type
    for field in queries.fields.values() if queries else ():
        declared = field.extensions.get("strawberry-definition")
        if declared.__class__ is StrawberryField and _is_plain(field, declared):
            field.resolve = _direct(field, declared, schema.config.info_class)
    return schema


def _is_plain(field: GraphQLField, declared: StrawberryField) -> bool:
    """Whether Strawberry would do nothing but rename the arguments."""
    resolver = declared.base_resolver
    return (
        resolver is not None
        and resolver.parent_parameter is None
        and resolver.root_parameter is None
        and not declared.extensions
        # Handlers of exceptions return members of unions.
        and not is_union_type(get_named_type(field.type))
        and all(
            is_leaf_type(get_nullable_type(argument.type)) and not _declared(argument).is_maybe
            for argument in field.args.values()
        )
    )


def _direct(
    field: GraphQLField, declared: StrawberryField, info_class: type[strawberry.Info]
) -> Callable[..., Any]:
    resolver: Any = declared.base_resolver
    names = {name: _declared(argument).python_name for name, argument in field.args.items()}
    info_name = resolver.info_parameter.name if resolver.info_parameter else None
    takes_self = resolver.self_parameter is not None

    def resolve(source: object, raw_info: Any, /, **arguments: Any) -> Any:
        given = {names[name]: value for name, value in arguments.items()}
        if info_name is not None:
            given[info_name] = info_class(_raw_info=raw_info, _field=declared)
        return resolver(source, **given) if takes_self else resolver(**given)

    return resolve


def _declared(argument: Any) -> StrawberryArgument:
    found: StrawberryArgument = argument.extensions["strawberry-definition"]
    return found
