"""Who may ask for a field: declared on the field, or on the type for all that is reached through another field.

Declared here, decided in `gateway/callers/permissions.py`. Which of the things of its kind are the caller's is for the domain to say
(`Caller.owns`): an audience tells who may ask at all.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

import strawberry
from graphql import GraphQLSchema, is_introspection_type, is_object_type

from booking.principals import Caller, PrincipalKind

T = TypeVar("T")

# In a field's metadata: its audience.
WHO = "frontdoor.who"

# On a type: whoever may ask for the field that leads to it may ask for all of it.
_REACHED = "__frontdoor_reached__"


@dataclass(frozen=True, kw_only=True)
class Audience:
    """Who may ask for a field."""

    kinds: frozenset[PrincipalKind]
    unknown: bool = False  # whoever has not said who they are
    own: bool = True  # of what the field finds, only the caller's own

    def admits(self, caller: Caller | None) -> bool:
        """Whether this caller may ask."""
        return self.unknown if caller is None else caller.principal.kind in self.kinds


_K = PrincipalKind

ANYBODY = Audience(kinds=frozenset(_K), unknown=True, own=False)
# Whoever can hold a slot. People who work for the practice do not shop here.
SHOPPERS = Audience(kinds=frozenset({_K.VISITOR, _K.GUEST, _K.PATIENT}))
# Whoever can own a checkout: its guest, or the patient who started it.
BUYERS = Audience(kinds=frozenset({_K.GUEST, _K.PATIENT}))
GUESTS = Audience(kinds=frozenset({_K.GUEST}))
PATIENTS = Audience(kinds=frozenset({_K.PATIENT}))
STAFF = Audience(kinds=frozenset({_K.STAFF}), own=False)
OPERATORS = Audience(kinds=frozenset({_K.OPERATOR}), own=False)


class Undeclared(Exception):
    """A field that nobody has said who may ask for; the schema is not built with it."""


def reached(kind: type[T]) -> type[T]:
    """Mark a type whose fields are for whoever may ask for the field that leads to it; its subclasses are, too."""
    setattr(kind, _REACHED, True)
    return kind


def audiences(schema: GraphQLSchema) -> Mapping[tuple[str, str], Audience]:
    """The fields that declare who may ask for them, by type and name. Raises Undeclared."""
    found = {}
    for kind in schema.type_map.values():
        if is_introspection_type(kind) or not is_object_type(kind):
            continue
        for name, field in kind.fields.items():
            who = _metadata(field.extensions).get(WHO)
            if who is not None:
                found[kind.name, name] = who
            elif not _is_reached(kind.extensions):
                raise Undeclared(f"{kind.name}.{name} does not say who may ask for it")
    return found


def _metadata(extensions: Mapping[str, Any]) -> Mapping[Any, Any]:
    field = extensions.get("strawberry-definition")
    return field.metadata if isinstance(field, strawberry.types.field.StrawberryField) else {}


def _is_reached(extensions: Mapping[str, Any]) -> bool:
    definition = extensions.get("strawberry-definition")
    return definition is not None and getattr(definition.origin, _REACHED, False)
