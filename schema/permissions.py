"""Audiences: who may select a GraphQL field. Declared on the field, or on a type for everything reached through another field.

Declared here, enforced in `gateway/callers/permissions.py`. An audience only says which kinds of caller may select the field;
whether a particular object is the caller's own is checked by the domain (`Caller.owns`).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

import strawberry
from graphql import GraphQLSchema, is_introspection_type, is_object_type

from booking.principals import Caller, PrincipalKind

T = TypeVar("T")

# Metadata key of a field's audience.
WHO = "frontdoor.who"

# Attribute of a type whose fields have the audience of the field that leads to it.
_REACHED = "__frontdoor_reached__"


@dataclass(frozen=True, kw_only=True)
class Audience:
    """Who may select a field."""

    kinds: frozenset[PrincipalKind]
    unknown: bool = False  # also callers without credentials
    own: bool = True  # the field returns only the caller's own objects
    any_of_practice: frozenset[PrincipalKind] = frozenset()  # but these kinds get anybody's

    def admits(self, caller: Caller | None) -> bool:
        """Whether this caller may select the field."""
        return self.unknown if caller is None else caller.principal.kind in self.kinds


_K = PrincipalKind

ANYBODY = Audience(kinds=frozenset(_K), unknown=True, own=False)
# Callers who can hold a slot. Staff and operators cannot.
SHOPPERS = Audience(kinds=frozenset({_K.VISITOR, _K.GUEST, _K.PATIENT}))
# Callers who can own a checkout: its guest, or the patient who started it.
BUYERS = Audience(kinds=frozenset({_K.GUEST, _K.PATIENT}))
# Callers who can change a booked visit: its patient, the guest who booked it, and staff of the practice, who may change any.
CHANGERS = Audience(kinds=frozenset({_K.GUEST, _K.PATIENT, _K.STAFF}), any_of_practice=frozenset({_K.STAFF}))
# Callers who can change a membership: its patient, and staff of the practice, who may change any.
MEMBERS = Audience(kinds=frozenset({_K.PATIENT, _K.STAFF}), any_of_practice=frozenset({_K.STAFF}))
GUESTS = Audience(kinds=frozenset({_K.GUEST}))
PATIENTS = Audience(kinds=frozenset({_K.PATIENT}))
STAFF = Audience(kinds=frozenset({_K.STAFF}), own=False)
OPERATORS = Audience(kinds=frozenset({_K.OPERATOR}), own=False)


class Undeclared(Exception):
    """A field without an audience. The schema cannot be built with it."""


def reached(kind: type[T]) -> type[T]:
    """Mark a type and its subclasses: their fields have the audience of the field that leads to them."""
    setattr(kind, _REACHED, True)
    return kind


def audiences(schema: GraphQLSchema) -> Mapping[tuple[str, str], Audience]:
    """The declared audiences, by type and field name. Raises Undeclared."""
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
