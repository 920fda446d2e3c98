"""Settings: Healthie itself, how often it may be asked, and the webhooks that it sends."""

from datetime import time
from typing import Self

from pydantic import Field, HttpUrl, IPvAnyNetwork, SecretStr, model_validator

from gateway.settings.environment import EnvironmentSettings


class HealthieSettings(EnvironmentSettings):
    """How to speak to Healthie, and how it speaks to us."""

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
        description="How many of them may be sent at once; parts are kept for [checkouts and bookings](upstream.md#the-queue).",
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

    @model_validator(mode="after")
    def _webhooks_have_an_address(self) -> Self:
        if self.healthie_webhook_secrets and self.healthie_webhook_url is None:
            raise ValueError(
                "FRONTDOOR_HEALTHIE_WEBHOOK_URL is needed with FRONTDOOR_HEALTHIE_WEBHOOK_SECRETS: else nobody could see "
                "whether webhooks are sent there"
            )
        return self

    @property
    def webhook_secrets(self) -> tuple[str, ...]:
        """What webhooks may be signed with, besides what is read from Healthie."""
        return tuple(secret.get_secret_value() for secret in self.healthie_webhook_secrets)
