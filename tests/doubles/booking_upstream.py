"""An upstream in memory, one small class a port, with fault switches; its books say what was really done."""

import asyncio
from collections import defaultdict, deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from typing import TypeVar

from booking.catalog.model import Catalog, Plan, VisitType
from booking.checkout.credits import CreditAccount
from booking.checkout.model import Checkout
from booking.errors import OutcomeUnknown, UpstreamRefused
from booking.models import (
    Appointment,
    AppointmentStatus,
    Card,
    Charge,
    CreatedPatient,
    GuestDetails,
    OpenInvoice,
    Patient,
    PatientMatch,
    Promo,
)
from booking.money import Money
from booking.ports import PATIENT_EXISTS, LateCharges
from booking.refusals import CardDeclined, DeclineReason, PromoInvalid
from booking.slot_columns import SlotColumns
from booking.slot_query import SlotQuery
from booking.slots import Slot
from booking.work_context import note_send
from tests.doubles.booking_ports import FakeClock, Tape
from tests.doubles.credits import CreditBooks

T = TypeVar("T")


# An invoice for another amount than any visit costs.
OTHER_INVOICE = OpenInvoice(id="inv-other", amount=Money.of("1.23", "USD"))


class Lost(Exception):
    """The request never arrived; the caller cannot know."""


class AnswerLost(Exception):
    """It was done; the caller cannot know."""


@dataclass
class BookedCharge:
    """A charge in the upstream's books."""

    key: str
    checkout_id: str
    net: Money
    card_id: str | None
    at: datetime
    refunded: bool = False
    recurring: bool = False
    differs: tuple[str, ...] = ()


@dataclass
class Books:
    """What the upstream has really done; it never forgives a second request as a kinder one might."""

    clock: FakeClock
    tape: Tape
    patients: dict[str, GuestDetails] = field(default_factory=dict)
    archived: set[str] = field(default_factory=set)  # patients that the practice has put away
    references: dict[str, str] = field(default_factory=dict)  # that patients were created with
    defaults: dict[str, str] = field(default_factory=dict)  # patients' default cards
    cards: dict[str, list[Card]] = field(default_factory=lambda: defaultdict(list))
    used_tokens: set[str] = field(default_factory=set)
    charges: list[BookedCharge] = field(default_factory=list)
    appointments: list[Appointment] = field(default_factory=list)
    deleted: set[str] = field(default_factory=set)
    credits: CreditBooks = field(default_factory=CreditBooks)
    plan_recurs: bool = False
    package_id: str | None = None
    booked_provider: str | None = None  # None: as asked
    booked_late_by: timedelta = timedelta(0)
    open_invoice: OpenInvoice | None = None
    closed_invoices: list[str] = field(default_factory=list)
    takes: Money | None = None  # None: what the quote says
    differs: tuple[str, ...] = ()  # in what the next charges are not as accepted
    uncertain_payment: str | None = None
    refund_answers: Money | None = None  # None: what was given back
    faults: dict[str, deque[Exception]] = field(default_factory=lambda: defaultdict(deque))
    during: dict[str, Callable[[], Awaitable[None]]] = field(default_factory=dict)

    def fail(self, call: str, *faults: Exception) -> None:
        """The next calls of this name meet these, one each; Lost and AnswerLost come to the caller as OutcomeUnknown."""
        self.faults[call].extend(faults)

    async def call(self, name: str, effect: Callable[[], T]) -> T:
        assert self.tape.open_units == 0, f"{name} is called while a unit of work is open"
        self.tape.events.append(f"call {name}")
        self.tape.point()
        await asyncio.sleep(0)
        fault = self.faults[name].popleft() if self.faults[name] else None
        if (meanwhile := self.during.pop(name, None)) is not None:
            await meanwhile()
        if isinstance(fault, Lost):
            raise OutcomeUnknown(name)
        if fault is not None and not isinstance(fault, AnswerLost):
            raise fault
        result = effect()
        self.tape.point()
        if fault is not None:
            raise OutcomeUnknown(name)
        return result

    @property
    def live_appointments(self) -> list[Appointment]:
        return [visit for visit in self.appointments if visit.id not in self.deleted]

    @property
    def kept_charges(self) -> list[BookedCharge]:
        return [charge for charge in self.charges if not charge.refunded]


