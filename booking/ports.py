"""Ports: what the domain asks of the outside, as protocols. Adapters live in `integrations`.

Each call may go over the network, so none is made while a unit of work is open; what is in one is in unit_of_work.py.

Reads raise UpstreamUnavailable. Changes raise a Refusal or UpstreamRefused when upstream said no for certain,
UpstreamUnavailable when nothing can have been sent, and OutcomeUnknown in every other case that is not a proved success.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Protocol

from booking.catalog.model import Catalog, Plan, VisitType
from booking.checkout.model import Checkout
from booking.models import Appointment, Card, Charge, CreatedPatient, GuestDetails, Hold, Patient, Promo
from booking.money import Money
from booking.scheduling.day_capacity import DayCapacity
from booking.slot_query import SlotQuery
from booking.slots import Busy, Interval, Slot

# Why a patient is not created: the reason of an UpstreamRefused.
PATIENT_EXISTS = "patient_exists"


class Clock(Protocol):
    """The time, so that tests own it."""

    def now(self) -> datetime:
        """The present moment, aware, UTC."""


class CatalogSource(Protocol):
    """The practice's public offer."""

    async def catalog(self) -> Catalog:
        """Everything public; at most a minute old, unless the source is one for looking around.

        Only clinicians whose key is proved are in it.
        """


class OnSale(Protocol):
    """One thing that the practice sells, as it is at this moment: asked anew each time, past everything that is kept."""

    async def plan(self, plan_id: str) -> Plan | None:
        """The plan; None: patients may not buy it now."""

    async def visit_type(self, visit_type_id: str) -> VisitType | None:
        """The visit type; None: patients may not book it themselves now."""


class Availability(Protocol):
    """Free time as the system of record sees it; knows nothing of holds.

    Each call is a reading of its own: whoever asks through `RecentSlots` shares it with those who ask the same meanwhile.
    """

    async def slots(self, query: SlotQuery) -> Sequence[Slot]:
        """Slots whose start falls on the days first..last (inclusive) in the time zone, by start then clinician."""

    async def days(self, query: SlotQuery) -> Sequence[date]:
        """The days first..last, which are one calendar month, on which anything is free, ascending."""


class Promotions(Protocol):
    """Promo codes."""

    async def apply(self, *, code: str, plan: Plan) -> Promo:
        """The code's effect on the plan's first charge. Raises PromoInvalid with the practice's reason."""


class Patients(Protocol):
    """Patient records."""

    async def find(self, guest: GuestDetails) -> str | None:
        """The id of the patient with this email, first and last name (compared without case and outer space), if any.

        The same requests are sent whether there is one or not: how long it takes tells nobody who is a patient.
        """

    async def find_created(self, guest: GuestDetails, *, reference: str) -> CreatedPatient | None:
        """The record that a `create` with this reference made, if it landed; None too where the reference did not survive."""

    async def create(
        self, guest: GuestDetails, *, clinician_id: str, time_zone: str, reference: str, apart: bool = False
    ) -> str:
        """Create the patient, without a welcome message; answers the id. Never answers a record that was there before.

        `reference` is kept on the record; it must hold no patient data. `apart`: a record of its own beside one with this email
        and name, without the email, so that what is mailed to its patient reaches nobody else.
        Raises UpstreamRefused with reason PATIENT_EXISTS when a record with this email and name is there already.
        """

    async def profile(self, patient_id: str) -> Patient | None:
        """The patient's own record; None when there is none."""

    async def appointments(self, patient_id: str) -> Sequence[Appointment]:
        """All visits of the patient, newest start first."""


class Cards(Protocol):
    """Cards on file."""

    async def on_file(self, patient_id: str) -> Sequence[Card]:
        """The patient's cards."""

    async def attach(self, *, patient_id: str, token: str, make_default: bool, clinician_id: str) -> Card:
        """Turn a single-use token into a card on file.

        Raises CardDeclined for what was said against the card or the token, in whatever words; UpstreamRefused for what was
        refused before anybody looked at them.
        """


@dataclass(frozen=True, kw_only=True)
class LateCharges:
    """What stands upstream of a checkout's attempts beyond what is known.

    Money that was not given back, or a recurring payment that goes on.
    """

    certain: tuple[tuple[int, Charge], ...] = ()  # with the number of the attempt that each charge names
    uncertain: tuple[str, ...] = ()  # ids of payments that may be one of them
    series: tuple[str, ...] = ()  # known payments of this checkout whose recurring payment goes on


