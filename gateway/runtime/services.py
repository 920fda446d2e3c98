"""Builds the domain services that the API uses."""

from contextlib import AsyncExitStack
from datetime import timedelta
from functools import partial

from booking.catalog.bookable import BookableCatalog
from booking.catalog.quotes import QuoteService
from booking.changes.accepted import AcceptedChanges
from booking.changes.access import VisitAccess
from booking.changes.driver import ChangeDriver
from booking.changes.invoice_service import InvoicePaymentService
from booking.changes.membership_service import MembershipService
from booking.changes.service import ChangeService
from booking.checkout.attempt_limits import AttemptLimitedPromotions, AttemptLimiter
from booking.checkout.credit_quotes import CreditQuotes
from booking.checkout.email_verification import CodeSender, EmailVerification
from booking.checkout.saga import Saga
from booking.checkout.service import CheckoutRules, CheckoutService
from booking.checkout.spendable_credits import SpendableCredits
from booking.checkout.start import CheckoutStartService
from booking.checkout.unpaid_visits import UnpaidVisits
from booking.groups.service import GroupVisitService
from booking.live.live_queries import LiveQueries
from booking.operations.alerts import AlertService
from booking.operations.cached_blocks import CachedBlocks
from booking.operations.service import OperationsService
from booking.packages.service import PurchaseService
from booking.payments.cards import CardService
from booking.payments.receipts import ReceiptService
from booking.ports import CatalogSource
from booking.records import RecordsService
from booking.scheduling.hold_capacity import AnonymousHoldShare, HoldAlarm, ShareRules
from booking.scheduling.holds import HoldRules, HoldService
from booking.scheduling.search import SlotSearch
from booking.services import Services
from booking.system_of_record import SystemOfRecord
from booking.visits.model import ChangeOptionsOf
from booking.visits.service import VisitService
from booking.waitlist.answers import OfferAnswers
from booking.waitlist.offers import OfferDriver
from booking.waitlist.passing_on import PassingOn
from booking.waitlist.service import WaitlistService
from gateway.alarms import DayHeldAlarm
from gateway.callers.calendar_links import calendar_links
from gateway.callers.tokens import derive_key, keyed_digest
from gateway.rates import Counts
from gateway.rates.connect import connect_attempt_limits
from gateway.runtime.foundation import Foundation
from integrations.database.alerts import SqlBlockedClinicians


def build_services(
    base: Foundation,
    *,
    upstream: SystemOfRecord,
    saga: Saga,
    change_driver: ChangeDriver,
    counts: Counts,
    alert_service: AlertService,
    exits: AsyncExitStack,
) -> Services:
    """Builds the services on their ports, with the rules from the settings."""
    units, clock = base.units, base.clock
    attempts = connect_attempt_limits(base.settings, counts, alert_service, clock)
    blocks = CachedBlocks(SqlBlockedClinicians(engine=base.engine))
    exits.enter_context(base.shared.local_signals.subscribe(blocks))
    catalog = BookableCatalog(source=upstream.catalog, blocks=blocks)
    browsing = BookableCatalog(source=upstream.browsing, blocks=blocks)
    search = SlotSearch(
        availability=upstream.availability,
        holds=base.holds,
        recorded=base.changes,
        clock=clock,
        store=base.shared.offer_store,
    )
    base.shared.local_signals.observe(search.note_changes)
    quotes = QuoteService(
        catalog=catalog, promotions=AttemptLimitedPromotions(inner=upstream.promotions, attempts=attempts)
    )
    credit_quotes = CreditQuotes(
        catalog=catalog,
        credit=SpendableCredits(ledger=upstream.credit_ledger, units=units, clock=clock),
    )
    unpaid = UnpaidVisits(policy=base.settings.unpaid_visits, attempts=attempts)
    records = RecordsService(patients=upstream.patients, cards=upstream.cards)
    checkouts = _checkouts(base, upstream=upstream, saga=saga, attempts=attempts, unpaid=unpaid)
    exits.push_async_callback(checkouts.aclose)
    accepted = AcceptedChanges(
        driver=change_driver, answer_within=timedelta(seconds=base.settings.answer_seconds)
    )
    exits.push_async_callback(accepted.aclose)
    changes = _changes(base, upstream=upstream, accepted=accepted)
    waitlist = _waitlist(base, catalog=catalog, search=search)
    return Services(
        catalog=browsing,
        search=search,
        holds=_holds(base, catalog=catalog, search=search, alarm=DayHeldAlarm(alert_service=alert_service)),
        quotes=quotes,
        credit_quotes=credit_quotes,
        starts=_starts(base, saga=saga, quotes=quotes, credit_quotes=credit_quotes, unpaid=unpaid),
        checkouts=checkouts,
        changes=changes,
        memberships=MembershipService(
            accepted=accepted,
            memberships=upstream.memberships,
            units=units,
            clock=clock,
            policy=base.settings.membership_policy,
            time_zone=base.settings.time_zone.key,
        ),
        cards=CardService(cards=upstream.cards, purchases=upstream.purchases, units=units),
        receipts=ReceiptService(receipts=upstream.receipts, clock=clock),
        invoice_payments=InvoicePaymentService(
            accepted=accepted,
            invoices=upstream.invoice_payments,
            cards=upstream.cards,
            attempts=attempts,
            units=units,
            clock=clock,
        ),
        group_visits=GroupVisitService(visits=upstream.group_visits, clock=clock),
        email_verification=_email_verification(base, attempts=attempts),
        records=records,
        visits=_visits(base, upstream=upstream, changes=changes),
        purchases=PurchaseService(purchases=upstream.purchases),
        waitlist=waitlist,
        operations=OperationsService(units=units),
        phone_region=base.settings.phone_region,
        live_queries=_live_queries(base, search=search, records=records, waitlist=waitlist),
    )


