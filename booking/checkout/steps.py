"""The steps and looks of the checkout saga. checkout/states.py says which belongs to which state; checkout/saga.py calls them.

A step returns the row to be written next. Before a step that sends a call the driver asks its guards
(checkout/guards.py). A step makes at most one change upstream, never inside a transaction, and lets OutcomeUnknown and
UpstreamUnavailable pass: the driver parks the row, and a later driver looks before it sends again.

A look reads upstream what became of an intent that another driver committed. It returns the row to be written next, or None when
nothing landed, and raises OutcomeUnknown while it is too early to tell.
"""

from datetime import datetime, timedelta

from booking.catalog.terms import PresentTerms
from booking.checkout import step_results as row
from booking.checkout.compensation import Compensation
from booking.checkout.credits import CreditLedger, CreditsLeft
from booking.checkout.guards import deadline_passed
from booking.checkout.guests import GuestRecords, may_use_match
from booking.checkout.model import Checkout, EndReason
from booking.checkout.model import CheckoutState as S
from booking.checkout.timing import CREATE_PATIENT_BUDGET, SETTLE, ensure_lease_lasts
from booking.errors import OutcomeUnknown, UpstreamRefused, UpstreamUnavailable
from booking.models import CreatedPatient, GuestDetails
from booking.ports import PATIENT_EXISTS, Billing, Cards, Clock, HoldStore, Patients, Scheduling
from booking.refusals import (
    AmountNotChargeable,
    CardDeclined,
    ClinicianNotBookable,
    DeclineReason,
    SlotTaken,
)

# The least time for which a hold is taken again that expired, or was lost, between the patient's confirm and the slot claim.
_RENEWAL = timedelta(minutes=1)


