"""Settings, all from the environment with the prefix `FRONTDOOR_`; docs/settings.md names each."""

import base64
import re
from datetime import time, timedelta
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Self
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from pydantic import (
    Field,
    HttpUrl,
    IPvAnyNetwork,
    SecretStr,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)
from pydantic_settings import BaseSettings, SettingsConfigDict

from booking.refusals import InvalidInput
from gateway.declared_endpoints import A_NAME, DeclaredEndpoint, EndpointName
from integrations.database.sealing import KEY_BYTES

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

# Below this an HMAC key can be guessed faster than the HMAC itself (RFC 2104, section 3: the hash's length).
_SECRET_LENGTH = 32

# What signs tokens in a stack on a developer's own machine, where everybody is synthetic; production refuses it.
DEVELOPMENT_SECRET = "frontdoor-development-only-anybody-can-know-this"  # noqa: S105  # that is its point

# The schemes of addresses that the adapters take.
_DATABASES = frozenset({"sqlite", "sqlite+aiosqlite", "postgres", "postgresql", "postgresql+asyncpg"})
_REDISES = frozenset({"redis", "rediss", "unix"})


class Environment(StrEnum):
    """Where the program runs."""

    DEVELOPMENT = "development"
    PRODUCTION = "production"


class TrustedDocumentsMode(StrEnum):
    """What the manifest of trusted documents is for."""

    OFF = "off"
    ALLOW = "allow"  # names and texts alike
    REQUIRE = "require"  # nothing but what is in the manifest


class LogFormat(StrEnum):
    """How log lines look."""

    CONSOLE = "console"
    JSON = "json"


