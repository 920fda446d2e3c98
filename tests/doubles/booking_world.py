"""The whole domain wired to its doubles, with sample people and an offer, and what must hold of every ended checkout."""

import hashlib
import itertools
from dataclasses import dataclass, field
from datetime import date, time, timedelta
from typing import Any

from booking.catalog.bookable import BookableCatalog
from booking.catalog.model import (
    BillingFrequency,
    BookingPolicy,
    Catalog,
    Clinician,
    ContactType,
    Location,
    Plan,
    PlanVisits,
    VisitType,
)
from booking.catalog.quotes import QuoteService
from booking.catalog.terms import PresentTerms
from booking.change_signals import LocalChangeSignals
from booking.changes.later_changes import RequestedChangesReader
from booking.checkout.checkout_holds import CheckoutHolds
from booking.checkout.credit_quotes import CreditQuotes
from booking.checkout.email_verification import EmailVerification
from booking.checkout.guards import Guards, SendFactsReader
from booking.checkout.guests import GuestRecords
from booking.checkout.ledger import ChargeLedger
from booking.checkout.model import Checkout
from booking.checkout.model import CheckoutState as S
from booking.checkout.reconciliation import LateReconciler
from booking.checkout.saga import Saga
from booking.checkout.service import CheckoutRules, CheckoutService
from booking.checkout.spendable_credits import SpendableCredits
from booking.checkout.start import CheckoutStartService
from booking.checkout.steps import Steps
from booking.checkout.timing import LEASE
from booking.checkout.transitions import TERMINAL, at_rest
from booking.checkout.unpaid_visits import UnpaidPolicy, UnpaidVisits
from booking.events.model import EventName
from booking.live.announced_holds import AnnouncedHolds
from booking.live.live_queries import LiveQueries
from booking.models import CardChoice, GuestDetails, Hold, Promo
from booking.money import Money
from booking.principals import Caller, Principal, PrincipalKind, guest_of
from booking.records import RecordsService
from booking.scheduling.hold_capacity import AnonymousHoldShare, ShareRules
from booking.scheduling.holds import HoldRules, HoldService
from booking.scheduling.search import SlotSearch
from booking.slots import Slot
from booking.unit_of_work import UnitOfWorkFactory
from booking.visits.service import VisitService
from booking.waitlist.answers import OfferAnswers
from booking.waitlist.looks import WaitlistLooker
from booking.waitlist.offers import OfferDriver
from booking.waitlist.passing_on import PassingOn
from booking.waitlist.rules import QuietHours, WaitlistRules
from booking.waitlist.service import WaitlistService
from tests.doubles.attempt_limits import RecordedAttempts
from tests.doubles.booking_ports import NOW, FakeChanges, FakeClock, FakeDatabase, FakeHolds, Tape
from tests.doubles.booking_upstream import (
    Books,
    FakeBilling,
    FakeCards,
    FakeCreditLedger,
    FakeInvoices,
    FakeKeys,
    FakeOffer,
    FakeOnSale,
    FakePatients,
    FakeScheduling,
)
from tests.doubles.code_mail import KeptCodes
from tests.doubles.visits import FakeVisits, PlainLinks, Records

VISITOR = Caller(principal=Principal(kind=PrincipalKind.VISITOR, id="v1"))
STRANGER = Caller(principal=Principal(kind=PrincipalKind.VISITOR, id="v2"))
PATIENT = Caller(principal=Principal(kind=PrincipalKind.PATIENT, id="p-sample"))
GUEST = GuestDetails(email="sample.patient@example.com", first_name="Sample", last_name="Patient")

