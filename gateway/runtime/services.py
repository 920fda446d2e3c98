"""The domain's services as the API uses them, and the saga that they stand on."""

from datetime import timedelta

from booking.catalog.quotes import QuoteService
from booking.catalog.terms import PresentTerms
from booking.change_signals import LocalChangeSignals
from booking.checkout.attempt_limits import AttemptLimitedPromotions, AttemptLimiter
from booking.checkout.email_verification import EmailVerification
from booking.checkout.guards import Guards, SendFactsReader
from booking.checkout.ledger import ChargeLedger
from booking.checkout.reconciliation import LateReconciler
from booking.checkout.saga import Saga
from booking.checkout.service import CheckoutRules, CheckoutService
from booking.checkout.start import CheckoutStartService
from booking.checkout.steps import Steps
from booking.checkout.unpaid_visits import UnpaidVisits
from booking.live.change_poller import ChangeReader
from booking.live.live_queries import LiveQueries
from booking.operations.service import OperationsService
from booking.ports import CatalogSource, Clock, HoldStore
from booking.records import RecordsService
from booking.scheduling.hold_capacity import AnonymousHoldShare, HoldAlarm, ShareRules
from booking.scheduling.holds import HoldRules, HoldService
from booking.scheduling.search import SlotSearch
from booking.services import Services
from booking.system_of_record import SystemOfRecord
from booking.unit_of_work import UnitOfWorkFactory
from gateway.settings import Settings


def build_saga(
    settings: Settings,
    *,
    healthie: SystemOfRecord,
    ledger: ChargeLedger | None,
    send_facts: SendFactsReader,
    holds: HoldStore,
    units: UnitOfWorkFactory,
    clock: Clock,
    name: str,
) -> Saga:
    """Build it on its ports; `name` is this process's, and no other's."""
    steps = Steps(
        patients=healthie.patients,
        cards=healthie.cards,
        billing=healthie.billing,
        scheduling=healthie.scheduling,
        holds=holds,
        terms=PresentTerms(on_sale=healthie.on_sale, promotions=healthie.promotions),
        clock=clock,
        guest_records=settings.guest_records,
    )
    return Saga(
        steps=steps,
        guards=Guards(send_facts=send_facts, keys=healthie.keys, clock=clock),
        late=LateReconciler(
            billing=healthie.billing, scheduling=healthie.scheduling, clock=clock, ledger=ledger
        ),
        units=units,
        holds=holds,
        clock=clock,
        name=name,
    )


def build_services(
    settings: Settings,
    *,
    local_signals: LocalChangeSignals,
    changes: ChangeReader,
    healthie: SystemOfRecord,
    catalog: CatalogSource,
    browsing: CatalogSource,
    holds: HoldStore,
    units: UnitOfWorkFactory,
    saga: Saga,
    clock: Clock,
    attempts: AttemptLimiter,
    day_held: HoldAlarm,
    email_verification: EmailVerification,
) -> Services:
    """Build them on their ports, with the rules that the settings give."""
    search = SlotSearch(
        catalog=browsing, availability=healthie.availability, holds=holds, units=units, clock=clock
    )
    promotions = AttemptLimitedPromotions(inner=healthie.promotions, attempts=attempts)
    quotes = QuoteService(catalog=catalog, promotions=promotions)
    unpaid = UnpaidVisits(policy=settings.unpaid_visits, attempts=attempts)
    records = RecordsService(patients=healthie.patients, cards=healthie.cards)
    return Services(
        catalog=browsing,
        search=search,
        holds=HoldService(
            store=holds,
            search=search,
            catalog=catalog,
            units=units,
            clock=clock,
            rules=HoldRules(
                duration=settings.hold_duration,
                extensions=settings.hold_extensions,
                per_owner=settings.holds_per_owner,
                per_client=settings.holds_per_client,
            ),
            share=AnonymousHoldShare(
                store=holds,
                search=search,
                clock=clock,
                rules=ShareRules(everybody=settings.anonymous_holds_percent / 100),
                alarm=day_held,
            ),
        ),
        quotes=quotes,
        starts=CheckoutStartService(
            saga=saga, quotes=quotes, holds=holds, units=units, clock=clock, unpaid=unpaid
        ),
        checkouts=CheckoutService(
            saga=saga,
            holds=holds,
            cards=healthie.cards,
            units=units,
            clock=clock,
            rules=CheckoutRules(
                confirm_window=timedelta(minutes=settings.confirm_minutes),
                answer_within=timedelta(seconds=settings.answer_seconds),
            ),
            attempts=attempts,
            unpaid=unpaid,
        ),
        email_verification=email_verification,
        records=records,
        operations=OperationsService(units=units),
        phone_region=settings.phone_region,
        live_queries=LiveQueries(
            change_signals=local_signals,
            search=search,
            records=records,
            units=units,
            changes=changes,
            clock=clock,
        ),
    )
