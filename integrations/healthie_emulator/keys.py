"""API keys: each acts as one user."""

from collections.abc import Iterable
from typing import Any

from integrations.healthie_emulator.connections import page
from integrations.healthie_emulator.errors import not_allowed, refused
from integrations.healthie_emulator.records import ApiKey, User
from integrations.healthie_emulator.resources.ordering import Key, arranged
from integrations.healthie_emulator.state import Request


def _api_keys(request: Request, args: dict[str, Any]) -> dict[str, Any]:
    return _page(request.world.api_keys, request, args)


def keys_of(user: User, request: Request, args: dict[str, Any]) -> dict[str, Any]:
    """List the keys of a user, as far as the actor may know of them."""
    own = (key for key in request.world.api_keys if key.user_id == user.id)
    return _page(own if request.actor else (), request, args)


def _page(keys: Iterable[ApiKey], request: Request, args: dict[str, Any]) -> dict[str, Any]:
    words = (args.get("keywords") or "").lower()
    found = (key for key in keys if _owns(request, key) and words in key.name.lower())
    orders: dict[str, Key] = {
        "CREATED_AT": lambda key: (key.created_at, int(key.id)),
        "NAME": lambda key: key.name.lower(),
    }
    return page(arranged(found, args, orders, "CREATED_AT_ASC"), args)


def _owns(request: Request, key: ApiKey) -> bool:
    return request.me.is_admin or key.user_id == request.me.user.id


def _create_api_key(request: Request, given: dict[str, Any]) -> dict[str, Any]:
    """Mint a key; for another user only with an administrator's key. Needs a permission (a switch)."""
    me, world = request.me, request.world
    owner_id = given.get("user_id") or me.user.id
    if not world.switches.may_create_api_keys or (owner_id != me.user.id and not me.is_admin):
        raise not_allowed()
    if world.users.get(owner_id) is None:
        return refused("User not found", field="user_id")
    key_id = world.api_keys.new_id()
    key = world.api_keys.add(
        id=key_id,
        user_id=owner_id,
        name=given.get("name") or "API key",
        secret=f"emulator-key-{world.seed}-{key_id}",
    )
    return {"api_key": key.secret, "api_key_object": key}


def _delete_api_key(request: Request, given: dict[str, Any]) -> dict[str, Any]:
    key = request.world.api_keys.get(given.get("id"))
    if key is None or not _owns(request, key):
        return refused("API key not found", field="id")
    request.world.api_keys.remove(key.id)
    return {"api_key": key}


RESOLVERS = {
    "Query.apiKeys": _api_keys,
    "Mutation.createApiKey": _create_api_key,
    "Mutation.deleteApiKey": _delete_api_key,
    "ApiKey.displayable_key": lambda key, *_: f"{key.secret[:4]}…{key.secret[-2:]}",
}