CLINICIANS = tuple(
    Clinician(
        id=one, name=f"Sample {one}", qualifications=None, time_zone="UTC", licensed_in=frozenset(states)
    )
    for one, states in (("c1", {"NY", "NJ"}), ("c2", {"CA"}))
)
LOCATION = Location(id="l1", name="Sample Street")
PRICED = VisitType(
    id="v-priced",
    name="First visit",
    description=None,
    minutes=30,
    contact_types=(ContactType.VIDEO, ContactType.IN_PERSON),
    price=Money.of("150", "USD"),
    clinician_ids=None,
)
LONG = VisitType(
    id="v-long",
    name="Long visit",
    description=None,
    minutes=60,
    contact_types=(ContactType.VIDEO,),
    price=Money.of("250", "USD"),
    clinician_ids=frozenset({"c1"}),
)
FREE = VisitType(
    id="v-free",
    name="Free consultation",
    description=None,
    minutes=30,
    contact_types=(ContactType.PHONE,),
    price=None,
    clinician_ids=None,
)
PLANNED = VisitType(
    id="v-planned",
    name="Visit of a plan",
    description=None,
    minutes=30,
    contact_types=(ContactType.VIDEO,),
    price=None,
    clinician_ids=None,
)


def a_plan(plan_id: str, due: str, **changes: object) -> Plan:
    """Answer a plan that includes the planned visit."""
    values: dict[str, object] = {
        "id": plan_id,
        "name": f"Plan {plan_id}",
        "description": None,
        "price": Money.of("99", "USD"),
        "due_today": Money.of(due, "USD"),
        "frequency": BillingFrequency.ONE_TIME,
        "payments": None,
        "visits": (PlanVisits(visit_type_id=PLANNED.id, quantity=1),),
        "sold_out": False,
    }
    return Plan(**(values | changes))  # type: ignore[arg-type]  # names as in Plan


ONCE = a_plan("once", "99")
MONTHLY = a_plan("monthly", "99", frequency=BillingFrequency.MONTHLY, payments=12)
SOLD_OUT = a_plan("sold-out", "99", sold_out=True)
FREE_MONTH = a_plan("free-month", "0", frequency=BillingFrequency.MONTHLY)
CATALOG = Catalog(
    plans=(ONCE, MONTHLY, SOLD_OUT, FREE_MONTH),
    visit_types=(PRICED, LONG, FREE, PLANNED),
    clinicians=CLINICIANS,
    locations=(LOCATION,),
    policy=BookingPolicy(
        schedule_notice=None, cancel_notice=None, late_cancellation_fee=None, no_show_fee=None
    ),
)
TEN_OFF = Promo(code="TENOFF", coupon_id="k1", discounted=Money.of("89", "USD"))


# For tests of other things: strangers may hold whole days.
ALL_THERE_IS = ShareRules(everybody=100, visitor=1, network=1, block=1)


def a_slot(visit: VisitType = PRICED, *, clinician: str = "c1", hours: float = 24) -> Slot:
    """Answer a slot that starts so many hours from the beginning of every test."""
    return Slot(
        clinician_id=clinician,
        visit_type_id=visit.id,
        contact_type=visit.contact_types[0],
        location_id=None,
        start=NOW + timedelta(hours=hours),
        minutes=visit.minutes,
    )