class FakePatients:
    """Patients by email and names."""

    def __init__(self, books: Books) -> None:
        self._books = books

    async def find(self, guest: GuestDetails) -> PatientMatch | None:
        def effect() -> PatientMatch | None:
            known = self._known(guest)
            return PatientMatch(id=known, archived=known in self._books.archived) if known else None

        return await self._books.call("find_patient", effect)

    async def find_created(
        self, guest: GuestDetails, *, reference: str, since: datetime
    ) -> CreatedPatient | None:
        def effect() -> CreatedPatient | None:
            made = [one for one, kept in self._books.references.items() if kept == reference]
            return CreatedPatient(id=made[0], apart=not self._books.patients[made[0]].email) if made else None

        return await self._books.call("find_created_patient", effect)

    async def create(
        self, guest: GuestDetails, *, clinician_id: str, time_zone: str, reference: str, apart: bool = False
    ) -> str:
        def effect() -> str:
            if self._known(guest) and not apart:
                raise UpstreamRefused("create_patient", PATIENT_EXISTS)
            patient_id = f"p{len(self._books.patients) + 1}"
            self._books.patients[patient_id] = replace(guest, email="") if apart else guest
            self._books.references[patient_id] = reference
            return patient_id

        return await self._books.call("create_patient", effect)

    async def profile(self, patient_id: str) -> Patient | None:
        raise NotImplementedError

    async def appointments(self, patient_id: str) -> Sequence[Appointment]:
        raise NotImplementedError

    def _known(self, guest: GuestDetails) -> str | None:
        return next((one for one, known in self._books.patients.items() if known == guest), None)


class FakeCards:
    """Tokens that work once: `tok_refused…` is refused when attached, `tok_declined…` when charged."""

    def __init__(self, books: Books) -> None:
        self._books = books

    async def on_file(self, patient_id: str) -> Sequence[Card]:
        return await self._books.call("cards_on_file", lambda: tuple(self._books.cards[patient_id]))

    async def attach(self, *, patient_id: str, token: str, make_default: bool, clinician_id: str) -> Card:
        def effect() -> Card:
            if token in self._books.used_tokens or token.startswith("tok_refused"):
                raise CardDeclined(DeclineReason.CHECK_CARD_DETAILS)
            self._books.used_tokens.add(token)
            card = Card(id=f"card of {token}", brand="Visa", last4="4242", expires=None)
            self._books.cards[patient_id].append(card)
            if make_default:
                self._books.defaults[patient_id] = card.id
            return card

        return await self._books.call("attach_card", effect)

    async def remove(self, *, patient_id: str, card_id: str) -> None:
        def effect() -> None:
            cards = self._books.cards[patient_id]
            cards[:] = [card for card in cards if card.id != card_id]

        await self._books.call("remove_card", effect)

    async def make_default(self, *, patient_id: str, card_id: str) -> None:
        def effect() -> None:
            cards = self._books.cards[patient_id]
            cards[:] = [replace(card, is_default=card.id == card_id) for card in cards]

        await self._books.call("make_default", effect)


