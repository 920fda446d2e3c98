"""Endpoints as the settings declare them: by a name, with what signs; docs/events.md says how."""

import base64
import binascii
from collections.abc import Mapping
from datetime import datetime
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr, StringConstraints

from booking.events.deliveries import FROM_SETTINGS, Endpoint, Secret
from booking.events.model import EventName

# Standard Webhooks: between 24 and 64 random bytes.
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


# Shorter than any secret, so that nobody's secret can pass for a name, and be shown as one.
A_NAME = r"^[a-z][a-z0-9_-]{0,29}$"

EndpointName = Annotated[str, StringConstraints(pattern=A_NAME)]


class DeclaredEndpoint(BaseModel):
    """Another system that is told events."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    url: SecretStr  # it may carry a token
    secrets: tuple[Annotated[SecretStr, AfterValidator(_signs)], ...] = Field(min_length=1)  # all sign
    events: frozenset[EventName] | None = Field(None, min_length=1)  # None: all


def endpoints_of(declared: Mapping[str, DeclaredEndpoint], *, now: datetime) -> list[Endpoint]:
    """The endpoints that are to be kept."""
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
