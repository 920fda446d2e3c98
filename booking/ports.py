"""Ports: what the domain needs from outside, as protocols. The adapters are in `integrations`.

Each call may go over the network, so none is made while a database transaction is open. Repositories, which work inside
one, are in unit_of_work.py.

Reads raise UpstreamUnavailable. Changes raise a Refusal or UpstreamRefused when upstream certainly refused,
UpstreamUnavailable when certainly nothing was sent, and OutcomeUnknown in every other case that is not a proved success.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Protocol

from booking.catalog.model import Catalog, Plan, VisitType
from booking.checkout.model import Checkout
from booking.models import (
    Appointment,
    Card,
    Charge,
    CreatedPatient,
    GuestDetails,
    Hold,
    Patient,
    PatientMatch,
    Promo,
)
from booking.money import Money
from booking.scheduling.day_capacity import DayCapacity
from booking.slot_columns import SlotColumns
from booking.slot_query import SlotQuery
from booking.slots import Busy, Interval

# The `reason` of the UpstreamRefused that creating an existing patient raises.
PATIENT_EXISTS = "patient_exists"


class Clock(Protocol):
    """The current time; tests replace it."""

    def now(self) -> datetime:
        """The current time, aware, in UTC."""


class CatalogSource(Protocol):
    """The practice's public offer."""

    async def catalog(self) -> Catalog:
        """Everything public, at most a minute old unless the source is for browsing.

        Contains only clinicians whose key is proved.
        """


class OnSale(Protocol):
    """One plan or visit type as it is sold right now. Every call reads upstream and bypasses all caches."""

    async def plan(self, plan_id: str) -> Plan | None:
        """The plan; None when patients may not buy it now."""

    async def visit_type(self, visit_type_id: str) -> VisitType | None:
        """The visit type; None when patients may not book it themselves now."""


class Availability(Protocol):
    """Free time according to the system of record, which does not know our holds.

    Every call is one request upstream, which calls `note_send` when it is sent. `OfferWindows` decides how much one asks for, and
    shares the readings.
    """

    async def slots(self, query: SlotQuery) -> SlotColumns:
        """Slots of the query's kind that start on its days first..last (inclusive, in its time zone)."""

    async def days(self, query: SlotQuery) -> Sequence[date]:
        """The days of first..last, which must be one calendar month, that have a free slot; ascending."""


class Promotions(Protocol):
    """Promo codes."""

    async def apply(self, *, code: str, plan: Plan) -> Promo:
        """The code's effect on the plan's first charge. Raises PromoInvalid with the practice's own wording."""


class Patients(Protocol):
    """Patient records."""

    async def find(self, guest: GuestDetails) -> PatientMatch | None:
        """The record with this email, first and last name, an active one if there is one; else None.

        Compares without case and surrounding space. Sends the same requests whether or not there is a match, so that the
        response time does not reveal who is a patient.
        """

    async def find_created(
        self, guest: GuestDetails, *, reference: str, since: datetime
    ) -> CreatedPatient | None:
        """The record that a `create` with this reference made since; None when there is none, or the record lost its reference."""

    async def create(
        self, guest: GuestDetails, *, clinician_id: str, time_zone: str, reference: str, apart: bool = False
    ) -> str:
        """Create the patient, without a welcome message, and return the id. Never returns a record that existed before.

        `reference` is stored on the record and must hold no patient data. With `apart` the record is created beside one with
        the same email and name, and without the email, so that mail for this patient reaches nobody else.
        Raises UpstreamRefused with reason PATIENT_EXISTS when a record with this email and name exists.
        """

    async def profile(self, patient_id: str) -> Patient | None:
        """The patient's record; None when there is none."""

    async def appointments(self, patient_id: str) -> Sequence[Appointment]:
        """All visits of the patient, latest start first."""


class Cards(Protocol):
    """Cards on file."""

    async def on_file(self, patient_id: str) -> Sequence[Card]:
        """The patient's cards."""

    async def attach(self, *, patient_id: str, token: str, make_default: bool, clinician_id: str) -> Card:
        """Turn a single-use token into a card on file.

        Raises CardDeclined for any refusal of the card or the token, however it is worded, and UpstreamRefused for a request
        that was refused before card and token were examined.
        """

    async def remove(self, *, patient_id: str, card_id: str) -> None:
        """Take the card off file, and read back that it is gone. Raises UpstreamRefused, UpstreamUnavailable, OutcomeUnknown."""

    async def make_default(self, *, patient_id: str, card_id: str) -> None:
        """Make the card the one that is charged where none is named, and read it back. Raises as `remove`."""


@dataclass(frozen=True, kw_only=True)
class LateCharges:
    """Charges of a checkout that upstream has and the checkout does not know, found by reconciliation.

    Counted are charges that were not refunded in full, and recurring payments that continue.
    """

    certain: tuple[tuple[int, Charge], ...] = ()  # with the number of the attempt that each charge names
    uncertain: tuple[str, ...] = ()  # ids of payments that may belong to the checkout
    series: tuple[str, ...] = ()  # known payments of this checkout whose recurring payment continues


