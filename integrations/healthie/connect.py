"""The one way in: everything that the program needs of Healthie, as ports of the domain. Nobody outside imports another module."""

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

# The published version that contract.graphql was taken from.
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
    """Connect to Healthie's GraphQL endpoint at `url`; nothing is sent before the first call.

    Clinicians' keys are proved, now and again, while `keys.keep_proved` runs; `proving` says where that is remembered and how fast.
    `digest` makes of patient data what tells that it changed (keyed: see `Digest`). `noticed` hears of every mutation that did
    not do what was asked. `declines` are the card processor's codes.
    `recipient_id` receives every payment instead of the treating clinician. `gate` holds back what should not be sent
    now; without it everything is sent. The catalogue is kept on `shelf`; without one, by this process alone. `now` tells
    how old it is, and how old a proof.
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
    """Tells whether a webhook is Healthie's, and what it points at."""
    return HealthieWebhooks()


def drift_of(sdl: str) -> DriftReport:
    """Hold a schema of Healthie's, in SDL, against the contract; asks nobody. Raises UpstreamUnavailable for what is no schema."""
    return compare_sdl(sdl)
