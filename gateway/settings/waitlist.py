"""Settings of the waitlist. They become WaitlistRules."""

import re
from datetime import time, timedelta

from pydantic import Field, field_validator

from booking.waitlist.rules import QuietHours, WaitlistRules
from gateway.settings.environment import EnvironmentSettings

_QUIET = re.compile(r"([01]\d|2[0-3]):([0-5]\d)-([01]\d|2[0-3]):([0-5]\d)", re.ASCII)


class WaitlistSettings(EnvironmentSettings):
    """Who may wait for free times, and how they are offered."""

    waitlist_offer_minutes: int = Field(
        15,
        ge=5,
        le=120,
        description="How long a time that came free is held for the first patient on the [waitlist](waitlist.md) before it goes to the next.",
    )
    waitlist_quiet_hours: str | None = Field(
        "21:00-08:00",
        description="When nobody is offered a time of the waitlist, in each patient's own time zone, such as `21:00-08:00`; an empty value: offers go out at any hour.",
    )
    waitlist_per_patient: int = Field(
        3, ge=1, le=20, description="How many places on the waitlist one patient may have at once."
    )
    waitlist_places: int = Field(
        500,
        ge=0,
        le=5_000,
        description="How many places the waitlist has in all; `0` closes it for new ones.",
    )
    waitlist_look_minutes: int = Field(
        5,
        ge=1,
        le=60,
        description="How often free times are looked for that somebody waits for, besides the looks that a change calls for. Each look costs Healthie up to one request for two days.",
    )

    @field_validator("waitlist_quiet_hours")
    @classmethod
    def _a_span_of_the_day(cls, value: str | None) -> str | None:
        if value and not _QUIET.fullmatch(value):
            raise ValueError("give two times of the day, such as 21:00-08:00")
        return value or None

    @property
    def waitlist_rules(self) -> WaitlistRules:
        """The rules of the waitlist."""
        return WaitlistRules(
            offer_lasts=timedelta(minutes=self.waitlist_offer_minutes),
            quiet=_quiet(self.waitlist_quiet_hours),
            per_patient=self.waitlist_per_patient,
            in_all=self.waitlist_places,
            look_every=timedelta(minutes=self.waitlist_look_minutes),
        )


def _quiet(text: str | None) -> QuietHours:
    if text is None:
        return QuietHours(start=time(), end=time())
    start, end = (time.fromisoformat(part) for part in text.split("-"))
    return QuietHours(start=start, end=end)
