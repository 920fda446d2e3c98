"""Resource: the declaration of a kind of record, and the resolvers that follow from it.

Whatever a kind does besides goes into `check`, which may refuse, `derive`, which adds values, and `settle`, which acts afterwards.
"""

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

from integrations.healthie_emulator.errors import not_allowed, refused
from integrations.healthie_emulator.resources import item as items
from integrations.healthie_emulator.resources.item import Item
from integrations.healthie_emulator.state import Request

Given = dict[str, Any]
Refused = dict[str, Any] | None
Resolver = Callable[..., Any]


def _nothing_wrong(_request: Request, _given: Given, _found: Item | None) -> Refused:
    return None


def _nothing_more(_request: Request, _given: Given, _found: Item | None) -> Given:
    return {}


def _nothing_to_do(_request: Request, _item: Item, _given: Given) -> None:
    return None


@dataclasses.dataclass(frozen=True, kw_only=True)
class Resource:
    """One kind of record: its roots, what its inputs become, and what is refused."""

    kind: str  # the type of the contract, and the table of the items
    payload: str  # the field of every payload
    create: str | None = None  # the roots, where there are such
    update: str | None = None
    delete: str | None = None
    plain: tuple[str, ...] = ()  # fields of the inputs that are kept as they come
    required: Mapping[str, str] = dataclasses.field(default_factory=dict)  # field: its name in the message
    refers: Mapping[str, str] = dataclasses.field(default_factory=dict)  # field: the kind that it must name
    defaults: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    # What the webhooks are told when one is created, updated, deleted.
    events: Mapping[str, str] = dataclasses.field(default_factory=dict)
    ids_in_events: tuple[str, ...] = ()  # fields that the bodies carry besides the item's own id
    patients_may: frozenset[str] = frozenset()  # mutations that are not for staff alone
    sees: Callable[[Request, Item], bool] = lambda request, _: not request.me.is_patient
    check: Callable[[Request, Given, Item | None], Refused] = _nothing_wrong
    derive: Callable[[Request, Given, Item | None], Given] = _nothing_more
    settle: Callable[[Request, Item, Given], None] = _nothing_to_do
    clear: Callable[[Request, Item, Given], None] = _nothing_to_do  # after the item is gone


def resolvers(resource: Resource) -> dict[str, Resolver]:
    """Return the mutations of a resource, by root."""
    made = {resource.create: _create, resource.update: _update, resource.delete: _delete}
    return {f"Mutation.{root}": _permitted(resource, root, perform) for root, perform in made.items() if root}


def found(request: Request, resource: Resource, item_id: object) -> Item | None:
    """Return an item that exists for the actor."""
    item = request.world.items[resource.kind].get(item_id)
    return item if item and resource.sees(request, item) else None


def emit(request: Request, resource: Resource, what: str, item: Item, *changed: str) -> None:
    """Tell the webhooks what happened to an item."""
    if what in resource.events:
        more = {name: getattr(item, name) for name in resource.ids_in_events}
        request.world.emit(resource.events[what], resource.kind, item.id, changed or None, **more)


def _permitted(
    resource: Resource, root: str, perform: Callable[[Request, Resource, Given], dict[str, Any]]
) -> Resolver:
    def resolve(request: Request, given: Given) -> dict[str, Any]:
        if request.me.is_patient and root not in resource.patients_may:
            raise not_allowed()
        return perform(request, resource, given)

    return resolve


def _create(request: Request, resource: Resource, given: Given) -> dict[str, Any]:
    refusal = (
        _what_is_missing(resource, given)
        or _what_is_unknown(request, resource, given)
        or resource.check(request, given, None)
    )
    if refusal:
        return refusal
    plain = {name: given[name] for name in resource.plain if given.get(name) is not None}
    values = {**resource.defaults, **plain, **resource.derive(request, given, None)}
    item = items.add(request.world, resource.kind, **values)
    emit(request, resource, "created", item)
    resource.settle(request, item, given)
    return {resource.payload: request.world.items[resource.kind].get(item.id)}


def _update(request: Request, resource: Resource, given: Given) -> dict[str, Any]:
    item = found(request, resource, given.get("id"))
    if item is None:
        return _not_found(resource)
    named = {name: label for name, label in resource.required.items() if given.get(name) is not None}
    refusal = (
        _what_is_missing(dataclasses.replace(resource, required=named), given)
        or _what_is_unknown(request, resource, given)
        or resource.check(request, given, item)
    )
    if refusal:
        return refusal
    wanted = {name: given[name] for name in resource.plain if given.get(name) is not None}
    wanted |= resource.derive(request, given, item)
    changes = {name: value for name, value in wanted.items() if getattr(item, name) != value}
    if changes:
        item = items.change(request.world, resource.kind, item.id, **changes)
        emit(request, resource, "updated", item, *changes)
    resource.settle(request, item, given)
    return {resource.payload: request.world.items[resource.kind].get(item.id)}


def _delete(request: Request, resource: Resource, given: Given) -> dict[str, Any]:
    item = found(request, resource, given.get("id"))
    if item is None:
        return _not_found(resource)
    request.world.items[resource.kind].remove(item.id)
    resource.clear(request, item, given)
    emit(request, resource, "deleted", item)
    return {resource.payload: item}


def _not_found(resource: Resource) -> dict[str, Any]:
    return refused(f"{_spaced(resource.kind)} not found", field="id")


def _spaced(kind: str) -> str:
    return "".join(f" {c.lower()}" if c.isupper() else c for c in kind).strip().capitalize()


def _what_is_missing(resource: Resource, given: Given) -> Refused:
    for name, label in resource.required.items():
        value = given.get(name)
        if value is None or not str(value).strip():
            return refused(f"{label} can't be blank", field=name)
    return None


def _what_is_unknown(request: Request, resource: Resource, given: Given) -> Refused:
    for name, kind in resource.refers.items():
        if given.get(name) and not exists(request, kind, given[name]):
            return refused(f"{_spaced(kind)} must exist", field=name)
    return None


def exists(request: Request, kind: str, record_id: object) -> bool:
    """Return whether a record of this type exists for the actor."""
    if kind != "User":
        return request.world.items[kind].get(record_id) is not None
    user = request.world.users.get(record_id)
    return user is not None and (not user.is_patient or request.me.sees_patient(user.id))