def _holds(base: Foundation, *, catalog: CatalogSource, search: SlotSearch, alarm: HoldAlarm) -> HoldService:
    settings = base.settings
    passing = PassingOn(units=base.units, catalog=catalog, clock=base.clock, rules=settings.waitlist_rules)
    return HoldService(
        store=base.holds,
        checkout_holds=base.checkout_holds,
        search=search,
        catalog=catalog,
        units=base.units,
        clock=base.clock,
        rules=HoldRules(
            duration=settings.hold_duration,
            extensions=settings.hold_extensions,
            per_owner=settings.holds_per_owner,
            per_client=settings.holds_per_client,
        ),
        share=AnonymousHoldShare(
            store=base.holds,
            search=search,
            clock=base.clock,
            rules=ShareRules(everybody=settings.anonymous_holds_percent / 100),
            alarm=alarm,
        ),
        offered=OfferAnswers(units=base.units, holds=base.holds, clock=base.clock, passing=passing),
    )


def _starts(
    base: Foundation,
    *,
    saga: Saga,
    quotes: QuoteService,
    credit_quotes: CreditQuotes,
    unpaid: UnpaidVisits,
) -> CheckoutStartService:
    return CheckoutStartService(
        saga=saga,
        quotes=quotes,
        credit_quotes=credit_quotes,
        holds=base.holds,
        checkout_holds=base.checkout_holds,
        units=base.units,
        clock=base.clock,
        unpaid=unpaid,
    )


def _checkouts(
    base: Foundation, *, upstream: SystemOfRecord, saga: Saga, attempts: AttemptLimiter, unpaid: UnpaidVisits
) -> CheckoutService:
    return CheckoutService(
        saga=saga,
        checkout_holds=base.checkout_holds,
        cards=upstream.cards,
        units=base.units,
        clock=base.clock,
        rules=CheckoutRules(
            confirm_window=timedelta(minutes=base.settings.confirm_minutes),
            answer_within=timedelta(seconds=base.settings.answer_seconds),
        ),
        attempts=attempts,
        unpaid=unpaid,
    )


def _changes(base: Foundation, *, upstream: SystemOfRecord, accepted: AcceptedChanges) -> ChangeService:
    return ChangeService(
        accepted=accepted,
        access=VisitAccess(
            visits=upstream.visits, payments=upstream.change_payments, units=base.units, clock=base.clock
        ),
        visits=upstream.visits,
        holds=base.holds,
        clock=base.clock,
        policy=base.settings.change_policy,
    )


def _visits(base: Foundation, *, upstream: SystemOfRecord, changes: ChangeOptionsOf) -> VisitService:
    return VisitService(
        records=upstream.visit_records,
        details=upstream.visits,
        changes=changes,
        links=calendar_links(base.settings, base.clock),
        units=base.units,
        clock=base.clock,
    )


def _waitlist(base: Foundation, *, catalog: CatalogSource, search: SlotSearch) -> WaitlistService:
    rules = base.settings.waitlist_rules
    driver = OfferDriver(
        units=base.units, holds=base.holds, search=search, catalog=catalog, clock=base.clock, rules=rules
    )
    return WaitlistService(units=base.units, catalog=catalog, clock=base.clock, driver=driver, rules=rules)


def _live_queries(
    base: Foundation, *, search: SlotSearch, records: RecordsService, waitlist: WaitlistService
) -> LiveQueries:
    return LiveQueries(
        change_signals=base.shared.local_signals,
        search=search,
        records=records,
        waitlist=waitlist,
        units=base.units,
        clock=base.clock,
    )


def _email_verification(base: Foundation, *, attempts: AttemptLimiter) -> EmailVerification:
    secret = base.settings.secret_key.get_secret_value()
    return EmailVerification(
        sender=_code_sender(base),
        units=base.units,
        clock=base.clock,
        attempts=attempts,
        digest=partial(keyed_digest, derive_key(secret, "email-code")),
    )


def _code_sender(base: Foundation) -> CodeSender | None:
    """The mailer of one-time codes; None without a configured mail server."""
    settings = base.settings
    if settings.smtp_url is None or settings.mail_from is None:
        return None
    # Loaded only where it is used: a tenth of a second at every start.
    from integrations.mail.smtp import MailServer, SmtpCodes  # noqa: PLC0415

    server = MailServer.of(settings.smtp_url.get_secret_value())
    return SmtpCodes(
        server=server, sender=settings.mail_from, clock=base.clock, needs_tls=not settings.in_development
    )
