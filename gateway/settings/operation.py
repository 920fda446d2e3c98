"""Settings: what those see who run the program or develop on it."""

from enum import StrEnum

from pydantic import Field, HttpUrl, field_validator

from gateway.settings.environment import EnvironmentSettings


class LogFormat(StrEnum):
    """How log lines look."""

    CONSOLE = "console"
    JSON = "json"


class OperationSettings(EnvironmentSettings):
    """Logs and GraphiQL."""

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

    @field_validator("log_level")
    @classmethod
    def _known_level(cls, value: str) -> str:
        level = value.upper()
        if level not in {"DEBUG", "INFO", "WARNING", "ERROR"}:
            raise ValueError("is one of DEBUG, INFO, WARNING, ERROR")
        return level
