"""Settings of sign-in: the OpenID Connect provider and its claims; and those of development tokens."""

from typing import Self

from pydantic import Field, SecretStr, model_validator

from gateway.settings.environment import Environment, EnvironmentSettings
from gateway.settings.storage import DEVELOPMENT_SECRET


class SignInSettings(EnvironmentSettings):
    """The practice's OpenID Connect provider, and the claims that are read."""

    oidc_issuer: str | None = Field(
        None,
        description="The practice's OpenID Connect provider, exactly as its tokens have it in `iss`; without one nobody can sign in.",
    )
    oidc_audience: str | None = Field(
        None, description="The `aud` of the provider's tokens for this API; required with the issuer."
    )
    oidc_role_claim: str = Field(
        "role",
        description="The claim with `patient`, `staff` or `operator`, or a list with one of them; without the claim the caller is a patient.",
    )
    oidc_patient_claim: str = Field(
        "healthie_patient_id",
        description="The claim with the patient's id in Healthie; without it the patient is found once by verified email and name.",
    )
    oidc_tenant_claim: str | None = Field(
        None,
        description="The claim that must equal `FRONTDOOR_TENANT`; for a provider that serves several practices.",
    )
    oidc_longest_minutes: int = Field(
        60,
        ge=1,
        le=1440,
        description="The longest lifetime of a token in minutes; a token with a longer one is refused.",
    )

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


class TokenSettings(EnvironmentSettings):
    """The settings that issuing a development token needs; the defaults are those of `frontdoor dev`."""

    environment: Environment = Environment.DEVELOPMENT
    secret_key: SecretStr = SecretStr(DEVELOPMENT_SECRET)
    oidc_issuer: str | None = None
