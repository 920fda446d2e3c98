"""The base of every group of settings: their source, and the environment (development or production)."""

from enum import StrEnum

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class Environment(StrEnum):
    """Whether the program runs in development or in production."""

    DEVELOPMENT = "development"
    PRODUCTION = "production"


class EnvironmentSettings(BaseSettings):
    """Reads fields from environment variables with the prefix `FRONTDOOR_`; immutable."""

    model_config = SettingsConfigDict(env_prefix="FRONTDOOR_", frozen=True, extra="ignore")

    environment: Environment = Field(
        Environment.PRODUCTION,
        description="`development` serves GraphiQL to anybody and accepts development tokens.",
    )

    @property
    def in_development(self) -> bool:
        """Whether conveniences for development are on."""
        return self.environment is Environment.DEVELOPMENT
