"""Guards: the conditions that must hold at the moment when a call that leads to a visit is sent.

A guard is one function that returns why the checkout ends, or None. It is asked right before each such call, the first time and
at every retry, not when the intent is written: a row may stand at its intent for minutes. Guards that need only the row are also
asked earlier, at every state where the checkout can still end at no cost. checkout/states.py lists the guards of each state.
Compensation has none: money is refunded whatever has happened.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol, TypeAlias, TypeVar

import structlog

from booking.checkout.model import Checkout, EndReason
from booking.checkout.model import CheckoutState as S
from booking.ports import Clock
from booking.stored_names import Unknown

log = structlog.get_logger(__name__)

# The end of an uncharged checkout by its reason; for all other reasons it is `cancelled`.
_ENDS: Mapping[str, S] = {
    EndReason.SLOT_TAKEN: S.SLOT_LOST,
    EndReason.HOLD_EXPIRED: S.EXPIRED,
    EndReason.TOO_LATE: S.EXPIRED,
}


@dataclass(frozen=True, kw_only=True)
class SendFacts:
    """What the guards need from the database, read in one statement right before a send."""

    version: int  # of the checkout's row
    has_claim: bool  # whether the checkout owns its slot claim
    is_blocked: bool  # whether the clinician is blocked


class SendFactsReader(Protocol):
    """Reads SendFacts on a connection of its own: it waits for no writer, and blocks none."""

    async def of(self, checkout: Checkout) -> SendFacts:
        """Read the facts of a checkout; its row must exist."""


class ClinicianKeys(Protocol):
    """What is known of the clinicians' API keys (key proofs)."""

    def is_refused(self, clinician_id: str) -> bool:
        """Whether the clinician has no key, or one that upstream said is not theirs. Answers from memory, without a call."""


@dataclass(frozen=True, kw_only=True)
class Moment:
    """What an early guard is asked about: the row, and the time."""

    checkout: Checkout
    now: datetime  # UTC


@dataclass(frozen=True, kw_only=True)
class Send(Moment):
    """What a guard is asked about right before a call is sent."""

    facts: SendFacts
    key_is_refused: bool


M = TypeVar("M", bound=Moment)
M_contra = TypeVar("M_contra", bound=Moment, contravariant=True)

Reason: TypeAlias = EndReason | Unknown | None


class Guard(Protocol[M_contra]):
    """A guard, as a function."""

    def __call__(self, moment: M_contra, /) -> Reason:
        """Return why the checkout ends here; None: it goes on."""


def _ending(moment: Moment) -> Reason:
    """A row with an end reason sends nothing more: an operator ended it, or what was read back is not what was accepted."""
    return moment.checkout.end_reason


def _cancelled(moment: Moment) -> EndReason | None:
    return EndReason.CANCELLED_BY_PATIENT if moment.checkout.cancel_requested else None


def _deadline_passed(moment: Moment) -> EndReason | None:
    """After the confirm deadline the patient has gone, and does not expect the visit any more."""
    if not deadline_passed(moment.checkout, moment.now):
        return None
    booking = moment.checkout.state is S.BOOKING_INTENDED
    return EndReason.BOOKING_TIMED_OUT if booking else EndReason.HOLD_EXPIRED


def _too_late(moment: Moment) -> EndReason | None:
    """An unpaid visit must keep the practice's minimum advance time; a paid one is booked until it begins."""
    checkout = moment.checkout
    if checkout.slot is None:
        return None
    begun = moment.now >= checkout.slot.start
    late = begun if checkout.charge is not None else is_too_late(checkout, moment.now)
    return EndReason.TOO_LATE if late else None


def _blocked(send: Send) -> EndReason | None:
    return EndReason.CLINICIAN_NOT_BOOKABLE if send.facts.is_blocked else None


def _key_not_proved(send: Send) -> EndReason | None:
    return EndReason.CLINICIAN_NOT_BOOKABLE if send.key_is_refused else None


def _claim_lost(send: Send) -> EndReason | None:
    return None if send.facts.has_claim or send.checkout.slot is None else EndReason.SLOT_TAKEN


