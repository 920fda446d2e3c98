"""Event endpoints that the settings declare: a name, a URL, signing secrets and event names; see docs/events.md."""

import base64
import binascii
from collections.abc import Mapping
from datetime import datetime
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr, StringConstraints

from booking.events.deliveries import FROM_SETTINGS, Endpoint, Secret
from booking.events.model import EventName

# Secrets have 24 to 64 random bytes (Standard Webhooks).
_SECRET_BYTES = range(24, 65)


def _signs(secret: SecretStr) -> SecretStr:
    prefix, mark, drawn = secret.get_secret_value().partition("whsec_")
    try:
        length = len(base64.b64decode(drawn, validate=True))
    except (binascii.Error, ValueError):
        length = 0
    if prefix or not mark or length not in _SECRET_BYTES:
        raise ValueError("a secret is whsec_ and 24 to 64 random bytes in base64")
    return secret


# Shorter than any secret: a secret given as a name by mistake is rejected, not printed.
A_NAME = r"^[a-z][a-z0-9_-]{0,29}$"

EndpointName = Annotated[str, StringConstraints(pattern=A_NAME)]


class DeclaredEndpoint(BaseModel):
    """A subscriber's endpoint that receives events."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    url: SecretStr  # it may carry a token
    secrets: tuple[Annotated[SecretStr, AfterValidator(_signs)], ...] = Field(min_length=1)  # all sign
    events: frozenset[EventName] | None = Field(None, min_length=1)  # None: all


def endpoints_of(declared: Mapping[str, DeclaredEndpoint], *, now: datetime) -> list[Endpoint]:
    """Converts the declared endpoints to the domain's, with ids that mark them as from the settings."""
    return [
        Endpoint(
            id=f"{FROM_SETTINGS}{name}",
            url=one.url.get_secret_value(),
            events=one.events,
            secrets=tuple(Secret(text=secret.get_secret_value()) for secret in one.secrets),
            created_at=now,
        )
        for name, one in declared.items()
    ]
