"""Time zone rules: makes the process use the newer of the system's rules and those of the `tzdata` package.

Python prefers the system's, however old they are; a zone whose rules have changed since would then be an hour off.
"""

import re
import zoneinfo
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import tzdata  # type: ignore[import-untyped]

# IANA numbers its releases by year and letter: 2026f, and 2026aa should there ever be as many.
_RELEASE = re.compile(r"\b(\d{4})([a-z]{1,2})\b")

# The files in which systems name their release: the compact source that Linux ships, and that of macOS and the BSDs.
_RELEASE_FILES = ("tzdata.zi", "+VERSION")


@dataclass(frozen=True, kw_only=True)
class ZoneRules:
    """The rules in use."""

    release: str  # IANA's name
    source: str  # `system` or `package`
    system_release: str | None  # None: the system has none, or does not name it


@cache
def zone_rules_of_process() -> ZoneRules:
    """Choose the rules, once for the process. Call it before any zone is created: existing zone objects keep their rules."""
    return use_newest_zone_rules()


def use_newest_zone_rules() -> ZoneRules:
    """Make every zone that is created from now on use the newer rules; returns which those are."""
    system, package = _of_system(), str(tzdata.IANA_VERSION)
    if system is not None and _order(system) >= _order(package):
        return ZoneRules(release=system, source="system", system_release=system)
    zoneinfo.reset_tzpath(to=())  # what is not found in a path is read from the package
    zoneinfo.ZoneInfo.clear_cache()
    return ZoneRules(release=package, source="package", system_release=system)


def _of_system() -> str | None:
    """The release in the first directory of Python's search path; None: there is none, or it does not name it."""
    place = next((path for path in map(Path, zoneinfo.TZPATH) if path.is_dir()), None)
    lines = (_first_line(place / name) for name in _RELEASE_FILES) if place else ()
    found = (_RELEASE.search(line) for line in lines)
    return next((match[0] for match in found if match), None)


def _first_line(path: Path) -> str:
    try:
        with path.open(encoding="ascii", errors="replace") as file:
            return file.readline()
    except OSError:
        return ""


def _order(release: str) -> tuple[int, int, str]:
    match = _RELEASE.search(release)
    return (int(match[1]), len(match[2]), match[2]) if match else (0, 0, "")