# Guards are asked in this order, and the first reason is the one that the patient gets: what they did themselves comes
# first, then what they can do something about.
_CANCELLED: Mapping[str, Guard[Moment]] = {"cancelled": _cancelled}

# The checkout is ending already, or its patient cancels.
ENDING: Mapping[str, Guard[Moment]] = {"ending": _ending, **_CANCELLED}

# While no money has moved, and ending costs nothing.
EARLY: Mapping[str, Guard[Moment]] = {
    **_CANCELLED,
    "deadline passed": _deadline_passed,
    "too late": _too_late,
}

BEFORE_A_CALL: Mapping[str, Guard[Send]] = {
    **ENDING,
    **EARLY,
    "clinician blocked": _blocked,
    "key not proved": _key_not_proved,
}

# All guards: before a call that needs the slot claim.
UNDER_A_CLAIM: Mapping[str, Guard[Send]] = {**BEFORE_A_CALL, "claim lost": _claim_lost}


def deadline_passed(checkout: Checkout, now: datetime) -> bool:
    """Whether the confirm deadline has passed, or the checkout was never confirmed."""
    return checkout.confirm_deadline is None or now >= checkout.confirm_deadline


def is_too_late(checkout: Checkout, now: datetime) -> bool:
    """Whether the visit has begun, or begins within the minimum advance time in the quote. Never without a visit."""
    return checkout.slot is not None and checkout.quote.policy.is_too_late(checkout.slot.start, now)


def bookable_until(checkout: Checkout) -> datetime:
    """Return until when the visit could be booked (UTC)."""
    return checkout.quote.policy.bookable_until(checkout.visit_slot.start)


def stopped_early(
    checkout: Checkout, asked: Mapping[str, Guard[Moment]], *, undo: S | None, now: datetime
) -> Checkout | None:
    """Ask the early guards. Returns the row ended, or at `undo` if it is paid or booked; None: no guard stops it."""
    first = _first(asked, Moment(checkout=checkout, now=now))
    return None if first is None else _stopped(checkout, first[1], undo)


class Guards:
    """Asks guards before a send, at the cost of one database read."""

    def __init__(self, *, send_facts: SendFactsReader, keys: ClinicianKeys, clock: Clock) -> None:
        self._send_facts = send_facts
        self._keys = keys
        self._clock = clock

    async def stopped(
        self, checkout: Checkout, asked: Mapping[str, Guard[Send]], *, undo: S | None
    ) -> Checkout | None:
        """Return the row to be written instead of sending: ended, or at `undo` if it is paid or booked. None: send.

        A row whose version has moved on is returned unchanged: the write of it is rejected as stale, and the driver reads
        it anew.
        """
        facts = await self._send_facts.of(checkout)
        if facts.version != checkout.version:
            return checkout
        send = Send(
            checkout=checkout,
            facts=facts,
            key_is_refused=self._keys.is_refused(checkout.clinician_id),
            now=self._clock.now(),
        )
        if (first := _first(asked, send)) is None:
            return None
        name, why = first
        log.info("checkout.not_sent", checkout=checkout.id, state=checkout.state, guard=name)
        return _stopped(checkout, why, undo)


def _first(asked: Mapping[str, Guard[M]], moment: M) -> tuple[str, EndReason | Unknown] | None:
    """Return the name and the reason of the first guard that stops the checkout; None: no guard does."""
    for name, guard in asked.items():
        if (why := guard(moment)) is not None:
            return name, why
    return None


def _stopped(checkout: Checkout, why: EndReason | Unknown, undo: S | None) -> Checkout:
    stands = checkout.charge is not None or checkout.appointment_id is not None
    end = undo if undo is not None and stands else _ENDS.get(why, S.CANCELLED)
    # An expired row never came as far as its booking: by this the transition table, which knows no amounts, takes it for
    # unpaid.
    end = S.CANCELLED if end is S.EXPIRED and checkout.state is S.BOOKING_INTENDED else end
    return checkout.changed(state=end, end_reason=why)
