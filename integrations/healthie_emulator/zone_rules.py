"""Time zone rules: uses the newer of the system's, which Python prefers, and those of the `tzdata` package."""

import zoneinfo
from pathlib import Path

import tzdata  # type: ignore[import-untyped]


def use_newest_zone_rules() -> str:
    """Make every zone that is created from here on use the newer rules; return their version."""
    package = str(tzdata.IANA_VERSION)  # `2026f`
    system = next((_release(Path(path) / "tzdata.zi") for path in zoneinfo.TZPATH if Path(path).is_dir()), "")
    if system >= package:
        return f"{system} (system)"
    zoneinfo.reset_tzpath(to=())
    zoneinfo.ZoneInfo.clear_cache()
    return f"{package} (tzdata package)"


def _release(path: Path) -> str:
    """Read `# version 2026f`; empty if the file is not there or says something else."""
    try:
        with path.open(encoding="ascii", errors="replace") as file:
            return file.readline().partition("# version ")[2].strip()
    except OSError:
        return ""
