"""On whose account an adapter may act. What an adapter is not given, it cannot do."""

from typing import Protocol

from integrations.healthie.generated.client import Client


class ClinicianClient(Protocol):
    """Acts as one clinician, with the key that is proved to be theirs."""

    async def __call__(self, clinician_id: str) -> Client:
        """Raises ClinicianNotBookable without a proved key."""


class StaffClient(Protocol):
    """Acts for the practice when something is looked up, undone or given back: as the clinician where that is possible."""

    async def __call__(self, clinician_id: str) -> Client:
        """The clinician's client while their key is proved, else the organisation's."""
