"""Settings for operating the program: logs and GraphiQL."""

from enum import StrEnum

from pydantic import Field, HttpUrl, field_validator

from gateway.settings.environment import EnvironmentSettings


class LogFormat(StrEnum):
    """The format of log lines."""

    CONSOLE = "console"
    JSON = "json"


class OperationSettings(EnvironmentSettings):
    """Logs and GraphiQL."""

    log_format: LogFormat = Field(LogFormat.JSON, description="`json` or `console`.")
    log_level: str = Field(
        "INFO", description="The lowest level that is logged: `DEBUG`, `INFO`, `WARNING` or `ERROR`."
    )
    graphiql_for_operators: bool = Field(
        False,
        description="Serves GraphiQL in production too; only with an operator's token may it read the schema and send any "
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
