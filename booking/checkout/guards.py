"""The guards of a send: what must hold in the very moment in which a call goes out that leads to a visit.

They are asked before each such call, the first time and every time that it is sent again, and not when its intent is
written: a row may stand at its intent for minutes, and the world goes on meanwhile. Those that the row alone can answer are
asked before anything else, too, wherever leaving costs nothing. What they say is data: one function a guard, each answers why
the checkout ends, or None; at which states each is asked stands in checkout/states.py. Undoing has no guards: money is given back
whatever has happened.
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

# How a checkout ends of which nothing was charged; whatever else stops it, it is cancelled.
_ENDS: Mapping[str, S] = {
    EndReason.SLOT_TAKEN: S.SLOT_LOST,
    EndReason.HOLD_EXPIRED: S.EXPIRED,
    EndReason.TOO_LATE: S.EXPIRED,
}


@dataclass(frozen=True, kw_only=True)
class SendFacts:
    """What the database says where a call is about to go out, all of it read at one moment."""

    version: int  # of the checkout's row
    has_claim: bool  # the checkout's own, on its slot
    is_blocked: bool  # the clinician, until somebody clears it


class SendFactsReader(Protocol):
    """Reads grounds by itself: it waits for no writer, and no writer for it."""

    async def of(self, checkout: Checkout) -> SendFacts:
        """The ground of a checkout whose row exists."""


class ClinicianKeys(Protocol):
    """What is known of the keys that act for clinicians."""

    def is_refused(self, clinician_id: str) -> bool:
        """Whether nobody can act as the clinician: there is no key, or it was said not to be theirs. Nobody is asked for it."""


@dataclass(frozen=True, kw_only=True)
class Moment:
    """A row that is about to go on."""

    checkout: Checkout
    now: datetime  # UTC


@dataclass(frozen=True, kw_only=True)
class Send(Moment):
    """A call that is about to go out."""

    ground: SendFacts
    key_is_refused: bool


M_contra = TypeVar("M_contra", bound=Moment, contravariant=True)

Reason: TypeAlias = EndReason | Unknown | None


class Guard(Protocol[M_contra]):
    """One guard."""

    def __call__(self, moment: M_contra, /) -> Reason:
        """Why the checkout ends here; None: it goes on."""


def _ending(moment: Moment) -> Reason:
    """What has an end already is only looked for and undone: an operator had it so, or what came back was not as accepted."""
    return moment.checkout.end_reason


def _cancelled(moment: Moment) -> EndReason | None:
    return EndReason.CANCELLED_BY_PATIENT if moment.checkout.cancel_requested else None


def _deadline_passed(moment: Moment) -> EndReason | None:
    """Whoever confirmed longer ago than a confirm is good for has gone, and does not expect it any more."""
    if not deadline_passed(moment.checkout, moment.now):
        return None
    booking = moment.checkout.state is S.BOOKING_INTENDED
    return EndReason.BOOKING_TIMED_OUT if booking else EndReason.HOLD_EXPIRED


def _too_late(moment: Moment) -> EndReason | None:
    """Nothing is paid for a visit that begins sooner than the practice takes bookings; what is paid is booked until it begins."""
    checkout = moment.checkout
    begun = moment.now >= checkout.slot.start
    late = begun if checkout.charge is not None else is_too_late(checkout, moment.now)
    return EndReason.TOO_LATE if late else None


def _blocked(send: Send) -> EndReason | None:
    return EndReason.CLINICIAN_NOT_BOOKABLE if send.ground.is_blocked else None


def _key_not_proved(send: Send) -> EndReason | None:
    return EndReason.CLINICIAN_NOT_BOOKABLE if send.key_is_refused else None


def _claim_lost(send: Send) -> EndReason | None:
    return None if send.ground.has_claim else EndReason.SLOT_TAKEN


# In the order in which the patient is told: what they did themselves first, then what they can do something about.
_CANCELLED: Mapping[str, Guard[Moment]] = {"cancelled": _cancelled}

# Something is wrong with the checkout, or somebody has ended it.
ENDING: Mapping[str, Guard[Moment]] = {"ending": _ending, **_CANCELLED}

# Where no money has moved, and leaving costs nothing.
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

# All of them: before a call that needs the slot claim.
UNDER_A_CLAIM: Mapping[str, Guard[Send]] = {**BEFORE_A_CALL, "claim lost": _claim_lost}


def deadline_passed(checkout: Checkout, now: datetime) -> bool:
    """Whether its patient's confirm is good no more, if there ever was one."""
    return checkout.confirm_deadline is None or now >= checkout.confirm_deadline


def is_too_late(checkout: Checkout, now: datetime) -> bool:
    """Whether its visit has begun, or begins sooner than the practice takes bookings, by the terms of its quote."""
    return checkout.quote.policy.is_too_late(checkout.slot.start, now)


def bookable_until(checkout: Checkout) -> datetime:
    """Until when its visit could be booked (UTC)."""
    return checkout.quote.policy.bookable_until(checkout.slot.start)


def stopped_early(
    checkout: Checkout, asked: Mapping[str, Guard[Moment]], *, undo: S | None, now: datetime
) -> Checkout | None:
    """The row ended, or at `undo` where it is paid or booked, when it is not worth another step; None: it is."""
    moment = Moment(checkout=checkout, now=now)
    reasons = (guard(moment) for guard in asked.values())
    why = next((reason for reason in reasons if reason is not None), None)
    return None if why is None else _stopped(checkout, why, undo)


class Guards:
    """Asks guards before a send: one reading of the database, and nobody else, for each send."""

    def __init__(self, *, send_facts: SendFactsReader, keys: ClinicianKeys, clock: Clock) -> None:
        self._send_facts = send_facts
        self._keys = keys
        self._clock = clock

    async def stopped(
        self, checkout: Checkout, asked: Mapping[str, Guard[Send]], *, undo: S | None
    ) -> Checkout | None:
        """The row as it shall be written instead of sending: ended, or at `undo` where it is paid or booked. None: send.

        A row that was written since it was read is answered as it is: writing it finds out what came between.
        """
        ground = await self._send_facts.of(checkout)
        if ground.version != checkout.version:
            return checkout
        send = Send(
            checkout=checkout,
            ground=ground,
            key_is_refused=self._keys.is_refused(checkout.slot.clinician_id),
            now=self._clock.now(),
        )
        for name, guard in asked.items():
            if (why := guard(send)) is not None:
                log.info("checkout.not_sent", checkout=checkout.id, state=checkout.state, guard=name)
                return _stopped(checkout, why, undo)
        return None


def _stopped(checkout: Checkout, why: EndReason | Unknown, undo: S | None) -> Checkout:
    stands = checkout.charge is not None or checkout.appointment_id is not None
    end = undo if undo is not None and stands else _ENDS.get(why, S.CANCELLED)
    # What has expired never came as far as its booking: that is how a table without amounts knows it for unpaid.
    end = S.CANCELLED if end is S.EXPIRED and checkout.state is S.BOOKING_INTENDED else end
    return checkout.changed(state=end, end_reason=why)
