"""The domain's services as the API uses them, and the saga that they stand on."""

from datetime import timedelta

from booking.checkout import CheckoutRules, CheckoutService
from booking.checkout_start import StartService
from booking.email_verification import EmailVerification
from booking.guards import Grounds, Guards
from booking.hold_capacity import AnonymousShare, HoldAlarm, ShareRules
from booking.holds import HoldRules, HoldService
from booking.late import LateTruth
from booking.ledger import ChargeLedger
from booking.lookout import Changes
from booking.operations import OperationsService
from booking.pokes import LocalPokes
from booking.ports import CatalogSource, Clock, HoldStore
from booking.quotes import QuoteService
from booking.records import RecordsService
from booking.saga import Saga
from booking.search import SlotSearch
from booking.services import Services
from booking.steps import Steps
from booking.terms import PresentTerms
from booking.trials import BoundedPromotions, Trials
from booking.unit_of_work import UnitOfWorkFactory
from booking.unpaid import UnpaidVisits
from booking.watching import Watching
from gateway.settings import Settings
from integrations.healthie.connect import Healthie


def build_saga(
    settings: Settings,
    *,
    healthie: Healthie,
    ledger: ChargeLedger | None,
    grounds: Grounds,
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
        guards=Guards(grounds=grounds, keys=healthie.keys, clock=clock),
        late=LateTruth(billing=healthie.billing, scheduling=healthie.scheduling, clock=clock, ledger=ledger),
        units=units,
        holds=holds,
        clock=clock,
        name=name,
    )


def build_services(
    settings: Settings,
    *,
    heard: LocalPokes,
    changes: Changes,
    healthie: Healthie,
    catalog: CatalogSource,
    browsing: CatalogSource,
    holds: HoldStore,
    units: UnitOfWorkFactory,
    saga: Saga,
    clock: Clock,
    trials: Trials,
    day_held: HoldAlarm,
    email_verification: EmailVerification,
) -> Services:
    """Build them on their ports, with the rules that the settings give."""
    search = SlotSearch(
        catalog=browsing, availability=healthie.availability, holds=holds, units=units, clock=clock
    )
    promotions = BoundedPromotions(inner=healthie.promotions, trials=trials)
    quotes = QuoteService(catalog=catalog, promotions=promotions)
    unpaid = UnpaidVisits(policy=settings.unpaid_visits, trials=trials)
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
            share=AnonymousShare(
                store=holds,
                search=search,
                clock=clock,
                rules=ShareRules(everybody=settings.anonymous_holds_percent / 100),
                alarm=day_held,
            ),
        ),
        quotes=quotes,
        starts=StartService(saga=saga, quotes=quotes, holds=holds, units=units, clock=clock, unpaid=unpaid),
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
            trials=trials,
            unpaid=unpaid,
        ),
        email_verification=email_verification,
        records=records,
        operations=OperationsService(units=units),
        phone_region=settings.phone_region,
        watching=Watching(
            pokes=heard, search=search, records=records, units=units, changes=changes, clock=clock
        ),
    )
