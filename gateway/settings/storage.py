"""Settings of secrets and storage: signing and sealing keys, audit anchors, database, Redis."""

import base64
from pathlib import Path
from typing import Self
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, field_validator, model_validator

from gateway.settings.environment import EnvironmentSettings
from integrations.database.sealing import KEY_BYTES

# An HMAC key shorter than the hash is weaker than the HMAC (RFC 2104, section 3).
_SECRET_LENGTH = 32

# The secret of local development stacks, whose data is synthetic; production refuses it.
DEVELOPMENT_SECRET = "frontdoor-development-only-anybody-can-know-this"  # noqa: S105  # that is its point

# URL schemes that the adapters support.
_DATABASES = frozenset({"sqlite", "sqlite+aiosqlite", "postgres", "postgresql", "postgresql+asyncpg"})
_REDISES = frozenset({"redis", "rediss", "unix"})


class StorageSettings(EnvironmentSettings):
    """Secrets, the audit trail's anchor file, the database and Redis."""

    secret_key: SecretStr = Field(
        description="Signs visitor and guest tokens; at least 32 random characters."
    )
    data_keys: dict[str, SecretStr] = Field(
        default_factory=dict,
        description="JSON: ids and keys (32 random bytes in base64) that encrypt patient details at rest (sealing). The first seals, all open; "
        "without any, a key is derived from `FRONTDOOR_SECRET_KEY`.",
    )
    audit_keys: tuple[SecretStr, ...] = Field(
        (),
        description="JSON list of secrets (at least 32 random characters each) that sign the audit trail. The first signs, all "
        "verify, so former ones stay in the list. Without any, `FRONTDOOR_SECRET_KEY` signs; its former values belong in here, too.",
    )
    audit_anchor_file: Path | None = Field(
        None,
        description="The file that an anchor of the audit trail is appended to every minute, as it is logged; put it on another machine's disk.",
    )
    database_role: str | None = Field(
        None,
        description="The PostgreSQL role that gateway and worker connect as, where `frontdoor migrate` runs as another: the "
        "migration grants it what it needs; on the audit trail only insert and select.",
    )
    database_url: str = Field(
        "sqlite:///.frontdoor/frontdoor.sqlite3",
        repr=False,  # it may carry a password
        description="`sqlite:///path` or `postgresql://user@host/name`.",
    )
    redis_url: str | None = Field(
        None,
        repr=False,
        description="Keeps slot holds, pacing and rate limits in Redis, shared by all processes; without it holds are in the database, and each process paces and counts for itself.",
    )

    @field_validator("secret_key")
    @classmethod
    def _long_enough(cls, value: SecretStr) -> SecretStr:
        if len(value.get_secret_value()) < _SECRET_LENGTH:
            raise ValueError(f"needs at least {_SECRET_LENGTH} characters")
        return value

    @field_validator("audit_keys")
    @classmethod
    def _each_long_enough(cls, value: tuple[SecretStr, ...]) -> tuple[SecretStr, ...]:
        if any(len(secret.get_secret_value()) < _SECRET_LENGTH for secret in value):
            raise ValueError(f"need at least {_SECRET_LENGTH} characters each")
        return value

    @field_validator("data_keys")
    @classmethod
    def _keys_of_aes_256(cls, value: dict[str, SecretStr]) -> dict[str, SecretStr]:
        for name, key in value.items():
            if _key_length(key) != KEY_BYTES:
                raise ValueError(f"{name!r} is not {KEY_BYTES} bytes in base64")
        return value

    @field_validator("database_url")
    @classmethod
    def _known_database(cls, value: str) -> str:
        return _address(value, _DATABASES, "sqlite:///path or postgresql://user:password@host:port/name")

    @field_validator("redis_url")
    @classmethod
    def _known_redis(cls, value: str | None) -> str | None:
        if value is None:
            return None
        return _address(value, _REDISES, "redis://host:port/number, or rediss:// with TLS")

    @model_validator(mode="after")
    def _own_secret(self) -> Self:
        if self.secret_key.get_secret_value() == DEVELOPMENT_SECRET and not self.in_development:
            raise ValueError("FRONTDOOR_SECRET_KEY is the development stack's: make your own")
        return self

    @property
    def data_keys_bytes(self) -> dict[str, bytes]:
        """The data keys, decoded."""
        return {name: base64.b64decode(key.get_secret_value()) for name, key in self.data_keys.items()}

    @property
    def audit_secrets(self) -> tuple[str, ...]:
        """The secrets that the audit's keys are derived from: the first signs, all verify."""
        return tuple(secret.get_secret_value() for secret in (*self.audit_keys, self.secret_key))


def _address(value: str, schemes: frozenset[str], form: str) -> str:
    """The URL, if its scheme and port are valid. Raises ValueError, whose text does not quote the URL."""
    scheme, separator, _ = value.partition("://")
    try:
        _ = urlsplit(value).port
    except ValueError:
        separator = ""
    if not separator or scheme not in schemes:
        raise ValueError(f"is {form}")
    return value


def _key_length(key: SecretStr) -> int | None:
    try:
        return len(base64.b64decode(key.get_secret_value(), validate=True))
    except ValueError:
        return None
