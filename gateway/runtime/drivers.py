"""Builds what carries work out, for requests and for the worker: the checkout saga, the driver of changes, the looks of the waitlist."""

from booking.catalog.terms import PresentTerms
from booking.changes.driver import ChangeDriver
from booking.changes.guards import Guards as ChangeGuards
from booking.changes.late_looks import LateLooks
from booking.changes.later_changes import RequestedChangesReader
from booking.changes.steps import ChangeSteps
from booking.checkout.guards import Guards
from booking.checkout.ledger import ChargeLedger
from booking.checkout.reconciliation import LateReconciler
from booking.checkout.saga import Saga
from booking.checkout.spendable_credits import SpendableCredits
from booking.checkout.steps import Steps
from booking.services import Services
from booking.system_of_record import SystemOfRecord
from booking.waitlist.looks import WaitlistLooker
from gateway.runtime.foundation import Foundation


def build_saga(base: Foundation, *, upstream: SystemOfRecord, ledger: ChargeLedger | None) -> Saga:
    """Builds the saga on its ports. `ledger` is None without a key to the card processor."""
    clock = base.clock
    steps = Steps(
        patients=upstream.patients,
        cards=upstream.cards,
        billing=upstream.billing,
        scheduling=upstream.scheduling,
        holds=base.holds,
        terms=PresentTerms(on_sale=upstream.on_sale, promotions=upstream.promotions),
        credit_ledger=upstream.credit_ledger,
        credit=SpendableCredits(ledger=upstream.credit_ledger, units=base.units, clock=clock),
        clock=clock,
        guest_records=base.settings.guest_records,
    )
    return Saga(
        steps=steps,
        guards=Guards(send_facts=base.send_facts, keys=upstream.keys, clock=clock),
        reconciler=LateReconciler(
            billing=upstream.billing,
            scheduling=upstream.scheduling,
            later=RequestedChangesReader(units=base.units),
            clock=clock,
            ledger=ledger,
        ),
        invoices=upstream.invoices,
        units=base.units,
        holds=base.holds,
        checkout_holds=base.checkout_holds,
        clock=clock,
        name=base.name,
    )


def build_change_driver(base: Foundation, *, upstream: SystemOfRecord) -> ChangeDriver:
    """Builds the driver of changes of booked visits on its ports."""
    return ChangeDriver(
        steps=ChangeSteps(
            visits=upstream.visits,
            visit_changes=upstream.visit_changes,
            payments=upstream.change_payments,
            credit_ledger=upstream.credits,
            invoices=upstream.invoice_payments,
            membership_changes=upstream.membership_changes,
            clock=base.clock,
        ),
        guards=ChangeGuards(visits=upstream.visits, units=base.units, keys=upstream.keys, clock=base.clock),
        late_looks=LateLooks(visits=upstream.visits, visit_changes=upstream.visit_changes),
        units=base.units,
        holds=base.holds,
        clock=base.clock,
        name=base.name,
    )


def build_waitlist_looker(base: Foundation, services: Services) -> WaitlistLooker:
    """Builds what looks for free times that somebody waits for; it is told of every change signal of this process."""
    looker = WaitlistLooker(
        units=base.units,
        search=services.search,
        catalog=services.catalog,
        driver=services.waitlist.driver,
        clock=base.clock,
        rules=base.settings.waitlist_rules,
    )
    base.shared.local_signals.observe(looker.note)
    return looker
