"""Request headers: the key's owner, and the API version."""

import dataclasses
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from integrations.healthie_emulator.errors import coded, not_signed_in
from integrations.healthie_emulator.state import Actor, World

BASELINE_VERSION = "2024-06-01"  # what a request without a version header is answered with
LATEST_VERSION = "2026-07-01"
PUBLISHED_VERSIONS = frozenset({BASELINE_VERSION, "2026-01-01", LATEST_VERSION})

WARNED_SINCE = datetime(2026, 7, 1, tzinfo=UTC)
SUNSET_DATE = "2027-01-31"
SUNSET = datetime(2027, 1, 31, tzinfo=UTC)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Caller:
    """Who asks, and the warnings that go into `extensions.warnings` of the answer."""

    actor: Actor | None
    warnings: tuple[dict[str, Any], ...] = ()


def read_headers(headers: Mapping[str, str], world: World) -> Caller:
    """Read `Authorization`, `AuthorizationSource` and the version; `AuthorizationShard` is accepted and ignored.

    Raises GraphQLError for an unpublished or ended version and for a key that is not one.
    """
    warnings = _check_version(headers.get("healthie-graphql-api-version") or None, world.clock.now())
    return Caller(actor=_actor(headers, world), warnings=warnings)


def _check_version(version: str | None, now: datetime) -> tuple[dict[str, Any], ...]:
    asked = version or BASELINE_VERSION
    if asked not in PUBLISHED_VERSIONS:
        raise coded(f"API version {asked[:20]!r} is not supported.", "UNSUPPORTED_API_VERSION")
    warnings: list[dict[str, Any]] = []
    if version is None:
        warnings.append(
            {
                "code": "MISSING_API_VERSION_HEADER",
                "message": f"Send Healthie-GraphQL-API-Version; {BASELINE_VERSION} was used.",
                "latest_version": LATEST_VERSION,
            }
        )
    if asked < LATEST_VERSION:
        if now >= SUNSET:
            raise coded(f"API version {asked} stopped answering on {SUNSET_DATE}.", "UNSUPPORTED_API_VERSION")
        if now >= WARNED_SINCE:
            warnings.append(
                {
                    "code": "API_VERSION_SUNSET_WARNING",
                    "message": f"API version {asked} stops answering on {SUNSET_DATE}.",
                    "requested_version": asked,
                    "sunset_date": SUNSET_DATE,
                    "latest_version": LATEST_VERSION,
                }
            )
    return tuple(warnings)


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
