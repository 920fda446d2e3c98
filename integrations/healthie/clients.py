"""Clients: makes the clients of one account, which share connection pool, audit, gate and the version of the API."""

from collections.abc import Callable
from datetime import datetime

from pydantic import SecretStr

from integrations.healthie.base import ToldRefusal
from integrations.healthie.generated.client import Client
from integrations.healthie.keys import plain
from integrations.healthie.transport import Acting, Connection
from integrations.healthie.version_choice import Replaced, Standing, VersionChoice, ask_version, only_logged
from integrations.upstream.audit import CallAudit
from integrations.upstream.calls import log_retries
from integrations.upstream.gate import Gate
from integrations.upstream.wire import Wire


class Clients:
    """Sends nothing before the first call. `organization` acts with the organization's key."""

    def __init__(
        self,
        *,
        url: str,
        organization_key: SecretStr | str,
        audit: CallAudit,
        now: Callable[[], datetime],
        version: str | None,
        shard: str | None,
        gate: Gate | None,
        wire: Wire | None,
        version_replaced: Replaced = only_logged,
        not_permitted: ToldRefusal | None = None,
    ) -> None:
        """The parameters are those of `connect.connect`."""
        log_retries()
        self._audit = audit
        self._gate = gate
        self._not_permitted = not_permitted
        self.connection = Connection(url=url, shard=shard, wire=wire)
        self.versions = VersionChoice(
            pinned=version, ask=self._ask_version, today=lambda: now().date(), replaced=version_replaced
        )
        self.organization = self.acting_as(Acting(user_id=None, key=plain(organization_key)))

    def acting_as(self, acting: Acting, *, paced: bool = True) -> Client:
        """A client that acts as an account; unpaced, its calls pass no gate."""
        return Client(
            connection=self.connection,
            acting=acting,
            audit=self._audit,
            versions=self.versions,
            gate=self._gate if paced else None,
            not_permitted=self._not_permitted,
        )

    async def aclose(self) -> None:
        """Close the connection pool."""
        await self.connection.aclose()

    async def _ask_version(self, version: str) -> Standing:
        return await ask_version(self.organization, version)