class Billing(Protocol):
    """Charges, all through the system of record; acting with the clinician's own key."""

    async def charge(self, checkout: Checkout) -> Charge:
        """Charge the checkout's quote to its card with its upstream key.

        Raises CardDeclined; AmountNotChargeable; UpstreamRefused where the practice cannot charge it; OutcomeUnknown.

        Sends the gross amount and the coupon; the result is proved (state, charge id, sender), else OutcomeUnknown. A charge that
        names the attempt and was made on other terms than the quote's is answered as it is: `differs` names them.
        """

    async def find_charge(self, checkout: Checkout, *, since: datetime) -> Charge | None:
        """The charge of the checkout's present attempt, if it landed: by the reference in its note, else amount, card and time."""

    async def late_charges(self, checkout: Checkout, *, known: frozenset[str]) -> LateCharges:
        """Charges of any attempt that stand, less those whose payment or charge id is known.

        Certain are only those that name the attempt and are proved, on whatever terms they were made; they are told as long as
        they stand. Uncertain ones are told until the row calls them settled.
        """

    async def refund(self, checkout: Checkout) -> Money:
        """Refund what was charged in full, read it back, and answer what is refunded now in all. Safe to repeat."""

    async def cancel_recurring(self, checkout: Checkout) -> None:
        """Stop the recurring payment that the charge began; read back. Safe to repeat."""


class Scheduling(Protocol):
    """Appointments, booked with the treating clinician's own key."""

    async def book(self, checkout: Checkout) -> Appointment:
        """Create the appointment with availability enforced, and read it back.

        Raises SlotTaken when the time is gone for certain, ClinicianNotBookable without a proved key; OutcomeUnknown.
        The primary provider in the answer is what the record says: comparing it is the caller's duty.
        """

    async def find(self, checkout: Checkout) -> Appointment | None:
        """The appointment that this checkout booked, if it landed."""

    async def find_all(self, checkout: Checkout) -> Sequence[Appointment]:
        """Every appointment that names this checkout and is not deleted, in any status."""

    async def delete(self, checkout: Checkout) -> None:
        """Delete the checkout's appointment, and read back that it is gone. Safe to repeat."""


class HoldStore(Protocol):
    """Slot locks: fast, expiring, visible to others. Exclusion that is final is the slot claim in the database."""

    async def acquire(
        self,
        hold: Hold,
        *,
        limit: int | None,
        client_limit: int | None = None,
        capacity: DayCapacity | None = None,
    ) -> Hold:
        """Take the interval, atomically against every overlapping live hold of the clinician; answers the hold.

        When the owner has a live hold on exactly this slot already, that one is answered as it is, and nothing changes.
        Raises SlotTaken, or HoldLimitReached when `limit` live holds were taken by whoever takes this one, or `client_limit`
        from the hold's client, whoever owns them now (None: no limit); HoldCapacityReached when the anonymous holds of the
        clinician's day leave no room (see `booking.scheduling.day_capacity`; None: not asked), which holds at every moment, for many at once too.
        """

    async def get(self, hold_id: str) -> Hold | None:
        """The hold, if it is live."""

    async def extend(self, hold: Hold, *, expires_at: datetime, counted: bool = True) -> Hold:
        """Move the expiry of the owner's live hold, never back, and count the extension if it is one. Raises HoldExpired.

        One that was extended since it was read is answered as it stands: two taps are one extension.
        """

    async def transfer(self, hold: Hold, *, owner: str) -> Hold:
        """Hand a live hold to another owner (the checkout's); it goes on counting for who took it.

        Raises HoldExpired when it is gone or not the given owner's.
        """

    async def release(self, hold_id: str, *, owners: Collection[str]) -> Hold | None:
        """Give the interval back if one of these owns it; answers the hold as it was. None: it is gone, or somebody else's."""

    async def busy(self, clinician_ids: Sequence[str], span: Interval) -> Sequence[Busy]:
        """The live holds of these clinicians that overlap the span."""

    async def anonymous(self, clinician_id: str, day: Interval) -> Sequence[Hold]:
        """The clinician's live holds of people who have not signed in, for slots that start in this time."""
