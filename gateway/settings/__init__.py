"""Settings, all from the environment with the prefix `FRONTDOOR_`; docs/settings.md names each.

A module for each group of them: its fields, what they must be, and what follows from them.
"""

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
