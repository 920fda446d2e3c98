"""Calls resolvers of queries as Strawberry does, without what it prepares for fields that need more (ADR 49).

With each request Strawberry converts every argument, and chains the extensions of a field and its handlers of exceptions. Where a field has neither,
and every argument is a scalar or an enum, which arrive as they are passed on, that was a fifth of the processor time of a request for plans. An
input object of such fields and lists of them is made of them by name: what Strawberry finds out of its class with each request is found once.
"""

from collections.abc import Callable
from dataclasses import MISSING
from typing import Any, TypeAlias

import strawberry
from graphql import (
    GraphQLField,
    GraphQLInputObjectType,
    get_named_type,
    get_nullable_type,
    is_input_object_type,
    is_leaf_type,
    is_list_type,
    is_union_type,
)
from strawberry.types.arguments import StrawberryArgument
from strawberry.types.base import StrawberryMaybe
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
            not _declared(argument).is_maybe and _conversion(argument.type) is not None
            for argument in field.args.values()
        )
    )


def _direct(
    field: GraphQLField, declared: StrawberryField, info_class: type[strawberry.Info]
) -> Callable[..., Any]:
    resolver: Any = declared.base_resolver
    names = {name: _declared(argument).python_name for name, argument in field.args.items()}
    conversions = {name: _conversion(argument.type) or _as_it_is for name, argument in field.args.items()}
    converted = {name: convert for name, convert in conversions.items() if convert is not _as_it_is}
    info_name = resolver.info_parameter.name if resolver.info_parameter else None
    takes_self = resolver.self_parameter is not None

    def resolve(source: object, raw_info: Any, /, **arguments: Any) -> Any:
        for name, convert in converted.items():
            if name in arguments:
                arguments[name] = convert(arguments[name])
        given = {names[name]: value for name, value in arguments.items()}
        if info_name is not None:
            given[info_name] = info_class(_raw_info=raw_info, _field=declared)
        return resolver(source, **given) if takes_self else resolver(**given)

    return resolve


def _declared(argument: Any) -> StrawberryArgument:
    found: StrawberryArgument = argument.extensions["strawberry-definition"]
    return found


_Conversion: TypeAlias = Callable[[Any], Any]


def _as_it_is(value: Any) -> Any:
    return value


def _listed(value: Any) -> Any:
    return value if value is None or value is strawberry.UNSET else list(value)


def _conversion(kind: Any) -> _Conversion | None:
    """What becomes of a coerced value of this type; None: Strawberry may do more with it than is known here."""
    named = get_nullable_type(kind)
    if is_input_object_type(named):
        return _object(named)
    return _part(named)


def _part(kind: Any) -> _Conversion | None:
    """Of a leaf, or a list of leaves, which Strawberry copies."""
    named = get_nullable_type(kind)
    if is_list_type(named):
        return _listed if is_leaf_type(get_nullable_type(named.of_type)) else None
    return _as_it_is if is_leaf_type(named) else None


def _object(kind: GraphQLInputObjectType) -> _Conversion | None:
    declared = kind.extensions["strawberry-definition"]
    parts = {name: _part(field.type) for name, field in kind.fields.items()}
    names = {name: field.extensions["strawberry-definition"] for name, field in kind.fields.items()}
    if (
        declared.from_input is not None
        or None in parts.values()
        or any(isinstance(field.type, StrawberryMaybe) for field in names.values())
    ):
        return None
    # Fields that may be left out without a default.
    absent: dict[str, Any] = {
        field.python_name: None
        for field in declared.fields
        if field.default_value is MISSING and field.default_factory is MISSING
    }
    known = {name: (names[name].python_name, part or _as_it_is) for name, part in parts.items()}

    def convert(value: Any) -> Any:
        if value is None or value is strawberry.UNSET:
            return value
        given = absent.copy()
        for name, one in value.items():
            python_name, part = known[name]
            given[python_name] = part(one)
        return declared.origin(**given)

    return convert
