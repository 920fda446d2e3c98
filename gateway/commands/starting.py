"""What every command that needs settings does first."""

import re

import click
from pydantic import ValidationError
from pydantic_settings import SettingsError

from gateway.logs import configure_logs
from gateway.settings import Settings, explain, sqlite_directory


def settings_of_process() -> Settings:
    """The settings of a running process, with its logs set up; a wrong environment ends it with a clear text."""
    try:
        settings = Settings()
    except ValidationError as error:
        raise click.ClickException(explain(error)) from None
    except SettingsError as error:  # its text names the field, and its cause would quote the value
        raise click.ClickException(_not_json(error)) from None
    if directory := sqlite_directory(settings.database_url):
        try:
            directory.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise click.ClickException(
                f"FRONTDOOR_DATABASE_URL: {directory} cannot be made ({error.strerror})."
            ) from None
    configure_logs(log_format=settings.log_format, level=settings.log_level)
    return settings


def _not_json(error: SettingsError) -> str:
    found = re.search(r'field "(\w+)"', str(error))
    return f"FRONTDOOR_{found[1].upper()} is not valid JSON." if found else f"{error}: is it valid JSON?"
