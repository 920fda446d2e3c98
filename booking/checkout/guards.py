"""The guards of a send: what must hold in the very moment in which a call goes out that leads to a visit.

They are asked before each such call, the first time and every time that it is sent again, and not when its intent is
written: a row may stand at its intent for minutes, and the world goes on meanwhile. What they say is data: one function a
guard, each answers why the checkout ends, or None. Undoing has no guards: money is given back whatever has happened.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

import structlog

from booking.checkout.model import Checkout, EndReason
from booking.checkout.model import CheckoutState as S
from booking.checkout.transitions import CLAIMING
from booking.ports import Clock
from booking.stored_names import Unknown

log = structlog.get_logger(__name__)

# The calls that lead to a visit go out at these states.
SENDING = frozenset({S.PATIENT_INTENDED, S.CARD_INTENDED, S.CHARGE_INTENDED, S.BOOKING_INTENDED})

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
class Send:
    """A call that is about to go out."""

    checkout: Checkout
    ground: SendFacts
    key_is_refused: bool
    now: datetime  # UTC


def _ending(send: Send) -> EndReason | Unknown | None:
    """What has an end already is only looked for and undone: an operator had it so, or what came back was not as accepted."""
    return send.checkout.end_reason


def _cancelled(send: Send) -> EndReason | None:
    return EndReason.CANCELLED_BY_PATIENT if send.checkout.cancel_requested else None


def _deadline_passed(send: Send) -> EndReason | None:
    """Whoever confirmed longer ago than a confirm is good for has gone, and does not expect it any more."""
    if not deadline_passed(send.checkout, send.now):
        return None
    booking = send.checkout.state is S.BOOKING_INTENDED
    return EndReason.BOOKING_TIMED_OUT if booking else EndReason.HOLD_EXPIRED


def _too_late(send: Send) -> EndReason | None:
    """Nothing is paid for a visit that begins sooner than the practice takes bookings; what is paid is booked until it begins."""
    checkout = send.checkout
    begun = send.now >= checkout.slot.start
    late = begun if checkout.charge is not None else is_too_late(checkout, send.now)
    return EndReason.TOO_LATE if late else None


def _blocked(send: Send) -> EndReason | None:
    return EndReason.CLINICIAN_NOT_BOOKABLE if send.ground.is_blocked else None


def _key_not_proved(send: Send) -> EndReason | None:
    return EndReason.CLINICIAN_NOT_BOOKABLE if send.key_is_refused else None


def _claim_lost(send: Send) -> EndReason | None:
    lost = send.checkout.state in CLAIMING and not send.ground.has_claim
    return EndReason.SLOT_TAKEN if lost else None


# In the order in which the patient is told: what they did themselves first, then what they can do something about.
GUARDS: Mapping[str, Callable[[Send], EndReason | Unknown | None]] = {
    "ending": _ending,
    "cancelled": _cancelled,
    "deadline passed": _deadline_passed,
    "too late": _too_late,
    "clinician blocked": _blocked,
    "key not proved": _key_not_proved,
    "claim lost": _claim_lost,
}


def deadline_passed(checkout: Checkout, now: datetime) -> bool:
    """Whether its patient's confirm is good no more, if there ever was one."""
    return checkout.confirm_deadline is None or now >= checkout.confirm_deadline


def is_too_late(checkout: Checkout, now: datetime) -> bool:
    """Whether its visit has begun, or begins sooner than the practice takes bookings, by the terms of its quote."""
    return checkout.quote.policy.is_too_late(checkout.slot.start, now)


def bookable_until(checkout: Checkout) -> datetime:
    """Until when its visit could be booked (UTC)."""
    return checkout.quote.policy.bookable_until(checkout.slot.start)


class Guards:
    """Asks all of them; one reading of the database, and nobody else, for each send."""

    def __init__(self, *, send_facts: SendFactsReader, keys: ClinicianKeys, clock: Clock) -> None:
        self._send_facts = send_facts
        self._keys = keys
        self._clock = clock

    async def stopped(self, checkout: Checkout) -> Checkout | None:
        """The row as it shall be written instead of sending: ended, or given back where it is paid. None: send.

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
        for name, guard in GUARDS.items():
            if (why := guard(send)) is not None:
                log.info("checkout.not_sent", checkout=checkout.id, state=checkout.state, guard=name)
                return _stopped(checkout, why)
        return None


def _stopped(checkout: Checkout, why: EndReason | Unknown) -> Checkout:
    end = S.COMPENSATING if checkout.charge is not None else _ENDS.get(why, S.CANCELLED)
    # What has expired never came as far as its booking: that is how a table without amounts knows it for unpaid.
    end = S.CANCELLED if end is S.EXPIRED and checkout.state is S.BOOKING_INTENDED else end
    return checkout.changed(state=end, end_reason=why)
