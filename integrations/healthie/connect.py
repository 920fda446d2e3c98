"""The entry point: connects to Healthie and returns the domain's ports.

No code outside imports any other module of this package.
"""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import httpx2
from pydantic import SecretStr

from booking.catalog.cached import CachedCatalog, CatalogCache, LocalCatalogCache
from booking.catalog.key_proofs import Proving
from booking.refusals import ClinicianNotBookable
from booking.sync.drift import DriftReport
from booking.sync.webhook_source import WebhookSource
from booking.system_of_record import SystemOfRecord
from integrations.healthie.availability import HealthieAvailability
from integrations.healthie.billing import HealthieBilling
from integrations.healthie.cards import HealthieCards
from integrations.healthie.catalog import CatalogReader
from integrations.healthie.changes import HealthieChanges
from integrations.healthie.declines import DeclineCodes
from integrations.healthie.generated.client import Client
from integrations.healthie.key_proved_catalog import KeyProvedCatalog
from integrations.healthie.keys import KeyStore, plain
from integrations.healthie.on_sale import HealthieOnSale
from integrations.healthie.patients import HealthiePatients
from integrations.healthie.promotions import HealthiePromotions
from integrations.healthie.readback import Comparison, Noticed, only_logged
from integrations.healthie.rehearsal.asking import LockedOut
from integrations.healthie.rehearsal.listening import listening
from integrations.healthie.rehearsal.notebook import Notebook
from integrations.healthie.rehearsal.rehearse import (
    WILL_MAKE,
    NotRehearsable,
    Rehearsal,
    Step,
    require_sandbox,
)
from integrations.healthie.rehearsal.scene import Scene
from integrations.healthie.resource_reader import Digest, HealthieResourceReader
from integrations.healthie.scheduling import HealthieScheduling
from integrations.healthie.subscriptions import HealthieSubscriptions
from integrations.healthie.transport import Acting, Connection
from integrations.healthie.upstream import UpstreamCheck, compare_sdl
from integrations.healthie.webhooks import HealthieWebhooks
from integrations.upstream.audit import CallAudit
from integrations.upstream.calls import log_retries
from integrations.upstream.gate import Gate

__all__ = [
    "WILL_MAKE",
    "LockedOut",
    "NotRehearsable",
    "Notebook",
    "Rehearsal",
    "Scene",
    "Step",
    "connect",
    "drift_of",
    "listening",
    "rehearsal",
    "require_sandbox",
    "webhook_source",
]

# The published API version that contract.graphql is taken from.
VERSION = "2026-01-01"


def _utc_now() -> datetime:
    return datetime.now(UTC)


@asynccontextmanager
async def connect(
    *,
    url: str,
    organization_key: SecretStr | str,
    clinician_keys: Mapping[str, SecretStr | str],
    declines: DeclineCodes,
    audit: CallAudit,
    digest: Digest,
    version: str = VERSION,
    shard: str | None = None,
    recipient_id: str | None = None,
    gate: Gate | None = None,
    proving: Proving | None = None,
    noticed: Noticed = only_logged,
    catalog_cache: CatalogCache | None = None,
    now: Callable[[], datetime] = _utc_now,
    transport: httpx2.AsyncBaseTransport | None = None,
) -> AsyncIterator[SystemOfRecord]:
    """Connect to Healthie's GraphQL endpoint at `url`. Sends nothing before the first call.

    `declines`: the card processor's decline codes. `digest`: a keyed digest of patient data, to detect changes (see `Digest`).
    `recipient_id`: receives every payment instead of the treating clinician. `gate`: rate limit and circuit breakers; without it
    everything is sent at once. `proving`: where proofs of clinicians' keys are stored and at which rate keys are proved, while
    `keys.keep_proved` runs. `noticed`: called with every silent no-op, a mutation whose result differs from the request.
    `catalog_cache`: shared by processes; without it this process has its own. `now`: the clock for the age of catalog and proofs.
    """
    log_retries()
    connection = Connection(url=url, version=version, shard=shard, transport=transport)

    def client(acting: Acting) -> Client:
        return Client(connection=connection, acting=acting, audit=audit, gate=gate)

    organization = client(Acting(user_id=None, key=plain(organization_key)))
    keys = KeyStore(clinician_keys, client=client, now=now, proving=proving)
    comparison = Comparison(noticed)
    kept = CachedCatalog(
        read=CatalogReader(client=organization).read,
        catalog_cache=catalog_cache or LocalCatalogCache(),
        now=now,
    )

    async def staff(clinician_id: str) -> Client:
        try:
            return await keys.clinician(clinician_id)
        except ClinicianNotBookable:
            return organization

    try:
        yield SystemOfRecord(
            catalog=KeyProvedCatalog(kept=kept.catalog, keys=keys),
            browsing=KeyProvedCatalog(kept=kept.recent, keys=keys),
            on_sale=HealthieOnSale(client=organization),
            availability=HealthieAvailability(client=organization, keys=keys),
            promotions=HealthiePromotions(client=organization),
            patients=HealthiePatients(client=organization, comparison=comparison),
            cards=HealthieCards(
                client=organization, clinician=keys.clinician, declines=declines, comparison=comparison
            ),
            billing=HealthieBilling(
                clinician=keys.clinician,
                staff=staff,
                declines=declines,
                comparison=comparison,
                recipient_id=recipient_id,
            ),
            scheduling=HealthieScheduling(clinician=keys.clinician, staff=staff, comparison=comparison),
            resources=HealthieResourceReader(client=organization, digest=digest),
            changes=HealthieChanges(client=organization, now=now),
            subscriptions=HealthieSubscriptions(client=organization, comparison=comparison),
            keys=keys,
            drift=UpstreamCheck(client=organization, version=version, warnings=connection.warnings),
        )
    finally:
        await connection.aclose()


@asynccontextmanager
async def rehearsal(
    *,
    url: str,
    organization_key: SecretStr | str,
    clinician_id: str,
    clinician_key: SecretStr | str,
    audit: CallAudit,
    version: str = VERSION,
    shard: str | None = None,
    gate: Gate | None = None,
    now: Callable[[], datetime] = _utc_now,
    transport: httpx2.AsyncBaseTransport | None = None,
) -> AsyncIterator[Rehearsal]:
    """A rehearsal on the account at `url`, with the organization's key and one clinician's. Sends nothing before it is run.

    Raises NotRehearsable unless that is Healthie's sandbox or an emulator.
    """
    require_sandbox(url)
    connection = Connection(url=url, version=version, shard=shard, transport=transport)

    def client(user_id: str | None, key: SecretStr | str) -> Client:
        acting = Acting(user_id=user_id, key=plain(key))
        return Client(connection=connection, acting=acting, audit=audit, gate=gate)

    try:
        yield Rehearsal(
            organization=client(None, organization_key),
            clinician=client(clinician_id, clinician_key),
            clinician_id=clinician_id,
            client=lambda key: client("patient", key),
            version=version,
            now=now,
        )
    finally:
        await connection.aclose()


def webhook_source() -> WebhookSource:
    """The verifier and parser of Healthie's webhooks."""
    return HealthieWebhooks()


def drift_of(sdl: str) -> DriftReport:
    """Compare a schema of Healthie's, in SDL, with the contract, without network.

    Raises UpstreamUnavailable when it is no schema.
    """
    return compare_sdl(sdl)
