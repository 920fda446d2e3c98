"""Settings of the API: the practice, origins and documents, limits, quotas and times."""

from datetime import timedelta
from enum import StrEnum
from pathlib import Path
from typing import Self
from zoneinfo import ZoneInfo

from pydantic import Field, HttpUrl, field_validator, model_validator

from booking.checkout.guests import GuestRecords
from booking.checkout.unpaid_visits import UnpaidPolicy
from gateway.settings.environment import Environment, EnvironmentSettings


class TrustedDocumentsMode(StrEnum):
    """How the manifest of trusted documents is enforced."""

    OFF = "off"
    ALLOW = "allow"  # documents by name or as text
    REQUIRE = "require"  # only documents of the manifest


class ApiSettings(EnvironmentSettings):
    """The practice, allowed origins and documents, and the limits of holds, rates, cards and unpaid visits."""

    # Built when the settings are read, not at import: the time zone database is chosen before that.
    time_zone: ZoneInfo = Field(
        default_factory=lambda: ZoneInfo("America/New_York"),
        description="The practice's time zone, by its IANA name.",
    )
    phone_region: str = Field(
        "US",
        description="The country of phone numbers that patients give without a country code, by its two letters.",
    )
    tenant: str = Field(
        "practice", description="The practice's name in keys; change it only with an empty database."
    )
    public_url: HttpUrl | None = Field(
        None,
        description="Where patients' devices reach this gateway, such as `https://api.example.com`: links to calendar entries begin with it. Without it they are paths.",
    )
    cors_origins: tuple[str, ...] = Field(
        (), description="JSON list of browser origins that may call the API."
    )
    trusted_documents: Path | None = Field(
        None,
        description="The file with the manifest of your apps' documents: JSON, names and texts, as GraphQL Code Generator and Relay write it.",
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
    anonymous_holds_percent: int = Field(
        50,
        ge=1,
        le=100,
        description="How many percent of a clinician's day may be held at once by callers who have not signed in.",
    )
    client_address_header: str | None = Field(
        None,
        description="The header in which your proxy writes the client's address (its last entry counts), such as `X-Forwarded-For`; without it no limit per network applies.",
    )
    rate_factor: float = Field(
        1,
        gt=0,
        le=1_000_000,
        description="Multiplies the rate limits of [rates](rates.md), except those with settings of their own and that of mails.",
    )
    cards_per_caller: int = Field(
        5,
        ge=1,
        le=1_000_000,
        description="How many cards of one checkout, visitor or patient may fail to pay in an hour.",
    )
    cards_per_network: int = Field(
        20, ge=1, le=1_000_000, description="The same for one network, where it is known."
    )
    cards_of_guests: int = Field(
        60,
        ge=1,
        le=1_000_000,
        description="The same for all callers together who have not signed in; an alert is raised at half of it.",
    )
    unpaid_visits: UnpaidPolicy = Field(
        UnpaidPolicy.OPEN,
        description="What a guest must show before they book a visit that costs nothing: `open` (nothing), `verified_email` (that their email address is theirs), "
        "`card` (put on file, not charged), `signed_in` (guests cannot).",
    )
    unpaid_per_network: int = Field(
        5,
        ge=1,
        le=1_000_000,
        description="How many such visits guests of one network may book in a day, where it is known.",
    )
    unpaid_per_clinician_day: int = Field(
        8,
        ge=1,
        le=1_000_000,
        description="The same for all guests with one clinician on one day.",
    )
    unpaid_of_guests: int = Field(
        60,
        ge=1,
        le=1_000_000,
        description="The same for all guests together; an alert is raised at half of it.",
    )
    guest_records: GuestRecords = Field(
        GuestRecords.NEW,
        description="A guest who names the email and name of a record that is there: `new` gets a record of their own, which staff may merge; "
        "with `verified_email`, who has [verified the email address](sign-in.md#email-verification) uses that record.",
    )
    confirm_minutes: int = Field(
        15, ge=1, le=60, description="No charge is sent later than this after a confirm."
    )
    answer_seconds: float = Field(10, gt=0, le=60, description="confirmCheckout answers within this time.")

    @field_validator("phone_region")
    @classmethod
    def _known_to_phonenumbers(cls, value: str) -> str:
        # Imported here: its numbering plans are large.
        from phonenumbers import SUPPORTED_REGIONS  # noqa: PLC0415

        if (region := value.upper()) not in SUPPORTED_REGIONS:
            raise ValueError("must be the two letters of a country (ISO 3166), such as US")
        return region

    @field_validator("cors_origins")
    @classmethod
    def _origins_as_browsers_send_them(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(origin.rstrip("/") for origin in value)

    @model_validator(mode="after")
    def _no_wildcard(self) -> Self:
        if "*" in self.cors_origins and self.environment is Environment.PRODUCTION:
            raise ValueError("FRONTDOOR_CORS_ORIGINS names origins one by one in production")
        return self

    @property
    def hold_duration(self) -> timedelta:
        """How long a hold keeps a slot."""
        return timedelta(minutes=self.hold_minutes)

    @property
    def blind_to_networks(self) -> bool:
        """Whether no limit per network can apply, since no header with the client's address is set (always False in development)."""
        return self.client_address_header is None and not self.in_development