class FakeBilling:
    """Charges and gives back; every charge call makes another charge."""

    def __init__(self, books: Books) -> None:
        self._books = books

    async def charge(self, checkout: Checkout) -> Charge:
        def effect() -> Charge:
            if "tok_declined" in (checkout.card_id or ""):
                raise CardDeclined(DeclineReason.INSUFFICIENT_FUNDS)
            made = BookedCharge(
                key=checkout.upstream_key,
                checkout_id=checkout.id,
                net=self._books.takes or checkout.quote.due_today,
                card_id=checkout.card_id,
                at=self._books.clock.now(),
                recurring=self._books.plan_recurs,
                differs=self._books.differs,
            )
            self._books.charges.append(made)
            return self._answer(made)

        return await self._books.call("charge", effect)

    async def find_charge(self, checkout: Checkout, *, since: datetime) -> Charge | None:
        def effect() -> Charge | None:
            made = [
                one for one in self._books.charges if one.key == checkout.upstream_key and one.at >= since
            ]
            return self._answer(made[0]) if made else None

        return await self._books.call("find_charge", effect)

    async def late_charges(self, checkout: Checkout, *, known: frozenset[str]) -> LateCharges:
        def effect() -> LateCharges:
            keys = {f"{checkout.id}-{attempt.number}": attempt.number for attempt in checkout.attempts}
            found = [
                (keys[one.key], self._answer(one))
                for one in self._books.charges
                if (one.recurring or not one.refunded) and one.key in keys and not {self._number(one)} & known
            ]
            doubt = self._books.uncertain_payment
            return LateCharges(
                certain=tuple(found),
                uncertain=(doubt,) if doubt and doubt not in known | set(checkout.resolved_ids) else (),
                series=tuple(
                    self._number(one) for one in self._books.charges if self._goes_on(one, checkout)
                ),
            )

        return await self._books.call("late_charges", effect)

    async def refund(self, checkout: Checkout) -> Money:
        def effect() -> Money:
            charge = self._own(checkout)
            assert not charge.recurring, "refunded and still billed by a recurring payment"
            charge.refunded = self._books.refund_answers is None
            return self._books.refund_answers or charge.net

        return await self._books.call("refund", effect)

    async def cancel_recurring(self, checkout: Checkout) -> None:
        def effect() -> None:
            self._own(checkout).recurring = False

        await self._books.call("cancel_recurring", effect)

    def _number(self, made: BookedCharge) -> str:
        return str(self._books.charges.index(made))

    def _goes_on(self, made: BookedCharge, checkout: Checkout) -> bool:
        own = checkout.charge is not None and checkout.charge.billing_item_id == self._number(made)
        return made.recurring and (own or (made.refunded and self._number(made) in checkout.resolved_ids))

    def _own(self, checkout: Checkout) -> BookedCharge:
        assert checkout.charge is not None
        return self._books.charges[int(checkout.charge.billing_item_id)]

    def _answer(self, made: BookedCharge) -> Charge:
        number = self._books.charges.index(made)
        return Charge(
            billing_item_id=str(number),
            charge_id=f"ch_{number}",
            net=made.net,
            card_id=made.card_id,
            recurring_payment_id=f"rp_{number}" if made.recurring else None,
            package_id=self._books.package_id,
            differs=made.differs,
        )


class FakeInvoices:
    """Invoices that are closed when it is asked for."""

    def __init__(self, books: Books) -> None:
        self._books = books

    async def close(self, checkout: Checkout, invoice_id: str) -> None:
        def effect() -> None:
            self._books.closed_invoices.append(invoice_id)
            for number, visit in enumerate(self._books.appointments):
                if visit.open_invoice and visit.open_invoice.id == invoice_id:
                    self._books.appointments[number] = replace(visit, open_invoice=None)

        await self._books.call("close_invoice", effect)