class Settings(BaseSettings):
    """Read once, at start; secrets never print."""

    model_config = SettingsConfigDict(env_prefix="FRONTDOOR_", frozen=True, extra="ignore")

    environment: Environment = Field(
        Environment.PRODUCTION,
        description="`development` serves GraphiQL to anybody and accepts development tokens.",
    )
    secret_key: SecretStr = Field(
        description="Signs visitor and guest tokens; at least 32 random characters."
    )
    data_keys: dict[str, SecretStr] = Field(
        default_factory=dict,
        description="JSON: ids and keys (32 random bytes in base64) that seal patient details at rest. The first seals, all open; "
        "without any, a key is derived from the secret.",
    )
    audit_keys: tuple[SecretStr, ...] = Field(
        (),
        description="JSON list of secrets (at least 32 random characters each) that sign the audit trail. The first signs, all "
        "verify: a former one stays in the list. Without any it is the secret key, and a former one of those belongs in here.",
    )
    audit_anchor_file: Path | None = Field(
        None,
        description="Gets an anchor of the audit trail every minute, as the log does; it belongs on another machine's disk.",
    )
    database_role: str | None = Field(
        None,
        description="The PostgreSQL role that gateway and worker connect as, where `frontdoor migrate` runs as another: the "
        "migration gives it what it needs, and of the audit trail no more than to add and to read.",
    )
    database_url: str = Field(
        "sqlite:///.frontdoor/frontdoor.sqlite3",
        repr=False,  # it may carry a password
        description="`sqlite:///path` or `postgresql://user@host/name`.",
    )
    redis_url: str | None = Field(
        None, repr=False, description="Keeps slot holds in Redis; without it they are in the database."
    )
    healthie_url: HttpUrl = Field(
        description="Healthie's GraphQL endpoint (its sandbox: `https://staging-api.gethealthie.com/graphql`), or the emulator's."
    )
    healthie_organization_key: SecretStr = Field(
        description="An API key of the practice; for reading, never for booking."
    )
    healthie_keys: dict[str, SecretStr] = Field(
        default_factory=dict,
        description="JSON: each clinician's id and own API key; who has none is not bookable.",
    )
    healthie_api_version: str = Field(
        "2026-01-01",
        description="The version of Healthie's API to ask for; this one is answered until 2027-01-31.",
    )
    healthie_shard: str | None = Field(
        None, description="`AuthorizationShard`, where the account is sharded."
    )
    healthie_requests_per_second: float = Field(
        2, gt=0, le=10_000, description="How many requests a second each API key may send, over time."
    )
    healthie_burst: int = Field(
        20,
        ge=4,
        le=10_000,
        description="How many of them may be sent at once; a quarter is kept for checkouts.",
    )
    healthie_webhook_url: HttpUrl | None = Field(
        None,
        description="Where Healthie sends its webhooks, as Healthie knows it: it signs this path and query, whatever a proxy makes of them on the way to `/webhooks/healthie`. Frontdoor sees to it that they are sent; without it there are none.",
    )
    healthie_webhook_secrets: tuple[SecretStr, ...] = Field(
        (),
        description="JSON list of `signature_secret`s (`whsec_…`) of webhooks that you made yourself. Frontdoor reads those of webhooks to its address from Healthie, so none is needed.",
    )
    healthie_webhook_check_at: time = Field(
        time(6),
        description="When it is checked, every day, that Healthie sends its webhooks; the practice's time.",
    )
    healthie_webhook_silence: int = Field(
        6,
        ge=2,
        le=100,
        description="How many of the usual gaps between webhooks are a silence that is alerted, if visits change.",
    )
    healthie_webhook_sources: tuple[IPvAnyNetwork, ...] = Field(
        (),
        description="JSON list of addresses or networks that webhooks may come from, as told by the proxy or else the connection; Healthie's may change. Else any.",
    )
    payment_recipient_id: str | None = Field(
        None,
        description="Healthie's id of who receives every payment; else each goes to the treating clinician.",
    )
    alert_webhook_url: SecretStr | None = Field(
        None, description='Gets alerts as `{"text": …}`, as Slack takes them; they are logged in any case.'
    )
    endpoint_timeout_seconds: float = Field(
        15,
        ge=1,
        le=25,
        description="An endpoint that has not answered an event by then is told it again later.",
    )
    endpoints_allow_loopback: bool = Field(
        False,
        description="Lets endpoints be on this machine, and without TLS; for development, and refused in production.",
    )
    endpoints: dict[EndpointName, DeclaredEndpoint] = Field(
        default_factory=dict,
        description="JSON: names and endpoints that are told events, each `url`, `secrets` (a list; all sign) and perhaps `events`; "
        "see [events](events.md#endpoints-from-settings).",
    )
    in_doubt_minutes: int = Field(
        20, ge=1, le=1440, description="An outcome that is unknown for longer is alerted."
    )
    stripe_key: SecretStr | None = Field(
        None,
        description="A restricted key (`rk_…`) of the Stripe account that takes the payments, with read access to charges and "
        "events and nothing else: the sweep then holds Stripe's books against ours.",
    )
    oidc_issuer: str | None = Field(
        None,
        description="The practice's OpenID Connect provider, exactly as its tokens name it (`iss`); without one nobody can sign in.",
    )
    oidc_audience: str | None = Field(
        None, description="What the provider's tokens for this API have as `aud`; needed with the issuer."
    )
    oidc_role_claim: str = Field(
        "role",
        description="The claim with `patient`, `staff` or `operator`, or a list with one of them; who has none is a patient.",
    )
    oidc_patient_claim: str = Field(
        "healthie_patient_id",
        description="The claim with the patient's id in Healthie; else a verified email and name find them, once.",
    )
    oidc_tenant_claim: str | None = Field(
        None,
        description="The claim that must be `FRONTDOOR_TENANT`, where the provider serves several practices.",
    )
    oidc_longest_minutes: int = Field(
        60, ge=1, le=1440, description="A token that is good for longer is refused."
    )
    time_zone: ZoneInfo = Field(
        ZoneInfo("America/New_York"), description="The practice's time zone, by its IANA name."
    )
    tenant: str = Field(
        "practice", description="The practice's name in keys; change it only with an empty database."
    )
    cors_origins: tuple[str, ...] = Field(
        (), description="JSON list of browser origins that may call the API."
    )
    trusted_documents: Path | None = Field(
        None,
        description="A manifest of your apps' documents: JSON, names and texts, as GraphQL Code Generator and Relay write it.",
    )
    trusted_documents_mode: TrustedDocumentsMode = Field(
        TrustedDocumentsMode.REQUIRE,
        description="`require`: nothing but the manifest's documents is answered; `allow`: they may be sent by name; `off`.",
    )
    hold_minutes: int = Field(5, ge=1, le=30, description="How long a hold keeps a slot.")
    hold_extensions: int = Field(2, ge=0, le=10, description="How often a hold may be extended.")
    holds_per_owner: int = Field(3, ge=1, le=20, description="How many slots one caller may hold at once.")
    holds_per_client: int = Field(
        10, ge=1, le=1000, description="How many slots one network may hold at once, where it is known."
    )
    client_address_header: str | None = Field(
        None,
        description="The header in which your proxy names the client's address (its last entry counts), such as `X-Forwarded-For`; without it networks are not told apart.",
    )
    rate_factor: float = Field(
        1,
        gt=0,
        le=1_000_000,
        description="How many times as often as docs/rates.md says everybody may ask.",
    )
    cards_per_caller: int = Field(
        5,
        ge=1,
        le=1_000_000,
        description="How many cards of one checkout, visitor or patient may fail to pay in an hour.",
    )
    cards_per_network: int = Field(
        20, ge=1, le=1_000_000, description="The same of one network, where it is known."
    )
    cards_of_guests: int = Field(
        60,
        ge=1,
        le=1_000_000,
        description="The same of all together who have not signed in; half as many are alerted.",
    )
    confirm_minutes: int = Field(
        15, ge=1, le=60, description="No charge is sent later than this after a confirm."
    )
    answer_seconds: float = Field(10, gt=0, le=60, description="confirmCheckout answers within this time.")
    log_format: LogFormat = Field(LogFormat.JSON, description="`json` or `console`.")
    log_level: str = Field("INFO", description="The least level that is logged.")
    graphiql_for_operators: bool = Field(
        False,
        description="Serves GraphiQL's page in production too; with an operator's token, and no other, it gets the schema and may send any "
        "document. See [requests](requests.md#graphiql-in-production).",
    )
    emulator_url: HttpUrl | None = Field(
        None, description="Shown in GraphiQL as a link, when the upstream is the emulator."
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

    @field_validator("alert_webhook_url")
    @classmethod
    def _posts_over_http(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and not value.get_secret_value().startswith(("https://", "http://")):
            raise ValueError("is an http or https URL")
        return value

    @field_validator("endpoints")
    @classmethod
    def _can_be_sent_to(
        cls, value: dict[str, DeclaredEndpoint], info: ValidationInfo
    ) -> dict[str, DeclaredEndpoint]:
        # Loaded only where it is used: a tenth of a second at every start.
        from integrations.endpoints.urls import check_form  # noqa: PLC0415

        for name, endpoint in value.items():
            try:
                check_form(
                    endpoint.url.get_secret_value(),
                    allow_http=bool(info.data.get("endpoints_allow_loopback")),
                )
            except InvalidInput as error:
                raise ValueError(f"the URL of {name}: {error.reason}") from None
        return value

    @field_validator("stripe_key")
    @classmethod
    def _cannot_charge(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and not value.get_secret_value().startswith("rk_"):
            raise ValueError(
                "must be a restricted key (rk_…); no other is used, since any other could charge"
            )
        return value

    @field_validator("log_level")
    @classmethod
    def _known_level(cls, value: str) -> str:
        level = value.upper()
        if level not in {"DEBUG", "INFO", "WARNING", "ERROR"}:
            raise ValueError("is one of DEBUG, INFO, WARNING, ERROR")
        return level

    @field_validator("cors_origins")
    @classmethod
    def _origins_as_browsers_send_them(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(origin.rstrip("/") for origin in value)

    @model_validator(mode="after")
    def _whose_tokens(self) -> Self:
        if self.oidc_issuer is None:
            return self
        if not self.oidc_audience:
            raise ValueError(
                "FRONTDOOR_OIDC_AUDIENCE is needed with FRONTDOOR_OIDC_ISSUER: else tokens for other programs would count"
            )
        if not self.oidc_issuer.startswith(("https://", "http://") if self.in_development else "https://"):
            raise ValueError("FRONTDOOR_OIDC_ISSUER is an https URL")
        return self

    @model_validator(mode="after")
    def _webhooks_have_an_address(self) -> Self:
        if self.healthie_webhook_secrets and self.healthie_webhook_url is None:
            raise ValueError(
                "FRONTDOOR_HEALTHIE_WEBHOOK_URL is needed with FRONTDOOR_HEALTHIE_WEBHOOK_SECRETS: else nobody could see "
                "whether webhooks are sent there"
            )
        return self

    @model_validator(mode="after")
    def _own_secret(self) -> Self:
        if self.secret_key.get_secret_value() == DEVELOPMENT_SECRET and not self.in_development:
            raise ValueError("FRONTDOOR_SECRET_KEY is the development stack's: make your own")
        return self

    @model_validator(mode="after")
    def _no_loopback(self) -> Self:
        if self.endpoints_allow_loopback and not self.in_development:
            raise ValueError("FRONTDOOR_ENDPOINTS_ALLOW_LOOPBACK is for development")
        return self

    @model_validator(mode="after")
    def _no_wildcard(self) -> Self:
        if "*" in self.cors_origins and self.environment is Environment.PRODUCTION:
            raise ValueError("FRONTDOOR_CORS_ORIGINS names origins one by one in production")
        return self

    @property
    def data_keys_bytes(self) -> dict[str, bytes]:
        """The data keys, decoded."""
        return {name: base64.b64decode(key.get_secret_value()) for name, key in self.data_keys.items()}

    @property
    def audit_secrets(self) -> tuple[str, ...]:
        """What the audit's keys are derived from: the first signs, all verify."""
        return tuple(secret.get_secret_value() for secret in (*self.audit_keys, self.secret_key))

    @property
    def webhook_secrets(self) -> tuple[str, ...]:
        """What webhooks may be signed with, besides what is read from Healthie."""
        return tuple(secret.get_secret_value() for secret in self.healthie_webhook_secrets)

    @property
    def hold_duration(self) -> timedelta:
        """How long a hold keeps a slot."""
        return timedelta(minutes=self.hold_minutes)

    @property
    def in_development(self) -> bool:
        """Whether conveniences are on that have no place in production."""
        return self.environment is Environment.DEVELOPMENT

    @property
    def blind_to_networks(self) -> bool:
        """Whether no bound of a network can hold, where strangers ask: nobody is told apart by their address."""
        return self.client_address_header is None and not self.in_development


def _address(value: str, schemes: frozenset[str], form: str) -> str:
    """The address, if it has one of the schemes and a port that is one. Raises ValueError, without the address."""
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


class TokenSettings(BaseSettings):
    """What issuing a development token needs; without any settings it is for the stack of `frontdoor dev`."""

    model_config = SettingsConfigDict(env_prefix="FRONTDOOR_", frozen=True, extra="ignore")

    environment: Environment = Environment.DEVELOPMENT
    secret_key: SecretStr = SecretStr(DEVELOPMENT_SECRET)
    oidc_issuer: str | None = None

    @property
    def in_development(self) -> bool:
        """Whether this is a developer's machine."""
        return self.environment is Environment.DEVELOPMENT


def explain(error: ValidationError) -> str:
    """What is wrong with the environment, one line a setting, without any value."""
    problems = error.errors(include_input=False, include_url=False, include_context=False)
    lines = [f"  {_place(problem['loc'])}{_in_plain_words(problem)}" for problem in problems]
    return "\n".join(["Frontdoor cannot start with these settings:", *sorted(lines)])


def _place(loc: tuple[int | str, ...]) -> str:
    """The setting, and where in it, as far as that is told by names: whatever else stands there may be a value."""
    if not loc:
        return ""  # of several settings: the text names them
    inside = [one for one in map(str, loc[1:]) if re.fullmatch(A_NAME, one)]
    return " ".join([f"FRONTDOOR_{str(loc[0]).upper()}", *inside]) + ": "


def _in_plain_words(problem: "ErrorDetails") -> str:
    if problem["type"] == "missing":
        return "is required"
    return problem["msg"].removeprefix("Value error, ").replace("Input should", "should")


def sqlite_directory(database_url: str) -> Path | None:
    """The directory that a SQLite file lives in; None for other databases."""
    scheme, _, path = database_url.partition(":///")
    if not scheme.startswith("sqlite") or not path or path == ":memory:":
        return None
    return Path(path).parent
