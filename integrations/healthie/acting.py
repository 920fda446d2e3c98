"""Client factories: which account an adapter may act as. An adapter can use only the factories that it is given."""

from typing import Protocol

from integrations.healthie.generated.client import Client


class ClinicianClient(Protocol):
    """Returns a client that acts as one clinician, with their proved key."""

    async def __call__(self, clinician_id: str) -> Client:
        """The clinician's client.

        Raises ClinicianNotBookable without a proved key, UpstreamUnavailable while that is unknown.
        """


class StaffClient(Protocol):
    """Returns a client that acts for the practice in lookups, cancellations and refunds: as the clinician where possible."""

    async def __call__(self, clinician_id: str) -> Client:
        """The clinician's client while their key is proved, otherwise the organisation's."""
