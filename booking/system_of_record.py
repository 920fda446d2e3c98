"""SystemOfRecord: the domain's ports to the system of record in one bundle, built by an adapter family (`integrations/*/connect.py`)."""

from dataclasses import dataclass
from typing import Protocol

from booking.changes.ports import (
    ChangePayments,
    Credits,
    InvoicePayments,
    MembershipChanges,
    Memberships,
    VisitChanges,
    Visits,
)
from booking.checkout.credits import CreditLedger
from booking.checkout.guards import ClinicianKeys
from booking.groups.model import GroupVisits
from booking.packages.ports import Purchases
from booking.payments.receipts import Receipts
from booking.ports import (
    Availability,
    Billing,
    Cards,
    CatalogSource,
    Invoices,
    OnSale,
    Patients,
    Promotions,
    Scheduling,
)
from booking.resources import ChangedVisits, Changes, ResourceReader
from booking.sync.drift import DriftCheck
from booking.sync.webhook_subscriptions import Subscriptions
from booking.visits.model import VisitRecords


class ProvedKeys(ClinicianKeys, Protocol):
    """The clinicians' own API keys.

    A key is used only once upstream has confirmed whose it is; the settings alone prove nothing.
    """

    @property
    def proved(self) -> frozenset[str]:
        """Ids of the clinicians whose key upstream last confirmed as theirs."""

    @property
    def pending(self) -> frozenset[str]:
        """Ids of the clinicians about whose key upstream has not answered yet."""

    async def prove_due(self) -> frozenset[str]:
        """Ask upstream for the owner of every key whose proof is due. Returns the ids that are proved afterwards."""

    async def keep_proved(self) -> None:
        """Prove due keys periodically until cancelled."""

    async def wait_until_answered(self, *, within: float) -> None:
        """Wait until upstream has answered about every key, `within` seconds at most."""


class ApiVersionChoice(Protocol):
    """Which version of upstream's API is asked for: chosen from what upstream answers, unless a setting names it."""

    @property
    def used(self) -> str:
        """The version in use."""

    async def keep_chosen(self) -> None:
        """Choose the version now, and again periodically, until cancelled."""


class ResourceSource(ResourceReader, ChangedVisits, Protocol):
    """Reads single resources, and lists visits by the time of their last change."""


@dataclass(frozen=True, kw_only=True)
class SystemOfRecord:
    """All ports of the domain, on one connection."""

    catalog: CatalogSource  # at most a minute old; for quotes and holds
    browsing: CatalogSource  # up to an hour old while upstream cannot be read; for browsing only
    on_sale: OnSale  # never cached; checked right before a charge
    availability: Availability
    promotions: Promotions
    patients: Patients
    cards: Cards
    billing: Billing
    invoices: Invoices
    scheduling: Scheduling
    visits: Visits  # never cached
    visit_changes: VisitChanges
    change_payments: ChangePayments
    credits: Credits
    purchases: Purchases
    memberships: Memberships  # never cached
    receipts: Receipts  # never cached
    invoice_payments: InvoicePayments  # never cached
    group_visits: GroupVisits  # never cached
    membership_changes: MembershipChanges
    credit_ledger: CreditLedger  # never cached
    visit_records: VisitRecords
    resources: ResourceSource
    changes: Changes
    subscriptions: Subscriptions  # to upstream's webhooks
    keys: ProvedKeys
    api_version: ApiVersionChoice
    drift: DriftCheck
