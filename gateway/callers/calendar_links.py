"""Links to calendar entries: opaque, sealed names of a visit, that expire.

A link is the path `/calendar/<token>.ics`. The token is the visit's id and the link's expiry, encrypted and authenticated
(AES-SIV, RFC 5297): nobody reads anything from it, and nobody makes one without the key. AES-SIV is deterministic, so that a visit
is shown with the same link each time. Nothing is stored; another `FRONTDOOR_SECRET_KEY` revokes every link.
"""

import base64
import binascii
import re
from datetime import UTC, datetime, timedelta

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV

from booking.models import Appointment
from booking.ports import Clock
from booking.visits.model import end_of
from gateway.callers.tokens import derive_key, keyed_digest
from gateway.settings import Settings

CALENDAR_PATH = "/calendar"

# Calendars ask for an entry again and again. A month after the visit nobody needs it changed any more.
VALID_AFTER_VISIT = timedelta(days=30)

# Bound into each token, so that no other ciphertext under a key that was derived alike is taken for one.
_PURPOSE = b"calendar link"

_TOKEN = re.compile(r"[A-Za-z0-9_-]{24,512}", re.ASCII)


def calendar_links(settings: Settings, clock: Clock) -> "SealedCalendarLinks":
    """The links of the gateway with these settings."""
    base_url = str(settings.public_url).rstrip("/") if settings.public_url is not None else ""
    return SealedCalendarLinks(secret=settings.secret_key.get_secret_value(), clock=clock, base_url=base_url)


class SealedCalendarLinks:
    """The port CalendarLinks, and its reading side."""

    def __init__(self, *, secret: str, clock: Clock, base_url: str = "") -> None:
        """`base_url` is where the gateway is reached, without a slash at its end; empty: links are paths."""
        self._sealing = AESSIV(derive_key(secret, "calendar-link"))
        self._uid_key = derive_key(secret, "calendar-uid")
        self._clock = clock
        self._base_url = base_url

    def link(self, visit: Appointment) -> str:
        """The link to the visit's entry; it ends a month after the visit."""
        expires = int((end_of(visit) + VALID_AFTER_VISIT).timestamp())
        sealed = self._sealing.encrypt(f"{expires} {visit.id}".encode(), [_PURPOSE])
        token = base64.urlsafe_b64encode(sealed).decode().rstrip("=")
        return f"{self._base_url}{CALENDAR_PATH}/{token}.ics"

    def read(self, token: str) -> str | None:
        """The id of the visit whose link this is; None for a forged and for an expired one alike."""
        if not _TOKEN.fullmatch(token):
            return None
        try:
            sealed = base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True)
            expires, _, appointment_id = self._sealing.decrypt(sealed, [_PURPOSE]).decode().partition(" ")
        except (binascii.Error, InvalidTag, ValueError):
            return None
        return appointment_id if self._clock.now() < datetime.fromtimestamp(int(expires), UTC) else None

    def uid(self, appointment_id: str) -> str:
        """The entry's UID: the same for as long as the visit exists, and not its id."""
        return f"{keyed_digest(self._uid_key, appointment_id)[:32]}@frontdoor"
