"""Settings: who may sign in, by the tokens of which provider; and what issues tokens for development."""

from typing import Self

from pydantic import Field, SecretStr, model_validator

from gateway.settings.environment import Environment, EnvironmentSettings
from gateway.settings.storage import DEVELOPMENT_SECRET


class SignInSettings(EnvironmentSettings):
    """The practice's OpenID Connect provider, and what its tokens say."""

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
    """What issuing a development token needs; without any settings it is for the stack of `frontdoor dev`."""

    environment: Environment = Environment.DEVELOPMENT
    secret_key: SecretStr = SecretStr(DEVELOPMENT_SECRET)
    oidc_issuer: str | None = None
