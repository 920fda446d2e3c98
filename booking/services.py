"""Services: the domain's interface for the API, one service per topic."""

from dataclasses import dataclass

from booking.catalog.quotes import QuoteService
from booking.changes.invoice_service import InvoicePaymentService
from booking.changes.membership_service import MembershipService
from booking.changes.service import ChangeService
from booking.checkout.credit_quotes import CreditQuotes
from booking.checkout.email_verification import EmailVerification
from booking.checkout.service import CheckoutService
from booking.checkout.start import CheckoutStartService
from booking.groups.service import GroupVisitService
from booking.live.live_queries import LiveQueries
from booking.operations.service import OperationsService
from booking.packages.service import PurchaseService
from booking.payments.cards import CardService
from booking.payments.receipts import ReceiptService
from booking.ports import CatalogSource
from booking.records import RecordsService
from booking.scheduling.holds import HoldService
from booking.scheduling.search import SlotSearch
from booking.visits.service import VisitService
from booking.waitlist.service import WaitlistService


@dataclass(frozen=True, kw_only=True)
class Services:
    """All services. Built once, in the composition root."""

    catalog: CatalogSource
    search: SlotSearch
    holds: HoldService
    quotes: QuoteService
    credit_quotes: CreditQuotes
    starts: CheckoutStartService
    checkouts: CheckoutService
    changes: ChangeService
    memberships: MembershipService
    cards: CardService
    receipts: ReceiptService
    invoice_payments: InvoicePaymentService
    group_visits: GroupVisitService
    email_verification: EmailVerification
    records: RecordsService
    visits: VisitService
    purchases: PurchaseService
    waitlist: WaitlistService
    operations: OperationsService
    live_queries: LiveQueries
    phone_region: str  # ISO 3166; assumed for phone numbers without a country code
