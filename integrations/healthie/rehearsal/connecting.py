"""Connects a rehearsal."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import datetime

import httpx2
from pydantic import SecretStr

from integrations.healthie.generated.client import Client
from integrations.healthie.keys import KeyStore, plain
from integrations.healthie.permission_check import PermissionCheck
from integrations.healthie.rehearsal.rehearse import Rehearsal, require_sandbox
from integrations.healthie.transport import Acting, Connection
from integrations.healthie.version_choice import Standing, VersionChoice, ask_version
from integrations.upstream.audit import CallAudit
from integrations.upstream.calls import log_retries
from integrations.upstream.gate import Gate


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
    transport: httpx2.AsyncBaseTransport | None = None,
) -> AsyncIterator[Rehearsal]:
    """A rehearsal on the account at `url`, with the organization's key and one clinician's. Sends nothing before it is run.

    `version`: of the API; without it the newest that answers. Raises NotRehearsable unless the address is a sandbox's.
    """
    require_sandbox(url)
    log_retries()
    connection = Connection(url=url, shard=shard, transport=transport)

    async def ask(asked: str) -> Standing:
        return await ask_version(organization, asked)

    versions = VersionChoice(pinned=version, ask=ask, today=lambda: now().date())

    def acting_as(acting: Acting) -> Client:
        return Client(connection=connection, acting=acting, audit=audit, versions=versions, gate=gate)

    def client(user_id: str | None, key: SecretStr | str) -> Client:
        return acting_as(Acting(user_id=user_id, key=plain(key)))

    organization = client(None, organization_key)
    keys = KeyStore({clinician_id: clinician_key}, client=acting_as, now=now)
    permissions = PermissionCheck(client=organization, keys=keys)
    try:
        yield Rehearsal(
            organization=organization,
            clinician=client(clinician_id, clinician_key),
            clinician_id=clinician_id,
            client=lambda key: client("patient", key),
            unpaced=Client(
                connection=connection,
                acting=Acting(user_id=clinician_id, key=plain(clinician_key)),
                audit=audit,
                versions=versions,
            ),
            versions=versions,
            permissions=permissions,
            now=now,
        )
    finally:
        await connection.aclose()
