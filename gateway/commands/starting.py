"""Reads the settings of a process and configures its logs; explains invalid settings without quoting any value."""

import difflib
import os
import re
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import click
import structlog
from pydantic import ValidationError
from pydantic_settings import SettingsError

from gateway.runtime.logs import configure_logs
from gateway.settings import Settings
from gateway.settings.declared_endpoints import A_NAME

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

_PREFIX = "FRONTDOOR_"

# Variables of this prefix that are no settings: the tests' own, which they give to processes that they start.
_NOT_SETTINGS = ("FRONTDOOR_TEST_", "FRONTDOOR_FUZZ_")

log = structlog.get_logger(__name__)


def settings_of_process(*, log_level: str | None = None) -> Settings:
    """The settings of this process, with its logs configured. Raises ClickException when the environment is invalid.

    `log_level` takes the place of the default level, for a command whose output a log would bury; not that of one that was set.
    """
    try:
        settings = Settings()
    except ValidationError as error:
        raise click.ClickException(explain(error)) from None
    except SettingsError as error:  # its text names the field, and its cause would quote the value
        raise click.ClickException(_not_json(error)) from None
    if directory := _sqlite_directory(settings.database_url):
        try:
            directory.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise click.ClickException(
                f"FRONTDOOR_DATABASE_URL: {directory} cannot be made ({error.strerror})."
            ) from None
    level = (
        settings.log_level if "log_level" in settings.model_fields_set else log_level or settings.log_level
    )
    configure_logs(log_format=settings.log_format, level=level)
    for name, like in unknown_settings(os.environ):
        log.warning("settings.unknown", setting=name, like=like)
    return settings


def unknown_settings(names: Iterable[str]) -> list[tuple[str, str | None]]:
    """The variables that look like settings and are none, each with the setting that its name is most like, if any is.

    They do not end the start: the environment of a newer release must serve an older one, when somebody goes back to that.
    """
    known = [f"{_PREFIX}{field.upper()}" for field in Settings.model_fields]
    given = {name.upper() for name in names if name.upper().startswith(_PREFIX)}
    unknown = sorted(name for name in given.difference(known) if not name.startswith(_NOT_SETTINGS))
    return [
        (name, next(iter(difflib.get_close_matches(name, known, n=1, cutoff=0.8)), None)) for name in unknown
    ]


def _not_json(error: SettingsError) -> str:
    found = re.search(r'field "(\w+)"', str(error))
    return f"FRONTDOOR_{found[1].upper()} is not valid JSON." if found else f"{error}: is it valid JSON?"


def explain(error: ValidationError) -> str:
    """The problems of the environment, one line per setting, without any value."""
    problems = error.errors(include_input=False, include_url=False, include_context=False)
    lines = [f"  {_place(problem['loc'])}{_in_plain_words(problem)}" for problem in problems]
    return "\n".join(["Frontdoor cannot start with these settings:", *sorted(lines)])


def _place(loc: tuple[int | str, ...]) -> str:
    """The setting, and the path inside it as far as that consists of names: anything else may be a value."""
    if not loc:
        return ""  # of several settings: the text names them
    inside = [one for one in map(str, loc[1:]) if re.fullmatch(A_NAME, one)]
    return " ".join([f"FRONTDOOR_{str(loc[0]).upper()}", *inside]) + ": "


_WORDS = {
    "missing": "is required",
    "zoneinfo_str": "must be a time zone's IANA name, such as America/New_York",
    "tuple_type": "must be a JSON list",
}


def _in_plain_words(problem: "ErrorDetails") -> str:
    if (words := _WORDS.get(problem["type"])) is not None:
        return words
    return problem["msg"].removeprefix("Value error, ").replace("Input should", "should")


def _sqlite_directory(database_url: str) -> Path | None:
    """The directory of a SQLite file; None for other databases."""
    scheme, _, path = database_url.partition(":///")
    if not scheme.startswith("sqlite") or not path or path == ":memory:":
        return None
    return Path(path).parent
