"""Settings of systems besides Healthie: alert webhook, event endpoints, mail server, Stripe."""

from email.utils import parseaddr
from typing import Self

from pydantic import Field, SecretStr, ValidationInfo, field_validator, model_validator

from booking.errors import InvalidInput
from gateway.settings.declared_endpoints import DeclaredEndpoint, EndpointName
from gateway.settings.environment import EnvironmentSettings


class OtherSystemsSettings(EnvironmentSettings):
    """Alerts, event endpoints, mail and Stripe."""

    alert_webhook_url: SecretStr | None = Field(
        None,
        description='The URL that alerts are posted to as `{"text": …}`, as Slack takes them; they are logged in any case.',
    )
    endpoint_timeout_seconds: float = Field(
        15,
        ge=1,
        le=25,
        description="The timeout of a delivery to an endpoint; after it the delivery is retried later.",
    )
    endpoints_allow_loopback: bool = Field(
        False,
        description="Allows endpoints on this machine and without TLS; for development only, refused in production.",
    )
    endpoints: dict[EndpointName, DeclaredEndpoint] = Field(
        default_factory=dict,
        description="JSON: names and endpoints that events are delivered to, each with `url`, `secrets` (a list; all sign) and optionally `events`; "
        "see [events](events.md#endpoints-from-settings).",
    )
    in_doubt_minutes: int = Field(
        20, ge=1, le=1440, description="An alert is raised when an outcome has been unknown for this long."
    )
    smtp_url: SecretStr | None = Field(
        None,
        description="The practice's mail server, `smtps://user:password@host` (TLS from the start) or `smtp://…` (STARTTLS): it sends guests "
        "the code that [verifies their email](sign-in.md#email-verification). Without it nobody can verify one.",
    )
    mail_from: str | None = Field(
        None,
        description="The sender of those mails, such as `Sample Practice <no-reply@practice.example>`; required with the mail server.",
    )
    stripe_key: SecretStr | None = Field(
        None,
        description="A restricted key (`rk_…`) of the Stripe account that takes the payments, with read access to charges and "
        "events and nothing else: the ledger sweep then compares Stripe's charges with ours.",
    )

    @field_validator("alert_webhook_url")
    @classmethod
    def _posts_over_http(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and not value.get_secret_value().startswith(("https://", "http://")):
            raise ValueError("is an http or https URL")
        return value

    @field_validator("smtp_url")
    @classmethod
    def _names_a_mail_server(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None:
            # Imported here: it takes a tenth of a second to load.
            from integrations.mail.smtp import MailServer  # noqa: PLC0415

            MailServer.of(value.get_secret_value())
        return value

    @field_validator("mail_from")
    @classmethod
    def _is_a_sender(cls, value: str | None) -> str | None:
        if value is not None and ("@" not in parseaddr(value)[1] or not value.isprintable()):
            raise ValueError(
                "must be an email address, perhaps with a name before it: Sample Practice <mail@practice.example>"
            )
        return value

    @field_validator("endpoints")
    @classmethod
    def _can_be_sent_to(
        cls, value: dict[str, DeclaredEndpoint], info: ValidationInfo
    ) -> dict[str, DeclaredEndpoint]:
        # Imported here: it takes a tenth of a second to load.
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
    def _mail_has_a_sender(self) -> Self:
        if (self.smtp_url is None) != (self.mail_from is None):
            raise ValueError("FRONTDOOR_SMTP_URL and FRONTDOOR_MAIL_FROM are needed together")
        return self

    @model_validator(mode="after")
    def _no_loopback(self) -> Self:
        if self.endpoints_allow_loopback and not self.in_development:
            raise ValueError("FRONTDOOR_ENDPOINTS_ALLOW_LOOPBACK is for development")
        return self
