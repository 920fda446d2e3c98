"""Settings: systems beside Healthie, who is told what happens, and the books that ours are held against."""

from typing import Self

from pydantic import Field, SecretStr, ValidationInfo, field_validator, model_validator

from booking.errors import InvalidInput
from gateway.declared_endpoints import DeclaredEndpoint, EndpointName
from gateway.settings.environment import EnvironmentSettings


class OtherSystemsSettings(EnvironmentSettings):
    """Alerts, endpoints of events, Stripe."""

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

    @model_validator(mode="after")
    def _no_loopback(self) -> Self:
        if self.endpoints_allow_loopback and not self.in_development:
            raise ValueError("FRONTDOOR_ENDPOINTS_ALLOW_LOOPBACK is for development")
        return self
