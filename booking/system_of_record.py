"""The system of record as the program knows it: one bundle of ports, which a family of adapters builds (`integrations/*/connect.py`)."""

from dataclasses import dataclass
from typing import Protocol

from booking.checkout.guards import ClinicianKeys
from booking.ports import (
    Availability,
    Billing,
    Cards,
    CatalogSource,
    OnSale,
    Patients,
    Promotions,
    Scheduling,
)
from booking.resources import ChangedVisits, Changes, ResourceReader
from booking.sync.drift import DriftCheck
from booking.sync.webhook_subscriptions import Subscriptions


class ProvedKeys(ClinicianKeys, Protocol):
    """The clinicians' own keys: who can act as whom is what upstream said, never what the settings say."""

    @property
    def proved(self) -> frozenset[str]:
        """The clinicians whose key is theirs, as upstream last said."""

    @property
    def pending(self) -> frozenset[str]:
        """The clinicians about whose key upstream has not been heard yet."""

    async def prove_due(self) -> frozenset[str]:
        """Ask for the owner of every key whose proof is due; answers who is proved."""

    async def keep_proved(self) -> None:
        """Prove what is due, now and again, until cancelled."""

    async def wait_until_heard(self, *, within: float) -> None:
        """Wait until something was heard of every key, and no longer than so many seconds."""


class ResourceSource(ResourceReader, ChangedVisits, Protocol):
    """Resources, read one by one; and the visits among them found by when they changed."""


@dataclass(frozen=True, kw_only=True)
class SystemOfRecord:
    """The ports of the domain, all on one connection."""

    catalog: CatalogSource  # at most a minute old: what may be sold by
    browsing: CatalogSource  # up to an hour old while it cannot be read: for looking around
    on_sale: OnSale  # never kept: what is charged for at this moment
    availability: Availability
    promotions: Promotions
    patients: Patients
    cards: Cards
    billing: Billing
    scheduling: Scheduling
    resources: ResourceSource
    changes: Changes
    subscriptions: Subscriptions  # to upstream's webhooks
    keys: ProvedKeys
    drift: DriftCheck
