"""The steps of the checkout saga: for each state, what a driver does with a row that stands there.

A step answers the row as it shall be written next; before one that sends, the driver asks its guards (checkout/guards.py). It makes
at most one foreign change, never inside a transaction, and lets OutcomeUnknown and UpstreamUnavailable pass: the driver
parks the row, and a later driver looks before it sends.
"""

from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime, timedelta

from booking.catalog.terms import PresentTerms
from booking.checkout import step_results as row
from booking.checkout.compensation import Compensation
from booking.checkout.guards import deadline_passed
from booking.checkout.guests import GuestRecords, may_use_match
from booking.checkout.model import Checkout, EndReason
from booking.checkout.model import CheckoutState as S
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

# Longer than the worst upstream latency (a mutation is given up after 20 s), so that what was sent has landed or never will.
SETTLE = timedelta(seconds=30)

# For how long at least a hold is renewed when it ran out, or was lost, between the patient's confirm and the claim of the slot.
_RENEWAL = timedelta(minutes=1)


class Steps(Compensation):
    """One method a state, and a look for each intent that must not simply be sent again."""

    def __init__(
        self,
        *,
        patients: Patients,
        cards: Cards,
        billing: Billing,
        scheduling: Scheduling,
        holds: HoldStore,
        terms: PresentTerms,
        clock: Clock,
        guest_records: GuestRecords = GuestRecords.NEW,
    ) -> None:
        super().__init__(billing=billing, scheduling=scheduling)
        self._terms = terms
        self._patients = patients
        self._cards = cards
        self._holds = holds
        self._clock = clock
        self._guest_records = guest_records
        self._steps: Mapping[S, Callable[[Checkout], Awaitable[Checkout]]] = {
            S.STARTED: self._started,
            S.PATIENT_INTENDED: self._identify_patient,
            S.PATIENT_READY: self._patient_ready,
            S.CARD_INTENDED: self._attach_card,
            S.CARD_READY: self._card_ready,
            S.CHARGE_INTENDED: self._send_charge,
            S.CHARGED: self._charged,
            S.BOOKING_INTENDED: self._send_booking,
            S.BOOKED: self._booked,
            **self._undoing,
        }
        # Deleting, cancelling and refunding read before they write, and are safe to repeat as they are.
        self._looks: Mapping[S, Callable[[Checkout], Awaitable[Checkout | None]]] = {
            S.PATIENT_INTENDED: self._look_for_patient,
            S.CARD_INTENDED: self._look_for_card,
            S.CHARGE_INTENDED: self._look_for_charge,
            S.BOOKING_INTENDED: self._look_for_booking,
        }
        self._landed: Mapping[S, Callable[[Checkout], Awaitable[Checkout | None]]] = {
            S.CHARGE_INTENDED: self._landed_charge,
            S.BOOKING_INTENDED: self._landed_booking,
        }

    async def take(self, checkout: Checkout) -> Checkout:
        """Take the step of the state at which the row stands; no call of the intent may be out."""
        return await self._steps[checkout.known_state](checkout)

    async def look(self, checkout: Checkout) -> Checkout | None:
        """What became of an intent that somebody else committed. None: nothing landed, and it may be sent (again).

        Raises OutcomeUnknown while it is too early to tell.
        """
        look = self._looks.get(checkout.known_state)
        return await look(checkout) if look else None

    async def check_early(self, checkout: Checkout) -> Checkout | None:
        """What is proved to have landed of an intent, however early; None: nothing so far, which proves nothing."""
        landed = self._landed.get(checkout.known_state)
        return await landed(checkout) if landed else None

    async def _started(self, checkout: Checkout) -> Checkout:
        return checkout.changed(state=S.PATIENT_READY if checkout.patient_id else S.PATIENT_INTENDED)

    async def _identify_patient(self, checkout: Checkout) -> Checkout:
        """Look up, then create. A record that was there before is used only where the guest has proved that it is theirs.

        Whoever has not meets the same calls whether there is one or not, so that nobody learns here who is a patient.
        """
        guest = _guest(checkout)
        match = await self._patients.find(guest)
        if match is not None and may_use_match(checkout, self._guest_records):
            return row.identified(checkout, match)
        try:
            return row.created(checkout, await self._create_patient(checkout, guest, apart=match is not None))
        except UpstreamRefused:
            return checkout.changed(state=S.CANCELLED, end_reason=EndReason.BOOKING_REFUSED)

    async def _create_patient(
        self, checkout: Checkout, guest: GuestDetails, *, apart: bool
    ) -> CreatedPatient:
        async def create(*, apart: bool) -> CreatedPatient:
            created = await self._patients.create(
                guest,
                clinician_id=checkout.slot.clinician_id,
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
            return await create(apart=True)  # somebody came in between, or upstream compares names otherwise

    async def _look_for_patient(self, checkout: Checkout) -> Checkout | None:
        self._settled(checkout)
        created = await self._patients.find_created(_guest(checkout), reference=checkout.id)
        return row.created(checkout, created) if created else None

    async def _patient_ready(self, checkout: Checkout) -> Checkout:
        if checkout.quote.due_today.is_zero:
            if checkout.card is not None:
                return checkout.changed(state=S.CARD_INTENDED)  # is put on file, and nothing is charged to it
            return await self._on_terms(checkout) or await self._held(checkout, S.BOOKING_INTENDED)
        if checkout.card is None:
            raise AssertionError("a confirmed checkout with something due has a card")
        if checkout.card.token is not None:
            return checkout.changed(state=S.CARD_INTENDED)
        return checkout.changed(state=S.CARD_READY, card_id=checkout.card.on_file_id, card=None)

    async def _attach_card(self, checkout: Checkout) -> Checkout:
        """Attach the card. A token works once: when it is not known whether it was used, the patient gives a new one."""
        if checkout.card is None or checkout.card.token is None or checkout.patient_id is None:
            raise AssertionError("a card is attached from a token, for a patient")
        try:
            card = await self._cards.attach(
                patient_id=checkout.patient_id,
                token=checkout.card.token,
                make_default=checkout.patient_created,
                clinician_id=checkout.slot.clinician_id,
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

    async def _look_for_card(self, checkout: Checkout) -> Checkout:
        return row.not_judged(checkout, DeclineReason.TRY_AGAIN)

    async def _card_ready(self, checkout: Checkout) -> Checkout:
        free = checkout.quote.due_today.is_zero
        then = S.BOOKING_INTENDED if free else S.CHARGE_INTENDED
        return await self._on_terms(checkout) or await self._held(checkout, then)

    async def _on_terms(self, checkout: Checkout) -> Checkout | None:
        """The row back at its patient with the present quote, or ended, when what they accepted is sold otherwise now; None: go on."""
        present = await self._terms.of(checkout.quote)
        if present is None:
            return checkout.changed(state=S.CANCELLED, end_reason=EndReason.TERMS_CHANGED)
        if present is not checkout.quote:
            # A card that was attached stays named until the next confirm: whoever gave it has learned that it is good.
            return row.back_to_patient(checkout).changed(quote=present, card_id=checkout.card_id)
        return None

    async def _on_terms_still(self, checkout: Checkout) -> Checkout | None:
        """The row ended when what may be sent once more is sold otherwise now; None: it may, or is not sent in any case.

        It ends rather than goes back to its patient: finding nothing is no certain refusal, and earns no new upstream key.
        """
        if row.ending(checkout) is not None or deadline_passed(checkout, self._clock.now()):
            return None  # the guards end it, though the terms cannot be read
        if await self._terms.of(checkout.quote) is not checkout.quote:
            return checkout.changed(state=S.CANCELLED, end_reason=EndReason.TERMS_CHANGED)
        return None

    async def _held(self, checkout: Checkout, then: S) -> Checkout:
        """Go on if the hold lives or can be taken again; the claim itself is taken with the write."""
        hold = await self._holds.get(checkout.hold_id)
        if hold is None:
            now = self._clock.now()
            try:
                ends = max(now + _RENEWAL, checkout.hold_expires_at or now)
                await self._holds.acquire(checkout.hold_anew(now=now, expires_at=ends), limit=None)
            except SlotTaken:
                return checkout.changed(state=S.SLOT_LOST, end_reason=EndReason.SLOT_TAKEN)
        return checkout.changed(state=then)

    async def _send_charge(self, checkout: Checkout) -> Checkout:
        try:
            return row.charged(checkout, await self._billing.charge(checkout))
        except CardDeclined as refusal:
            return row.declined(checkout, refusal.reason)
        except (ClinicianNotBookable, AmountNotChargeable, UpstreamRefused) as refusal:
            return row.cannot_be_paid(checkout, refusal)

    async def _look_for_charge(self, checkout: Checkout) -> Checkout | None:
        self._settled(checkout)
        landed = await self._landed_charge(checkout)
        return landed if landed is not None else await self._on_terms_still(checkout)

    async def _landed_charge(self, checkout: Checkout) -> Checkout | None:
        landed = await self._billing.find_charge(checkout, since=_intended(checkout))
        return row.charged(checkout, landed) if landed is not None else None

    async def _charged(self, checkout: Checkout) -> Checkout:
        if (reason := row.ending(checkout)) is not None:
            return checkout.changed(state=S.COMPENSATING, end_reason=reason)
        return checkout.changed(state=S.BOOKING_INTENDED)

    async def _send_booking(self, checkout: Checkout) -> Checkout:
        try:
            return row.booked(checkout, await self._scheduling.book(checkout))
        except SlotTaken:
            return row.not_booked(checkout, EndReason.SLOT_TAKEN)
        except ClinicianNotBookable:
            return row.not_booked(checkout, EndReason.CLINICIAN_NOT_BOOKABLE)
        except UpstreamRefused:
            return row.not_booked(checkout, EndReason.BOOKING_REFUSED)

    async def _look_for_booking(self, checkout: Checkout) -> Checkout | None:
        self._settled(checkout)
        landed = await self._landed_booking(checkout)
        if landed is not None or checkout.charge is not None:
            return landed
        return await self._on_terms_still(checkout)

    async def _landed_booking(self, checkout: Checkout) -> Checkout | None:
        landed = await self._scheduling.find(checkout)
        return row.booked(checkout, landed) if landed is not None else None

    async def _booked(self, checkout: Checkout) -> Checkout:
        if (reason := row.ending(checkout)) is not None:
            return checkout.changed(state=S.DELETION_INTENDED, end_reason=reason)
        return checkout.changed(state=S.CONFIRMED)

    def _settled(self, checkout: Checkout) -> None:
        """Raise OutcomeUnknown while the intent is too young for finding nothing to mean that nothing landed."""
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
