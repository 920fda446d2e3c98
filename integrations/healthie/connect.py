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
from integrations.healthie.invoices import HealthieInvoices
from integrations.healthie.key_proved_catalog import KeyProvedCatalog
from integrations.healthie.keys import KeyStore
from integrations.healthie.on_sale import HealthieOnSale
from integrations.healthie.patients import HealthiePatients
from integrations.healthie.promotions import HealthiePromotions
from integrations.healthie.readback import Comparison, Noticed, only_logged
from integrations.healthie.resource_reader import Digest, HealthieResourceReader
from integrations.healthie.scheduling import HealthieScheduling
from integrations.healthie.subscriptions import HealthieSubscriptions
from integrations.healthie.transport import Acting, Connection
from integrations.healthie.upstream import UpstreamCheck, compare_sdl
from integrations.healthie.webhooks import HealthieWebhooks
from integrations.upstream.audit import CallAudit
from integrations.upstream.calls import log_retries
from integrations.upstream.gate import Gate

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

    key = organization_key if isinstance(organization_key, str) else organization_key.get_secret_value()
    organization = client(Acting(user_id=None, key=key))
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
            invoices=HealthieInvoices(staff=staff, comparison=comparison),
            scheduling=HealthieScheduling(clinician=keys.clinician, staff=staff, comparison=comparison),
            resources=HealthieResourceReader(client=organization, digest=digest),
            changes=HealthieChanges(client=organization, now=now),
            subscriptions=HealthieSubscriptions(client=organization, comparison=comparison),
            keys=keys,
            drift=UpstreamCheck(client=organization, version=version, warnings=connection.warnings),
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
