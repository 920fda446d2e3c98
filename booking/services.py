"""The domain as the API sees it: one object with one service a topic."""

from dataclasses import dataclass

from booking.checkout import CheckoutService
from booking.checkout_start import StartService
from booking.email_verification import EmailVerification
from booking.holds import HoldService
from booking.operations import OperationsService
from booking.ports import CatalogSource
from booking.quotes import QuoteService
from booking.records import RecordsService
from booking.search import SlotSearch
from booking.watching import Watching


@dataclass(frozen=True, kw_only=True)
class Services:
    """Built once, in the composition root."""

    catalog: CatalogSource
    search: SlotSearch
    holds: HoldService
    quotes: QuoteService
    starts: StartService
    checkouts: CheckoutService
    email_verification: EmailVerification
    records: RecordsService
    operations: OperationsService
    watching: Watching
    phone_region: str  # of phone numbers without a country code (ISO 3166)
