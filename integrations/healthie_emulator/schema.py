"""The executable schema: the contract, with a resolver on every field.

Resolvers are named `Type.field` and take plain values:

    Query.x      f(request, args)
    Mutation.x   f(request, given)            `given` is the `input` object; answers the payload
    Type.x       f(record, request, args)

A field without one reads the record's attribute (or key) of its name; where the record has none, a field that may not be
null answers the empty value of its type. Instants are written in the format of their type, in the zone of the key's owner.
"""

import inspect
import json
from collections.abc import Callable, Mapping
from datetime import date, datetime
from pathlib import Path
from typing import Any

from graphql import (
    GraphQLEnumType,
    GraphQLError,
    GraphQLField,
    GraphQLInputObjectType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLOutputType,
    GraphQLResolveInfo,
    GraphQLSchema,
    build_schema,
    get_named_type,
    is_required_input_field,
)

from integrations.healthie_emulator import dates, permissions
from integrations.healthie_emulator.errors import not_signed_in
from integrations.healthie_emulator.scheduling.public import PUBLIC_FIELDS, PUBLIC_MUTATIONS
from integrations.healthie_emulator.state import Request, Table
from integrations.healthie_emulator.uploads import check_upload

CONTRACT = Path(__file__).parent.parent / "healthie" / "contract.graphql"


# What a field of a scalar type that may not be null answers for a record that says nothing of it.
EMPTY = {"Boolean": False, "Int": 0, "Float": 0.0, "String": "", "ID": "0", "JSON": {}, "Cursor": ""}

Resolver = Callable[..., Any]


def executable_schema(
    resolvers: Mapping[str, Resolver], adapt: Callable[[GraphQLSchema], None] | None = None
) -> GraphQLSchema:
    """Build the contract's schema, changed by `adapt`, with these resolvers.

    Raises LookupError for a root field without a resolver, and for a resolver that has no field.
    """
    schema = build_schema(CONTRACT.read_text(encoding="utf-8"))
    if adapt is not None:
        adapt(schema)
    for name in ("ISO8601DateTime", "ISO8601Date"):
        _accept(schema.type_map[name], _check_date)
    _accept(schema.type_map["JSON"], _check_json)
    _accept(schema.type_map["Upload"], check_upload)
    left = dict(resolvers)
    for type_ in schema.type_map.values():
        if isinstance(type_, GraphQLObjectType) and not type_.name.startswith("__"):
            for name, field in type_.fields.items():
                field.resolve = _resolver(type_, name, field, left.pop(f"{type_.name}.{name}", None))
    if left:
        raise LookupError(f"no such fields in the contract: {', '.join(left)}")
    return schema


def _resolver(
    type_: GraphQLObjectType, name: str, field: GraphQLField, given: Resolver | None
) -> Callable[..., Any]:
    if type_.name == "Query":
        return _query(name, field, _present(given, name))
    if type_.name == "Mutation":
        return _mutation(name, field, _present(given, name))
    if get_named_type(field.type).name in {"ISO8601DateTime", "ISO8601Date"}:
        return _instant(type_.name, given or _attribute(name, field))
    return _field(given or _attribute(name, field))


def _query(name: str, field: GraphQLField, given: Resolver) -> Callable[..., Any]:
    kind = get_named_type(field.type).name

    def resolve(_root: Any, info: GraphQLResolveInfo[Request], **args: Any) -> Any:
        request = info.context
        if request.actor is None and name not in PUBLIC_FIELDS:
            raise not_signed_in()
        return permissions.read(request, name, kind, args, given)

    return resolve


def _mutation(name: str, field: GraphQLField, given: Resolver) -> Callable[..., Any]:
    payload = get_named_type(field.type)
    required = _required(field)

    async def resolve(_root: Any, info: GraphQLResolveInfo[Request], **args: Any) -> Any:
        request = info.context
        if request.actor is None and name not in PUBLIC_MUTATIONS:
            raise not_signed_in()
        values = args.get("input") or {}
        if missing := sorted(required - values.keys()):  # where the input itself may be left out
            raise GraphQLError(f"{name} needs an input with {', '.join(missing)}")
        refused = permissions.refused_mutation(request, name, values)
        if refused is not None:
            return refused
        if name in request.world.switches.silent_noop:
            return _nothing_done(payload, request, values)
        answer = given(request, values)
        return await answer if inspect.isawaitable(answer) else answer

    return resolve


