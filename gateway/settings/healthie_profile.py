"""The profile that `frontdoor rehearse` wrote, as far as the gateway uses it: how fast a key was found to be allowed to ask.

Nothing else of it is taken: what is looked up, compared and read back is so whatever a profile says.
"""

from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, Field, ValidationError

# What a rehearsal can measure; NaN and infinity, which JSON in Python may hold, would be no pace at all.
PerSecond = Annotated[float, Field(gt=0, le=1000, allow_inf_nan=False)]


class Rate(BaseModel):
    """Requests a second of one key."""

    held: PerSecond | None  # the highest rate that was let through
    refused: PerSecond | None  # the rate that was not


class _Answers(BaseModel):
    requests_per_second: Rate | None = None


class _Profile(BaseModel):
    format: int
    answers: _Answers


def rate_of(path: Path) -> Rate | None:
    """The rate in a profile; None when it was not measured. Raises ValueError when the file is no profile, or cannot be read."""
    try:
        profile = _Profile.model_validate_json(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ValueError(f"FRONTDOOR_HEALTHIE_PROFILE: the file cannot be read ({error.strerror})") from None
    except (UnicodeDecodeError, ValidationError):
        raise ValueError("FRONTDOOR_HEALTHIE_PROFILE is no profile that `frontdoor rehearse` wrote") from None
    return profile.answers.requests_per_second
