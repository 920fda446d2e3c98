"""Request headers: the key's owner, and the API version."""

import dataclasses
from collections.abc import Mapping

from integrations.healthie_emulator import versions
from integrations.healthie_emulator.errors import not_signed_in
from integrations.healthie_emulator.state import Actor, World


@dataclasses.dataclass(frozen=True, kw_only=True)
class Caller:
    """Who asks, and on which version of the API."""

    actor: Actor | None
    version: versions.Version


def read_headers(headers: Mapping[str, str], world: World) -> Caller:
    """Read `Authorization`, `AuthorizationSource` and the version; `AuthorizationShard` is accepted and ignored.

    Raises GraphQLError for an unpublished, ended or missing version and for a key that is not one.
    """
    asked = headers.get("healthie-graphql-api-version") or None
    version = versions.served(asked, world.clock.now())
    return Caller(actor=_actor(headers, world), version=version)


def _actor(headers: Mapping[str, str], world: World) -> Actor | None:
    """Find the owner of the key, which follows `Basic` as it is, without base64."""
    authorization = headers.get("authorization")
    if not authorization:
        return None
    scheme, _, secret = authorization.partition(" ")
    key = next((k for k in world.api_keys if k.secret == secret.strip()), None)
    owner = world.users.get(key.user_id) if key else None
    if scheme.lower() != "basic" or headers.get("authorizationsource") != "API":
        raise not_signed_in()
    if owner is None or not owner.active:
        raise not_signed_in()
    return Actor(user=owner)
