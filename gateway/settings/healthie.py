"""Settings of Healthie: its API and keys, the rate of requests, and its webhooks."""

from datetime import time
from pathlib import Path
from typing import Self

from pydantic import Field, HttpUrl, IPvAnyNetwork, SecretStr, field_validator, model_validator

from booking.pacing import Pace, PaceRange
from gateway.settings.environment import EnvironmentSettings
from gateway.settings.healthie_profile import rate_of

# Where an adapting pace begins. Some forty rapid requests are reported to have brought a lockout: with this rate and twenty at once
# the 39th comes no sooner than nine and a half seconds after the first.
SAFE_REQUESTS_PER_SECOND = 2.0


class HealthieSettings(EnvironmentSettings):
    """Healthie's endpoint, keys, request rate and webhooks."""

    healthie_url: HttpUrl = Field(
        description="Healthie's GraphQL endpoint (its sandbox: `https://staging-api.gethealthie.com/graphql`), or the emulator's."
    )
    healthie_organization_key: SecretStr = Field(
        description="An API key of the practice; for reading, never for booking."
    )
    healthie_keys: dict[str, SecretStr] = Field(
        default_factory=dict,
        description="JSON: each clinician's id and own API key; a clinician without one is not bookable.",
    )
    healthie_api_version: str | None = Field(
        None,
        pattern=r"^\d{4}-\d{2}-\d{2}$",
        description="Pins the version of Healthie's API to ask for, such as `2026-07-01`. Without it, or empty, the newest one that Frontdoor knows and Healthie answers is [chosen](drift.md#5-the-version-of-the-api).",
    )
    healthie_shard: str | None = Field(
        None, description="`AuthorizationShard`, where the account is sharded."
    )
    healthie_requests_per_second: float | None = Field(
        None,
        gt=0,
        le=10_000,
        description="Fixes the requests per second that each API key may send on average, as agreed with Healthie. Without it [the pace adapts](upstream.md#the-pace), beginning with two.",
    )
    healthie_least_requests_per_second: float = Field(
        0.5, gt=0, le=10_000, description="Below this an adapting pace does not fall."
    )
    healthie_most_requests_per_second: float = Field(
        160,
        gt=0,
        le=10_000,
        description="Above this an adapting pace does not rise. With half a second's worth at once, a second has at most one and a half times as many; a help page of Healthie names 250.",
    )
    healthie_profile: Path | None = Field(
        None,
        description="A profile that [`frontdoor rehearse`](rehearsal.md) wrote. With a measured rate an adapting pace begins at half of it, and does not rise above one that was refused.",
    )
    healthie_burst: int = Field(
        20,
        ge=4,
        le=10_000,
        description="How many of them may be sent at once; parts are reserved for [checkouts and bookings](upstream.md#the-queue). An adapting pace has its own once a request was refused.",
    )
    healthie_webhook_url: HttpUrl | None = Field(
        None,
        description="Where Healthie sends its webhooks, as Healthie knows it: it signs this path and query, whatever a proxy makes of them on the way to `/webhooks/healthie`. Frontdoor creates and checks the subscription; without this setting no webhooks are received.",
    )
    healthie_webhook_secrets: tuple[SecretStr, ...] = Field(
        (),
        description="JSON list of `signature_secret`s (`whsec_…`) of webhooks that you made yourself. Frontdoor reads those of webhooks to its address from Healthie, so none is needed.",
    )
    healthie_webhook_check_at: time = Field(
        time(6),
        description="The time of day, in the practice's time zone, at which the webhook subscription is checked.",
    )
    healthie_webhook_silence: int = Field(
        6,
        ge=2,
        le=100,
        description="After this many usual gaps without a webhook an alert is raised, if visits have changed.",
    )
    healthie_webhook_sources: tuple[IPvAnyNetwork, ...] = Field(
        (),
        description="JSON list of addresses or networks that webhooks may come from (by the proxy's header, or else the connection); Healthie's may change. Without it any.",
    )
    payment_recipient_id: str | None = Field(
        None,
        description="Healthie's id of the user who receives every payment; without it the treating clinician does.",
    )

    @field_validator("healthie_api_version", mode="before")
    @classmethod
    def _empty_pins_nothing(cls, value: object) -> object:
        return value or None

    @model_validator(mode="after")
    def _webhooks_have_an_address(self) -> Self:
        if self.healthie_webhook_secrets and self.healthie_webhook_url is None:
            raise ValueError(
                "FRONTDOOR_HEALTHIE_WEBHOOK_URL is needed with FRONTDOOR_HEALTHIE_WEBHOOK_SECRETS: else nobody could see "
                "whether webhooks are sent there"
            )
        return self

    @model_validator(mode="after")
    def _a_pace_has_a_range(self) -> Self:
        if self.healthie_least_requests_per_second > self.healthie_most_requests_per_second:
            raise ValueError(
                "FRONTDOOR_HEALTHIE_LEAST_REQUESTS_PER_SECOND must not be above FRONTDOOR_HEALTHIE_MOST_REQUESTS_PER_SECOND"
            )
        return self

    @model_validator(mode="after")
    def _the_profile_is_one(self) -> Self:
        if self.healthie_profile is not None:
            rate_of(self.healthie_profile)
        return self

    @property
    def healthie_pace(self) -> PaceRange:
        """The pace of each API key: fixed, or where it begins and between which rates it moves."""
        if self.healthie_requests_per_second is not None:
            return PaceRange.fixed(
                Pace(per_second=self.healthie_requests_per_second, burst=self.healthie_burst)
            )
        least, most = self.healthie_least_requests_per_second, self.healthie_most_requests_per_second
        begin, rate = (
            SAFE_REQUESTS_PER_SECOND,
            rate_of(self.healthie_profile) if self.healthie_profile else None,
        )
        if rate is not None:
            begin = rate.held / 2 if rate.held else least
            most = max(least, min(most, rate.refused or most))
        begin = min(max(begin, least), most)
        return PaceRange(start=Pace(per_second=begin, burst=self.healthie_burst), least=least, most=most)

    @property
    def webhook_secrets(self) -> tuple[str, ...]:
        """Secrets that webhooks may be signed with, besides those that are read from Healthie."""
        return tuple(secret.get_secret_value() for secret in self.healthie_webhook_secrets)
