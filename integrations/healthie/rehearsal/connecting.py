"""Connects a rehearsal."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import datetime

from pydantic import SecretStr

from integrations.healthie.clients import Clients
from integrations.healthie.keys import KeyStore, plain
from integrations.healthie.permission_check import PermissionCheck
from integrations.healthie.rehearsal.rehearse import Rehearsal, require_sandbox
from integrations.healthie.transport import Acting
from integrations.upstream.audit import CallAudit
from integrations.upstream.gate import Gate
from integrations.upstream.wire import Wire


@asynccontextmanager
async def rehearsal(
    *,
    url: str,
    organization_key: SecretStr | str,
    clinician_id: str,
    clinician_key: SecretStr | str,
    audit: CallAudit,
    now: Callable[[], datetime],
    version: str | None = None,
    shard: str | None = None,
    gate: Gate | None = None,
    wire: Wire | None = None,
) -> AsyncIterator[Rehearsal]:
    """A rehearsal on the account at `url`, with the organization's key and one clinician's. Sends nothing before it is run.

    `version`: of the API; without it the newest that answers. Raises NotRehearsable unless the address is a sandbox's.
    """
    require_sandbox(url)
    clients = Clients(
        url=url,
        organization_key=organization_key,
        audit=audit,
        now=now,
        version=version,
        shard=shard,
        gate=gate,
        wire=wire,
    )
    acting = Acting(user_id=clinician_id, key=plain(clinician_key))
    keys = KeyStore({clinician_id: clinician_key}, client=clients.acting_as, now=now)
    try:
        yield Rehearsal(
            organization=clients.organization,
            clinician=clients.acting_as(acting),
            clinician_id=clinician_id,
            client=lambda key: clients.acting_as(Acting(user_id="patient", key=key)),
            unpaced=clients.acting_as(acting, paced=False),
            versions=clients.versions,
            permissions=PermissionCheck(client=clients.organization, keys=keys),
            now=now,
        )
    finally:
        await clients.aclose()
