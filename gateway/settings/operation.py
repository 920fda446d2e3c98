"""Settings for operating the program: processes, compression, logs and GraphiQL."""

from enum import StrEnum

from pydantic import Field, HttpUrl, field_validator

from gateway.settings.environment import EnvironmentSettings


class Compression(StrEnum):
    """Which encodings of large answers a gateway offers."""

    NONE = "none"
    ZSTD = "zstd"
    GZIP = "gzip"  # zstd where the client takes it, else gzip


# More would share one port's connections badly; run `frontdoor serve` on several machines.
MOST_PROCESSES = 64


class LogFormat(StrEnum):
    """The format of log lines."""

    CONSOLE = "console"
    JSON = "json"


class OperationSettings(EnvironmentSettings):
    """Processes, compression, logs and GraphiQL."""

    log_format: LogFormat = Field(LogFormat.JSON, description="`json` or `console`.")
    log_level: str = Field(
        "INFO", description="The lowest level that is logged: `DEBUG`, `INFO`, `WARNING` or `ERROR`."
    )
    gateway_processes: int = Field(
        1,
        ge=1,
        le=MOST_PROCESSES,
        description="How many processes `frontdoor serve` answers with on its port, one for each core. Without Redis each paces and "
        "counts for itself. See [operations](operations.md#several-processes).",
    )
    compression: Compression = Field(
        Compression.ZSTD,
        description="How large answers are compressed for clients that ask for it: `zstd`; `gzip`, for those that know no zstd, at four "
        "times the processor time; `none`, where a proxy does it. See [operations](operations.md#compression).",
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