class Steps(Compensation):
    """One step a state, and a look for each intent whose call is not idempotent."""

    def __init__(
        self,
        *,
        patients: Patients,
        cards: Cards,
        billing: Billing,
        scheduling: Scheduling,
        holds: HoldStore,
        terms: PresentTerms,
        credit_ledger: CreditLedger,
        credit: CreditsLeft,
        clock: Clock,
        guest_records: GuestRecords = GuestRecords.NEW,
    ) -> None:
        super().__init__(billing=billing, scheduling=scheduling, credit_ledger=credit_ledger)
        self._credit = credit
        self._terms = terms
        self._patients = patients
        self._cards = cards
        self._holds = holds
        self._clock = clock
        self._guest_records = guest_records

    async def identify_patient(self, checkout: Checkout) -> Checkout:
        """Find a guest's record, or create one. An existing record is used only for a guest who has proved that it is theirs.

        For any other guest the same calls are made whether or not a record exists, so that nobody learns who is a patient.
        """
        guest = _guest(checkout)
        match = await self._patients.find(guest)
        if match is not None and may_use_match(checkout, self._guest_records):
            return row.matched(checkout, match)
        try:
            return row.created(checkout, await self._create_patient(checkout, guest, apart=match is not None))
        except UpstreamRefused:
            return checkout.changed(state=S.CANCELLED, end_reason=EndReason.BOOKING_REFUSED)

    async def _create_patient(
        self, checkout: Checkout, guest: GuestDetails, *, apart: bool
    ) -> CreatedPatient:
        async def create(*, apart: bool) -> CreatedPatient:
            ensure_lease_lasts(checkout, CREATE_PATIENT_BUDGET, now=self._clock.now())
            created = await self._patients.create(
                guest,
                clinician_id=checkout.clinician_id,
                time_zone=checkout.time_zone,
                reference=checkout.id,
                apart=apart,
            )
            return CreatedPatient(id=created, apart=apart)

        try:
            return await create(apart=apart)
        except UpstreamRefused as refusal:
            if apart or refusal.reason != PATIENT_EXISTS:
                raise
            # A record was created in between, or upstream compares names differently.
            return await create(apart=True)

    async def look_for_patient(self, checkout: Checkout) -> Checkout | None:
        """Find the record that was created for this checkout, by its reference."""
        self._ensure_settled(checkout)
        created = await self._patients.find_created(
            _guest(checkout), reference=checkout.id, since=checkout.created_at
        )
        return row.created(checkout, created) if created else None

    async def attach_card(self, checkout: Checkout) -> Checkout:
        """Attach the card. A token works once: when it is not known whether it was used, the patient gives a new one."""
        if checkout.card is None or checkout.card.token is None or checkout.patient_id is None:
            raise AssertionError("a card is attached from a token, for a patient")
        try:
            card = await self._cards.attach(
                patient_id=checkout.patient_id,
                token=checkout.card.token,
                make_default=checkout.patient_created,
                clinician_id=checkout.clinician_id,
            )
        except CardDeclined as refusal:
            return row.declined(checkout, refusal.reason)
        except (ClinicianNotBookable, UpstreamRefused) as refusal:
            return row.cannot_be_paid(checkout, refusal)
        except UpstreamUnavailable:
            return row.not_judged(checkout, None)
        except OutcomeUnknown:
            return row.not_judged(checkout, DeclineReason.TRY_AGAIN)
        return checkout.changed(state=S.CARD_READY, card_id=card.id, card=None)

    async def look_for_card(self, checkout: Checkout) -> Checkout:
        """Whether the token was used up cannot be found out: ask the patient for a new one."""
        return row.not_judged(checkout, DeclineReason.TRY_AGAIN)

    async def check_terms_and_hold(self, checkout: Checkout) -> Checkout:
        """Check terms and hold, then go on to the charge, or to the booking of a visit that costs nothing.

        A plan that is bought without a visit has no hold.
        """
        free = checkout.quote.due_today.is_zero
        then = S.BOOKING_INTENDED if free else S.CHARGE_INTENDED
        return await self._stopped_by_terms(checkout) or await self._ensure_held(checkout, then)

    async def _stopped_by_terms(self, checkout: Checkout) -> Checkout | None:
        """Return the row back at its patient with the present quote, or ended, if the terms have changed; else None."""
        present = await self._terms.of(checkout.quote)
        if present is None:
            return checkout.changed(state=S.CANCELLED, end_reason=EndReason.TERMS_CHANGED)
        if present is not checkout.quote:
            # An attached card stays on the row until the next confirm, since it counts as tried: attaching it showed that
            # it is good.
            return row.back_to_patient(checkout).changed(quote=present, card_id=checkout.card_id)
        return None

    async def _stopped_by_terms_on_resend(self, checkout: Checkout) -> Checkout | None:
        """Before a call is sent again: return the row ended if the terms have changed.

        None if they have not, or if the guards stop the row anyway. It ends rather than going back to its patient:
        finding nothing is no certain refusal, so there is no new upstream key.
        """
        if row.ending(checkout) is not None or deadline_passed(checkout, self._clock.now()):
            return None  # the guards end it, even while the terms cannot be read
        if await self._terms.of(checkout.quote) is not checkout.quote:
            return checkout.changed(state=S.CANCELLED, end_reason=EndReason.TERMS_CHANGED)
        return None

    async def _ensure_held(self, checkout: Checkout, then: S) -> Checkout:
        """Go on to `then` if the hold lives or can be taken again; the write of that transition takes the slot claim."""
        if checkout.slot is None:
            return checkout.changed(state=then)
        hold = await self._holds.get(checkout.hold_id)
        if hold is None:
            now = self._clock.now()
            try:
                ends = max(now + _RENEWAL, checkout.hold_expires_at or now)
                await self._holds.acquire(checkout.hold_anew(now=now, expires_at=ends), limit=None)
            except SlotTaken:
                return checkout.changed(state=S.SLOT_LOST, end_reason=EndReason.SLOT_TAKEN)
        return checkout.changed(state=then)

    async def charge(self, checkout: Checkout) -> Checkout:
        """Charge the card. This is where `confirmCheckout` charges: the billing port makes one charge and reads it back."""
        try:
            return row.charged(checkout, await self._billing.charge(checkout))
        except CardDeclined as refusal:
            return row.declined(checkout, refusal.reason)
        except (ClinicianNotBookable, AmountNotChargeable, UpstreamRefused) as refusal:
            return row.cannot_be_paid(checkout, refusal)

    async def look_for_charge(self, checkout: Checkout) -> Checkout | None:
        """Find the charge; if nothing landed, end the row if its terms have changed."""
        self._ensure_settled(checkout)
        landed = await self.landed_charge(checkout)
        return landed if landed is not None else await self._stopped_by_terms_on_resend(checkout)

    async def landed_charge(self, checkout: Checkout) -> Checkout | None:
        """Find the charge upstream, by the reference in its note, else by amount, card and time. None proves nothing."""
        landed = await self._billing.find_charge(checkout, since=_intended(checkout))
        return row.charged(checkout, landed) if landed is not None else None

    async def book(self, checkout: Checkout) -> Checkout:
        """Book the visit, and compare what was read back with what was asked.

        A credit is read first: the system of record would book without one, and bill the visit or go below zero.
        """
        if checkout.quote.uses_credit and not await self._has_credit(checkout):
            return row.not_booked(checkout, EndReason.NO_CREDIT_LEFT)
        try:
            return row.booked(checkout, await self._scheduling.book(checkout))
        except SlotTaken:
            return row.not_booked(checkout, EndReason.SLOT_TAKEN)
        except ClinicianNotBookable:
            return row.not_booked(checkout, EndReason.CLINICIAN_NOT_BOOKABLE)
        except UpstreamRefused:
            return row.not_booked(checkout, EndReason.BOOKING_REFUSED)

    async def look_for_booking(self, checkout: Checkout) -> Checkout | None:
        """Find the visit; if nothing landed, end an unpaid row if its terms have changed."""
        self._ensure_settled(checkout)
        landed = await self.landed_booking(checkout)
        if landed is not None or checkout.charge is not None:
            return landed
        return await self._stopped_by_terms_on_resend(checkout)

    async def landed_booking(self, checkout: Checkout) -> Checkout | None:
        """Find the visit upstream, by the checkout's id in its metadata. None proves nothing."""
        landed = await self._scheduling.find(checkout)
        return row.booked(checkout, landed) if landed is not None else None

    async def _has_credit(self, checkout: Checkout) -> bool:
        if checkout.patient_id is None:
            raise AssertionError("who books by credit has signed in")
        slot = checkout.visit_slot
        return (
            await self._credit.left(
                checkout.patient_id, slot.visit_type_id, clinician_id=slot.clinician_id, besides=checkout.id
            )
            > 0
        )

    async def prove_credit(self, checkout: Checkout) -> Checkout:
        """Prove by visit and ledger that a credit was used for the visit, and one that the patient had; else it is undone.

        Raises OutcomeUnknown at the first look that proves neither: the ledger may be behind the visit.
        """
        if checkout.patient_id is None or checkout.appointment_id is None:
            raise AssertionError("a visit by credit was booked for a patient")
        slot, visit = checkout.visit_slot, checkout.appointment_id
        account = await self._credit_ledger.account(
            checkout.patient_id, slot.visit_type_id, clinician_id=slot.clinician_id
        )
        said = await self._credit_ledger.was_used(visit, clinician_id=slot.clinician_id)
        left = account.uses.get(visit) if account is not None else None
        if checkout.tries == 0 and (left is None or not said):
            raise OutcomeUnknown("the use of the credit is not shown yet")
        return row.credit_looked_up(checkout, said=said, left=left)

    def _ensure_settled(self, checkout: Checkout) -> None:
        """Raise OutcomeUnknown until SETTLE after the intent: before, finding nothing does not mean that nothing landed."""
        if self._clock.now() < _intended(checkout) + SETTLE:
            raise OutcomeUnknown("too early to look")


def _intended(checkout: Checkout) -> datetime:
    if checkout.intended_at is None:
        raise AssertionError("an intent carries its time")
    return checkout.intended_at


def _guest(checkout: Checkout) -> GuestDetails:
    if checkout.guest is None:
        raise AssertionError("a checkout without a patient has guest details")
    return checkout.guest
