"""The entry point: connects to Healthie and returns the domain's ports.

No code outside imports any other module of this package.
"""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime

from pydantic import SecretStr

from booking.catalog.cached import CachedCatalog, CatalogCache, LocalCatalogCache
from booking.catalog.key_proofs import Proving
from booking.refusals import ClinicianNotBookable
from booking.sync.drift import DriftReport
from booking.sync.webhook_source import WebhookSource
from booking.system_of_record import SystemOfRecord
from integrations.healthie.availability import HealthieAvailability
from integrations.healthie.base import ToldRefusal
from integrations.healthie.billing import HealthieBilling
from integrations.healthie.booked_visits import HealthieVisits
from integrations.healthie.cards import HealthieCards
from integrations.healthie.catalog import CatalogReader
from integrations.healthie.change_payments import HealthieChangePayments
from integrations.healthie.changes import HealthieChanges
from integrations.healthie.charge_check import ChargeCheck
from integrations.healthie.clients import Clients
from integrations.healthie.credit_ledger import HealthieCreditLedger
from integrations.healthie.credits import HealthieCredits
from integrations.healthie.declines import DeclineCodes
from integrations.healthie.generated.client import Client
from integrations.healthie.group_visits import HealthieGroupVisits
from integrations.healthie.invoice_payments import HealthieInvoicePayments
from integrations.healthie.invoices import HealthieInvoices
from integrations.healthie.key_proved_catalog import KeyProvedCatalog
from integrations.healthie.keys import KeyStore
from integrations.healthie.membership_changes import HealthieMembershipChanges
from integrations.healthie.memberships import HealthieMemberships
from integrations.healthie.on_sale import HealthieOnSale
from integrations.healthie.patients import HealthiePatients
from integrations.healthie.permission_check import PermissionCheck
from integrations.healthie.promotions import HealthiePromotions
from integrations.healthie.purchases import HealthiePurchases
from integrations.healthie.readback import Comparison, Noticed, only_logged
from integrations.healthie.receipt_mails import HealthieReceipts
from integrations.healthie.rehearsal.asking import LockedOut
from integrations.healthie.rehearsal.connecting import rehearsal
from integrations.healthie.rehearsal.listening import Ear, listening
from integrations.healthie.rehearsal.notebook import Notebook
from integrations.healthie.rehearsal.profile import Profile
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
from integrations.healthie.upstream import UpstreamCheck, compare_sdl
from integrations.healthie.version_choice import Replaced
from integrations.healthie.version_choice import only_logged as replacement_only_logged
from integrations.healthie.visit_changes import HealthieVisitChanges
from integrations.healthie.visit_records import HealthieVisitRecords
from integrations.healthie.webhooks import HealthieWebhooks
from integrations.upstream.audit import CallAudit
from integrations.upstream.gate import Gate
from integrations.upstream.wire import Wire

__all__ = [
    "WILL_MAKE",
    "Ear",
    "LockedOut",
    "NotRehearsable",
    "Notebook",
    "Profile",
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
    version: str | None = None,
    shard: str | None = None,
    recipient_id: str | None = None,
    gate: Gate | None = None,
    proving: Proving | None = None,
    noticed: Noticed = only_logged,
    version_replaced: Replaced = replacement_only_logged,
    not_permitted: ToldRefusal | None = None,
    catalog_cache: CatalogCache | None = None,
    now: Callable[[], datetime] = _utc_now,
    wire: Wire | None = None,
) -> AsyncIterator[SystemOfRecord]:
    """Connect to Healthie's GraphQL endpoint at `url`. Sends nothing before the first call.

    `version`: of the API; without it the one in use is chosen while `api_version.keep_chosen` runs, and `version_replaced` is
    called when Healthie refuses it under way.
    `declines`: the card processor's decline codes. `digest`: a keyed digest of patient data, to detect changes (see `Digest`).
    `recipient_id`: receives every payment instead of the treating clinician. `gate`: rate limit and circuit breakers; without it
    everything is sent at once. `proving`: where proofs of clinicians' keys are stored and at which rate keys are proved, while
    `keys.keep_proved` runs. `noticed`: called with every silent no-op, a mutation whose result differs from the request.
    `not_permitted`: called with every refusal of a permission that the owner of a key lacks.
    `catalog_cache`: shared by processes; without it this process has its own. `now`: the clock for the age of catalog and proofs.
    """
    clients = Clients(
        url=url,
        organization_key=organization_key,
        audit=audit,
        now=now,
        version=version,
        shard=shard,
        gate=gate,
        wire=wire,
        version_replaced=version_replaced,
        not_permitted=not_permitted,
    )
    organization = clients.organization
    keys = KeyStore(clinician_keys, client=clients.acting_as, now=now, proving=proving)
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
            visit_records=HealthieVisitRecords(client=organization),
            scheduling=HealthieScheduling(clinician=keys.clinician, staff=staff, comparison=comparison),
            visits=HealthieVisits(client=organization, staff=staff),
            visit_changes=HealthieVisitChanges(clinician=keys.clinician, staff=staff, comparison=comparison),
            change_payments=HealthieChangePayments(
                clinician=keys.clinician,
                staff=staff,
                declines=declines,
                comparison=comparison,
                recipient_id=recipient_id,
            ),
            credits=HealthieCredits(staff=staff),
            purchases=HealthiePurchases(client=organization),
            memberships=HealthieMemberships(client=organization),
            invoice_payments=HealthieInvoicePayments(
                client=organization,
                staff=staff,
                declines=declines,
                comparison=comparison,
                recipient_id=recipient_id,
            ),
            receipts=HealthieReceipts(client=organization, comparison=comparison),
            group_visits=HealthieGroupVisits(client=organization),
            membership_changes=HealthieMembershipChanges(staff=staff, comparison=comparison),
            credit_ledger=HealthieCreditLedger(staff=staff),
            resources=HealthieResourceReader(client=organization, digest=digest),
            changes=HealthieChanges(client=organization, now=now),
            subscriptions=HealthieSubscriptions(client=organization, comparison=comparison),
            keys=keys,
            api_version=clients.versions,
            drift=UpstreamCheck(
                client=organization,
                versions=clients.versions,
                warnings=clients.connection.warnings,
                permissions=PermissionCheck(client=organization, keys=keys),
                charges=ChargeCheck(client=organization, catalog=kept.catalog),
            ),
        )
    finally:
        await clients.aclose()


def webhook_source() -> WebhookSource:
    """The verifier and parser of Healthie's webhooks."""
    return HealthieWebhooks()


def drift_of(sdl: str, *, version: str | None = None) -> DriftReport:
    """Compare a schema of Healthie's, in SDL, with the contract, without network; `version` is the schema's, if it is a newer one.

    Raises UpstreamUnavailable when it is no schema.
    """
    return compare_sdl(sdl, version=version)
