"""Settings, read from environment variables with the prefix `FRONTDOOR_`; docs/settings.md lists them.

One module per group: its fields, their validation, and values derived from them. A field's description becomes its row in
docs/settings.md (`python -m tools.document_settings`).
"""

from typing import Self

from pydantic import model_validator

from booking.checkout.guests import GuestRecords
from booking.checkout.unpaid_visits import UnpaidPolicy
from gateway.settings.api import ApiSettings
from gateway.settings.changes import ChangeSettings
from gateway.settings.healthie import HealthieSettings
from gateway.settings.operation import OperationSettings
from gateway.settings.other_systems import OtherSystemsSettings
from gateway.settings.sign_in import SignInSettings
from gateway.settings.storage import StorageSettings
from gateway.settings.waitlist import WaitlistSettings


# The reverse of the page's order: pydantic collects the fields of the last base class first.
class Settings(
    OperationSettings,
    WaitlistSettings,
    ChangeSettings,
    ApiSettings,
    SignInSettings,
    OtherSystemsSettings,
    HealthieSettings,
    StorageSettings,
):
    """All settings. Read once at start; immutable; secrets are never printed."""

    @model_validator(mode="after")
    def _verification_needs_mail(self) -> Self:
        for name, asks in (
            ("GUEST_RECORDS=verified_email", self.guest_records is GuestRecords.VERIFIED_EMAIL),
            ("UNPAID_VISITS=verified_email", self.unpaid_visits is UnpaidPolicy.VERIFIED_EMAIL),
        ):
            if asks and self.smtp_url is None:
                raise ValueError(
                    f"FRONTDOOR_{name} needs FRONTDOOR_SMTP_URL: email addresses are verified by a mailed code"
                )
        return self
