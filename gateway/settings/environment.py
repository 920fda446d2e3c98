"""What every group of settings stands on: where they are read from, and where the program runs."""

from enum import StrEnum

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class Environment(StrEnum):
    """Where the program runs."""

    DEVELOPMENT = "development"
    PRODUCTION = "production"


class EnvironmentSettings(BaseSettings):
    """Read from the environment with the prefix `FRONTDOOR_`, once; secrets never print."""

    model_config = SettingsConfigDict(env_prefix="FRONTDOOR_", frozen=True, extra="ignore")

    environment: Environment = Field(
        Environment.PRODUCTION,
        description="`development` serves GraphiQL to anybody and accepts development tokens.",
    )

    @property
    def in_development(self) -> bool:
        """Whether conveniences are on that have no place in production."""
        return self.environment is Environment.DEVELOPMENT