def _required(field: GraphQLField) -> frozenset[str]:
    """The fields of a mutation's input that must be given."""
    kind = get_named_type(field.args["input"].type) if "input" in field.args else None
    fields = kind.fields if isinstance(kind, GraphQLInputObjectType) else {}
    return frozenset(name for name, each in fields.items() if is_required_input_field(each))


def _nothing_done(payload: Any, request: Request, given: dict[str, Any]) -> dict[str, Any]:
    """Answer as a success: the record as it was, if there is one, and no messages."""
    answer: dict[str, Any] = {"sent": True}
    record_id = given.get("id") or given.get("billing_item_id") or given.get("card_id")
    for name, field in payload.fields.items():
        table = _tables(request).get(get_named_type(field.type).name)
        if table is not None:
            answer[name] = table.get(record_id)
    return answer


def _tables(request: Request) -> dict[str, Table[Any]]:
    world = request.world
    return {
        "User": world.users,
        "ApiKey": world.api_keys,
        "Appointment": world.appointments,
        "BillingItem": world.billing_items,
        "RequestedPayment": world.requested_payments,
        "StripeCustomerDetail": world.cards,
        "Webhook": world.webhooks,
    }


def _field(given: Resolver) -> Callable[..., Any]:
    def resolve(record: Any, info: GraphQLResolveInfo[Request], **args: Any) -> Any:
        return given(record, info.context, args)

    return resolve


def _instant(type_name: str, given: Resolver) -> Callable[..., Any]:
    def resolve(record: Any, info: GraphQLResolveInfo[Request], **args: Any) -> Any:
        value = given(record, info.context, args)
        if isinstance(value, datetime):
            form = info.context.world.switches.date_formats.get(type_name)
            return dates.write(value, type_name=type_name, zone=info.context.zone, form=form)
        return value.isoformat() if isinstance(value, date) else value

    return resolve


def _attribute(name: str, field: GraphQLField) -> Resolver:
    """Read the attribute (or key) of the name, else what `more` has of it; without one, the field's empty value."""
    empty = _empty(field.type)

    def read(record: Any, _request: Request, _args: dict[str, Any]) -> Any:
        value = record.get(name) if isinstance(record, Mapping) else getattr(record, name, None)
        if value is None:
            value = (getattr(record, "more", None) or {}).get(name)
        return empty if value is None else value

    return read


def _empty(type_: GraphQLOutputType) -> Any:
    """The value of a field that has none: null where it may be null."""
    if not isinstance(type_, GraphQLNonNull):
        return None
    if isinstance(type_.of_type, GraphQLList):
        return ()
    if isinstance(type_.of_type, GraphQLEnumType):
        return next(iter(type_.of_type.values))
    if isinstance(type_.of_type, GraphQLObjectType):  # an empty page, or a record that says nothing
        return {"nodes": (), "edges": (), "page_info": {}}
    return EMPTY.get(get_named_type(type_).name)


def _present(given: Resolver | None, name: str) -> Resolver:
    """The resolver of a root field, which has nothing to read an answer from without one."""
    if given is None:
        raise LookupError(f"{name} has no resolver")
    return given


def _accept(scalar: Any, check: Callable[[Any], object]) -> None:
    """Let a scalar refuse what `check` refuses; what it accepts goes on as it came."""

    def coerce(value: Any) -> Any:
        check(value)
        return value

    scalar.parse_value = scalar.coerce_input_value = coerce


def _check_date(value: Any) -> None:
    """Refuse what is no date; the text is read later, where its zone is known."""
    if not isinstance(value, str):
        raise GraphQLError("A date must be a string")
    dates.read(value, "UTC")


def _check_json(value: Any) -> None:
    try:
        json.dumps(value, allow_nan=False)
    except ValueError:
        raise GraphQLError("JSON has no such number") from None
