"""Settings, all from the environment with the prefix `FRONTDOOR_`; docs/settings.md names each.

A module for each group of them: its fields, what they must be, and what follows from them.
"""

from typing import Self

from pydantic import model_validator

from booking.checkout.guests import GuestRecords
from booking.checkout.unpaid_visits import UnpaidPolicy
from gateway.settings.api import ApiSettings
from gateway.settings.healthie import HealthieSettings
from gateway.settings.operation import OperationSettings
from gateway.settings.other_systems import OtherSystemsSettings
from gateway.settings.sign_in import SignInSettings
from gateway.settings.storage import StorageSettings


# In the order of the page, read from below: pydantic takes the fields of the last group first.
class Settings(
    OperationSettings,
    ApiSettings,
    SignInSettings,
    OtherSystemsSettings,
    HealthieSettings,
    StorageSettings,
):
    """Read once, at start; secrets never print."""

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
