"""Which rules of time zones the process goes by: the newer of the system's and those of the `tzdata` package.

Python looks at the system's first, however old they are; a zone whose rules have changed since is then an hour off.
"""

import re
import zoneinfo
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import tzdata  # type: ignore[import-untyped]

# IANA numbers its releases by year and letter: 2026f, and 2026aa should there ever be as many.
_RELEASE = re.compile(r"\b(\d{4})([a-z]{1,2})\b")

# Where systems say which release they have: the compact source that Linux ships, and the file of macOS and the BSDs.
_TOLD_IN = ("tzdata.zi", "+VERSION")


@dataclass(frozen=True, kw_only=True)
class ZoneRules:
    """The rules that apply."""

    release: str  # IANA's name
    source: str  # `system` or `package`
    system_release: str | None  # None: the system has none, or does not say which


@cache
def zone_rules_of_process() -> ZoneRules:
    """Settle the rules once; answers what was settled. A zone object that was made before keeps its own: this comes first."""
    return use_newest_zone_rules()


def use_newest_zone_rules() -> ZoneRules:
    """Let every zone that is made from here on go by the newer rules."""
    system, package = _of_system(), str(tzdata.IANA_VERSION)
    if system is not None and _order(system) >= _order(package):
        return ZoneRules(release=system, source="system", system_release=system)
    zoneinfo.reset_tzpath(to=())  # what is not found in a path is read from the package
    zoneinfo.ZoneInfo.clear_cache()
    return ZoneRules(release=package, source="package", system_release=system)


def _of_system() -> str | None:
    """The release of the first place where Python would look; None: there is none, or it does not say."""
    place = next((path for path in map(Path, zoneinfo.TZPATH) if path.is_dir()), None)
    told = (_first_line(place / name) for name in _TOLD_IN) if place else ()
    found = (_RELEASE.search(line) for line in told)
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