@dataclass
class World:
    """One practice, one database, any number of processes."""

    rules: CheckoutRules = field(default_factory=CheckoutRules)
    hold_rules: HoldRules = field(default_factory=HoldRules)
    unpaid_policy: UnpaidPolicy = UnpaidPolicy.OPEN
    share_rules: ShareRules = ALL_THERE_IS  # a day of this world has few slots
    ledger: ChargeLedger | None = None
    guest_records: GuestRecords = GuestRecords.NEW

    def __post_init__(self) -> None:
        self.clock = FakeClock()
        self.tape = Tape()
        self.change_signals = LocalChangeSignals()
        self.database = FakeDatabase(self.tape, self.change_signals)
        self.holds = FakeHolds(self.clock)
        self.announced = AnnouncedHolds(store=self.holds, change_signals=self.change_signals)
        self.changes = FakeChanges(self.database)
        self.books = Books(clock=self.clock, tape=self.tape)
        free = [a_slot(visit, hours=hours) for visit in CATALOG.visit_types for hours in (24, 24.5, 48)]
        self.offer = FakeOffer(offered=CATALOG, free=free, promos={"TENOFF": TEN_OFF})
        self.catalog = BookableCatalog(source=self.offer, blocks=self.database)
        self.search = self.a_search()
        self.quotes = QuoteService(catalog=self.catalog, promotions=self.offer)
        self.credit_quotes = CreditQuotes(catalog=self.catalog, credit=self.credit())
        self.hold_service = self.a_hold_service(self.search)
        self.days_held: list[tuple[str, date]] = []
        self.attempts = RecordedAttempts()
        self.keys = FakeKeys()
        self.send_facts: SendFactsReader = self.database
        self.unpaid = UnpaidVisits(policy=self.unpaid_policy, attempts=self.attempts)
        self.mail = KeptCodes()
        self.email_verification = EmailVerification(
            sender=self.mail,
            units=self.database,
            clock=self.clock,
            attempts=self.attempts,
            digest=lambda text: hashlib.sha256(text.encode()).hexdigest(),
        )
        self._processes = itertools.count(1)
        self._tokens = itertools.count(1)
        self.saga = self.a_saga()
        self.starts = self.a_start(self.saga)
        self.checkouts = self.a_service(self.saga)

    def a_search(self) -> SlotSearch:
        """Answer another process's search: it shares no reading with that of the first."""
        return SlotSearch(availability=self.offer, holds=self.holds, recorded=self.changes, clock=self.clock)

    def a_hold_service(self, search: SlotSearch) -> HoldService:
        """Answer the hold service of the search's process."""
        return HoldService(
            store=self.announced,
            checkout_holds=self.checkout_holds(),
            search=search,
            catalog=self.catalog,
            units=self.database,
            clock=self.clock,
            rules=self.hold_rules,
            share=AnonymousHoldShare(
                store=self.announced,
                search=search,
                clock=self.clock,
                rules=self.share_rules,
                alarm=self._day_held,
            ),
            offered=OfferAnswers(
                units=self.database,
                holds=self.announced,
                clock=self.clock,
                passing=PassingOn(
                    units=self.database, catalog=self.catalog, clock=self.clock, rules=WaitlistRules()
                ),
            ),
        )

    async def _day_held(self, clinician_id: str, day: date) -> None:
        self.days_held.append((clinician_id, day))

    def live_queries(self, records: RecordsService | None = None) -> LiveQueries:
        """Answer what callers of one process may watch."""
        books = RecordsService(patients=FakePatients(self.books), cards=FakeCards(self.books))
        return LiveQueries(
            change_signals=self.change_signals,
            search=self.search,
            records=records or books,
            waitlist=self.waitlist_service(),
            units=self.database,
            clock=self.clock,
        )

    def waitlist_service(self, rules: WaitlistRules | None = None) -> WaitlistService:
        """Answer the waitlist of one process, with its driver of offers."""
        rules = rules or WaitlistRules()
        driver = OfferDriver(
            units=self.database,
            holds=self.announced,
            search=self.search,
            catalog=self.catalog,
            clock=self.clock,
            rules=rules,
        )
        return WaitlistService(
            units=self.database, catalog=self.catalog, clock=self.clock, driver=driver, rules=rules
        )

    def waitlist_on(self, units: UnitOfWorkFactory) -> tuple[WaitlistLooker, OfferDriver]:
        """Answer what one process does for the waitlist on a real database, at any hour."""
        rules = WaitlistRules(quiet=QuietHours(start=time(), end=time()))
        search = SlotSearch(
            availability=self.offer, holds=self.announced, recorded=self.changes, clock=self.clock
        )
        driver = OfferDriver(
            units=units,
            holds=self.announced,
            search=search,
            catalog=self.catalog,
            clock=self.clock,
            rules=rules,
        )
        looker = WaitlistLooker(
            units=units, search=search, catalog=self.catalog, driver=driver, clock=self.clock, rules=rules
        )
        return looker, driver

    def waitlist_looker(self, rules: WaitlistRules | None = None) -> WaitlistLooker:
        """Answer what looks for free times in one process."""
        rules = rules or WaitlistRules()
        looker = WaitlistLooker(
            units=self.database,
            search=self.a_search(),
            catalog=self.catalog,
            driver=self.waitlist_service(rules).driver,
            clock=self.clock,
            rules=rules,
        )
        self.change_signals.observe(looker.note)
        return looker

    def visit_service(self, visits: FakeVisits) -> VisitService:
        """Answer what shows single visits in one process."""
        return VisitService(
            records=Records(visits),
            details=visits,
            changes=visits,
            links=PlainLinks(),
            units=self.database,
            clock=self.clock,
        )

    def checkout_holds(self, units: UnitOfWorkFactory | None = None) -> CheckoutHolds:
        """Answer what finds the hold under a checkout."""
        return CheckoutHolds(holds=self.announced, units=units or self.database, clock=self.clock)

    def a_saga(self, units: UnitOfWorkFactory | None = None) -> Saga:
        """Answer the driver of another process, on this world's database unless told otherwise."""
        steps = Steps(
            patients=FakePatients(self.books),
            cards=FakeCards(self.books),
            billing=FakeBilling(self.books),
            scheduling=FakeScheduling(self.books),
            holds=self.holds,
            terms=PresentTerms(on_sale=FakeOnSale(self.books, self.offer), promotions=self.offer),
            credit_ledger=FakeCreditLedger(self.books),
            credit=self.credit(),
            clock=self.clock,
            guest_records=self.guest_records,
        )
        reconciler = LateReconciler(
            billing=FakeBilling(self.books),
            scheduling=FakeScheduling(self.books),
            later=RequestedChangesReader(units=self.database),
            clock=self.clock,
            ledger=self.ledger,
        )
        name = f"process-{next(self._processes)}"
        return Saga(
            steps=steps,
            guards=Guards(send_facts=self.send_facts, keys=self.keys, clock=self.clock),
            reconciler=reconciler,
            invoices=FakeInvoices(self.books),
            units=units or self.database,
            holds=self.announced,
            checkout_holds=self.checkout_holds(units),
            clock=self.clock,
            name=name,
        )

    def credit(self) -> SpendableCredits:
        """Answer what patients may still book by credit."""
        return SpendableCredits(ledger=FakeCreditLedger(self.books), units=self.database, clock=self.clock)

    def a_start(self, saga: Saga) -> CheckoutStartService:
        """Answer the service of another process that starts checkouts."""
        return CheckoutStartService(
            saga=saga,
            quotes=self.quotes,
            credit_quotes=self.credit_quotes,
            holds=self.holds,
            checkout_holds=self.checkout_holds(),
            units=self.database,
            clock=self.clock,
            unpaid=self.unpaid,
        )

    def under(self, policy: UnpaidPolicy) -> CheckoutService:
        """Answer the checkout service of a process that was started with other settings."""
        return self.a_service(self.saga, UnpaidVisits(policy=policy, attempts=self.attempts))

    def a_service(
        self, saga: Saga, unpaid: UnpaidVisits | None = None, checkout_holds: CheckoutHolds | None = None
    ) -> CheckoutService:
        """Answer the checkout service of another process."""
        return CheckoutService(
            saga=saga,
            checkout_holds=checkout_holds or self.checkout_holds(),
            cards=FakeCards(self.books),
            units=self.database,
            clock=self.clock,
            rules=self.rules,
            attempts=self.attempts,
            unpaid=unpaid or self.unpaid,
        )

    def token(self, kind: str = "ok") -> CardChoice:
        """Answer a fresh token; of kind `ok`, `declined` (when charged) or `refused` (when attached)."""
        return CardChoice(token=f"tok_{kind}_{next(self._tokens)}")

    async def hold(self, caller: Caller = VISITOR, slot: Slot | None = None) -> Hold:
        """Hold a slot for the caller."""
        return await self.hold_service.hold(caller, (slot or a_slot()).id, time_zone="America/New_York")

    async def start(
        self,
        caller: Caller = VISITOR,
        slot: Slot | None = None,
        *,
        plan_id: str | None = None,
        use_credit: bool = False,
    ) -> Checkout:
        """Hold and start a checkout, as a guest unless the caller is signed in."""
        hold = await self.hold(caller, slot)
        return await self.starts.start(
            caller,
            hold_id=hold.id,
            plan_id=plan_id,
            guest=None if caller.principal.patient_id else GUEST,
            accept_recurrence=True,
            use_credit=use_credit,
        )

    async def start_plan(self, caller: Caller = PATIENT, plan: Plan = MONTHLY, **others: Any) -> Checkout:
        """Start a purchase of a plan without a visit, as a guest unless the caller is signed in."""
        return await self.starts.start_plan(
            caller,
            plan_id=plan.id,
            time_zone="America/New_York",
            **{
                "guest": None if caller.principal.patient_id else GUEST,
                "accept_recurrence": True,
                **others,
            },
        )

    async def verify(self, checkout: Checkout) -> Checkout:
        """Have the guest ask for a code, and give it."""
        await self.email_verification.request(as_guest(checkout), checkout.id)
        _, code = self.mail.sent[-1]
        return await self.email_verification.verify(as_guest(checkout), checkout.id, code)

    def row(self, checkout: Checkout) -> Checkout:
        """Answer the row as it stands in the database."""
        return self.database.rows[checkout.id]

    def put(self, checkout: Checkout) -> Checkout:
        """Write a row past all rules."""
        self.database.rows[checkout.id] = checkout
        return checkout

    def confirmed(self, checkout: Checkout) -> Checkout:
        """Write what a confirm writes, and drive nothing."""
        row, now = self.row(checkout), self.clock.now()
        return self.put(
            row.changed(
                version=row.version + 1,
                attempt=row.attempt + 1,
                card=self.token(),
                confirm_deadline=now + self.rules.confirm_window,
                due_at=now,
            )
        )

    async def settle(self, checkout: Checkout) -> Checkout:
        """Let other processes take the row up, each after the last one's lease, until it rests."""
        for _ in range(200):
            if at_rest(self.row(checkout)):
                break
            self.clock.advance(seconds=LEASE.total_seconds() + 1)
            await self.a_saga().resume(checkout.id)
        return self.row(checkout)

    async def reconcile(self, checkout: Checkout, *, hours: float = 1) -> Checkout:
        """Let time pass and workers reconcile the ended checkout."""
        self.clock.advance(hours=hours)
        for _ in range(10):
            row = self.row(checkout)
            if row.due_at is None or row.due_at > self.clock.now():
                break
            await self.a_saga().resume(checkout.id)
        return self.row(checkout)

    def assert_right(self, checkout: Checkout) -> None:
        """Check what must hold of a checkout that rests: its money, its visit, its slot, and nobody's data left behind."""
        self.assert_money_and_visits(checkout)
        row = self.row(checkout)
        assert (row.id in self.database.claims) == (row.state is S.NEEDS_ATTENTION and row.slot is not None)
        assert row.lease_owner is None
        assert row.card is None
        ends = [name for name in self.database.sent(row) if name is not EventName.CHECKOUT_NEEDS_ATTENTION]
        assert ends == ([EventName(f"checkout.{row.state}")] if row.state in TERMINAL else [])
        if row.state in TERMINAL:
            assert row.guest is None
            assert row.due_at is not None or not row.attempts

    def assert_money_and_visits(self, checkout: Checkout) -> None:
        """Check that what stands upstream is what the row's end says."""
        row = self.row(checkout)
        charges = [charge for charge in self.books.kept_charges if charge.checkout_id == row.id]
        visits = [visit for visit in self.books.live_appointments if visit.checkout_id == row.id]
        assert at_rest(row), row.state
        if row.state is S.CONFIRMED:
            due = row.quote.due_today
            assert [charge.net for charge in charges] == ([] if due.is_zero else [due])
            assert [visit.clinician_id for visit in visits] == ([row.clinician_id] if row.slot else [])
        elif row.state is not S.NEEDS_ATTENTION:
            assert charges == []
            assert visits == []


def as_guest(checkout: Checkout) -> Caller:
    """Answer whoever has the checkout's own token."""
    return Caller(principal=guest_of(checkout.id))