class Billing(Protocol):
    """Charges and refunds, all through the system of record, with the clinician's own key."""

    async def charge(self, checkout: Checkout) -> Charge:
        """Charge the checkout's quote to its card, with the checkout's upstream key as idempotency key.

        Sends the gross amount and the coupon. Returns only a proved charge (state, charge id, sender). A charge that names the
        attempt but was made on other terms than the quote's is returned too; `differs` names the terms.

        Raises CardDeclined, AmountNotChargeable, UpstreamRefused when the practice cannot charge it, OutcomeUnknown when the
        charge is not proved.
        """

    async def find_charge(self, checkout: Checkout, *, since: datetime) -> Charge | None:
        """The charge of the checkout's current attempt, found by the reference in its note, else by amount, card and time."""

    async def late_charges(self, checkout: Checkout, *, known: frozenset[str]) -> LateCharges:
        """Outstanding charges of any attempt, except those whose payment or charge id is in `known`.

        Certain are only charges that name the attempt and are proved, on whatever terms; they are reported for as long as they
        stand. Uncertain ones are reported until their id is in the checkout's `resolved_ids`.
        """

    async def refund(self, checkout: Checkout) -> Money:
        """Refund the charge in full, read it back, and return the total refunded so far. Idempotent."""

    async def cancel_recurring(self, checkout: Checkout) -> None:
        """Cancel the recurring payment that the charge started, and read back that it stopped. Idempotent."""


class Invoices(Protocol):
    """Invoices that the system of record raises by itself."""

    async def close(self, checkout: Checkout, invoice_id: str) -> None:
        """Mark an invoice as paid that asks for just what the checkout's charge paid, and read it back. Idempotent.

        Raises UpstreamRefused when it asks for anything else, the charge was refunded, or it stays open; OutcomeUnknown.
        """


class Scheduling(Protocol):
    """Appointments, booked with the treating clinician's own key."""

    async def book(self, checkout: Checkout) -> Appointment:
        """Create the appointment with availability enforced, and read it back.

        The primary provider in the result is what the record says; the caller must compare it with the clinician it asked for.
        Raises SlotTaken when the time is certainly gone, ClinicianNotBookable without a proved key, OutcomeUnknown.
        """

    async def find(self, checkout: Checkout) -> Appointment | None:
        """The appointment that this checkout booked; None when there is none."""

    async def find_all(self, checkout: Checkout) -> Sequence[Appointment]:
        """Every appointment that names this checkout and is not deleted, in any status."""

    async def delete(self, checkout: Checkout) -> None:
        """Delete the checkout's appointment, and read back that it is gone. Idempotent."""


class HoldStore(Protocol):
    """Holds: fast, expiring locks on slots, visible to every caller.

    Final exclusion is the slot claim in the database.
    """

    async def acquire(
        self,
        hold: Hold,
        *,
        limit: int | None,
        client_limit: int | None = None,
        capacity: DayCapacity | None = None,
    ) -> Hold:
        """Take the slot's interval unless a live hold of the clinician overlaps it (atomic), and return the hold.

        A live hold of the same owner on exactly this slot is returned unchanged. Raises SlotTaken; HoldLimitReached when the
        taker already took `limit` live holds, or the hold's client `client_limit`, whoever owns them now (None: no limit);
        HoldCapacityReached when the anonymous holds of the clinician's day leave no room (`booking.scheduling.day_capacity`;
        None: not checked); the capacity is never exceeded, also under concurrent calls.
        """

    async def get(self, hold_id: str) -> Hold | None:
        """The hold, or None when it is not live."""

    async def extend(self, hold: Hold, *, expires_at: datetime, counted: bool = True) -> Hold:
        """Move the expiry of the owner's live hold later, never earlier, and count the extension when `counted`.

        A hold that was extended since the caller read it is returned as it stands: a double tap is one extension.
        Raises HoldExpired.
        """

    async def transfer(self, hold: Hold, *, owner: str) -> Hold:
        """Give a live hold to another owner (the checkout's). It keeps counting against the limit of the one who took it.

        Raises HoldExpired when it is gone, or no longer belongs to `hold.owner`.
        """

    async def release(self, hold_id: str, *, owners: Collection[str]) -> Hold | None:
        """Release the hold if one of `owners` owns it, and return it as it was; None when it is gone or somebody else's."""

    async def busy(self, clinician_ids: Sequence[str], span: Interval) -> Sequence[Busy]:
        """The live holds of these clinicians that overlap the span."""

    async def anonymous(self, clinician_id: str, day: Interval) -> Sequence[Hold]:
        """The clinician's live holds by callers who have not signed in, for slots that start within `day`."""