class FakeScheduling:
    """Books whatever it is asked to, as often as it is asked to."""

    def __init__(self, books: Books) -> None:
        self._books = books

    async def book(self, checkout: Checkout) -> Appointment:
        def effect() -> Appointment:
            visit = Appointment(
                id=f"a{len(self._books.appointments) + 1}",
                clinician_id=self._books.booked_provider or checkout.visit_slot.clinician_id,
                clinician_name=None,
                patient_id=checkout.patient_id,
                visit_type_id=checkout.visit_slot.visit_type_id,
                visit_type_name=None,
                start=checkout.visit_slot.start + self._books.booked_late_by,
                minutes=checkout.visit_slot.minutes,
                contact_type=checkout.visit_slot.contact_type,
                location_id=checkout.visit_slot.location_id,
                status=AppointmentStatus.BOOKED,
                checkout_id=checkout.id,
                open_invoice=self._books.open_invoice,
            )
            self._books.appointments.append(visit)
            self._books.credits.booked(visit)
            return visit

        return await self._books.call("book", effect)

    async def find(self, checkout: Checkout) -> Appointment | None:
        def effect() -> Appointment | None:
            found = [visit for visit in self._books.live_appointments if visit.checkout_id == checkout.id]
            return found[0] if found else None

        return await self._books.call("find_appointment", effect)

    async def find_all(self, checkout: Checkout) -> Sequence[Appointment]:
        def effect() -> Sequence[Appointment]:
            return [visit for visit in self._books.live_appointments if visit.checkout_id == checkout.id]

        return await self._books.call("find_all_appointments", effect)

    async def delete(self, checkout: Checkout) -> None:
        def effect() -> None:
            assert checkout.appointment_id is not None
            if checkout.appointment_id not in self._books.deleted:
                self._books.credits.deleted(checkout.appointment_id)
            self._books.deleted.add(checkout.appointment_id)

        await self._books.call("delete", effect)


class FakeCreditLedger:
    """Reads the ledger of the books."""

    def __init__(self, books: Books) -> None:
        self._books = books

    async def account(
        self, patient_id: str, visit_type_id: str, *, clinician_id: str
    ) -> CreditAccount | None:
        return await self._books.call(
            "credit_account", lambda: self._books.credits.account(patient_id, visit_type_id)
        )

    async def was_used(self, appointment_id: str, *, clinician_id: str) -> bool:
        return await self._books.call("credit_was_used", lambda: self._books.credits.was_used(appointment_id))


class FakeOnSale:
    """What the practice sells at this moment."""

    def __init__(self, books: Books, offer: "FakeOffer") -> None:
        self._books = books
        self._offer = offer

    async def plan(self, plan_id: str) -> Plan | None:
        return await self._books.call("plan_on_sale", lambda: self._offer.offered.plan(plan_id))

    async def visit_type(self, visit_type_id: str) -> VisitType | None:
        return await self._books.call("visit_on_sale", lambda: self._offer.offered.visit_type(visit_type_id))


@dataclass
class FakeKeys:
    """Clinicians' keys: all are proved but these."""

    refused: set[str] = field(default_factory=set)

    def is_refused(self, clinician_id: str) -> bool:
        return clinician_id in self.refused


@dataclass
class FakeOffer:
    """The catalogue, promo codes and free time, all as given."""

    offered: Catalog
    free: list[Slot] = field(default_factory=list)
    promos: dict[str, Promo] = field(default_factory=dict)
    asked: list[dict[str, object]] = field(default_factory=list)
    during_slots: Callable[[], Awaitable[None]] | None = None

    async def catalog(self) -> Catalog:
        return self.offered

    async def apply(self, *, code: str, plan: Plan) -> Promo:
        if code not in self.promos:
            raise PromoInvalid("This code does not exist.")
        return self.promos[code]

    async def slots(self, query: SlotQuery) -> SlotColumns:
        self.asked.append(
            {
                "first": query.first,
                "last": query.last,
                "time_zone": query.time_zone,
                "clinicians": sorted(query.clinician_ids),
            }
        )
        note_send()
        if self.during_slots is not None:
            await self.during_slots()
        return query.no_slots.of_rows(
            (int(slot.start.timestamp()), slot.clinician_id, slot.minutes)
            for slot in self.free
            if slot.visit_type_id == query.visit_type_id and slot.clinician_id in query.clinician_ids
        )

    async def days(self, query: SlotQuery) -> Sequence[date]:
        self.asked.append(
            {
                "month": query.first,
                "time_zone": query.time_zone,
                "clinicians": sorted(query.clinician_ids),
            }
        )
        return sorted(
            {slot.start.date() for slot in self.free if slot.start.date().month == query.first.month}
        )
