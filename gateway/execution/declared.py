"""What the schema's classes declare of types and fields, as far as writers go by it."""

import keyword
from typing import Any

from graphql import GraphQLField, GraphQLObjectType, get_nullable_type
from strawberry.types.field import StrawberryField

from schema.shared import may_be_in_tables


def attribute_of(field: GraphQLField) -> str | None:
    """The attribute that the field reads, if its resolver does just that. None: it has a resolver, or something around it."""
    declared = field.extensions.get("strawberry-definition")
    if (
        not isinstance(declared, StrawberryField)
        or not declared.is_basic_field
        or declared.default_resolver is not getattr
        or not getattr(field.resolve, "_is_default", False)  # wrapped by nobody, such as permissions
        or field.args
        or not declared.python_name.isidentifier()
        or keyword.iskeyword(declared.python_name)
    ):
        return None
    return declared.python_name


def comes_in_tables(kind: Any) -> bool:
    """Whether lists of this type may be a SharedTable."""
    named = get_nullable_type(kind)
    declared = named.extensions.get("strawberry-definition") if isinstance(named, GraphQLObjectType) else None
    return declared is not None and may_be_in_tables(declared.origin)
