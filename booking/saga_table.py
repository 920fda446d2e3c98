"""The checkout saga as data: its states, every legal move between them, and what each state is to the outside."""

from collections.abc import Mapping

from booking.models import CheckoutState as S

# Every legal move. A row never moves otherwise: the driver refuses to write it, and a test walks the table.
MOVES: Mapping[S, frozenset[S]] = {
    S.STARTED: frozenset({S.PATIENT_INTENDED, S.PATIENT_READY, S.CANCELLED, S.EXPIRED}),
    S.PATIENT_INTENDED: frozenset({S.PATIENT_READY, S.CANCELLED, S.EXPIRED}),
    S.PATIENT_READY: frozenset(
        {S.CARD_INTENDED, S.CARD_READY, S.BOOKING_INTENDED, S.SLOT_LOST, S.CANCELLED, S.EXPIRED}
    ),
    S.CARD_INTENDED: frozenset({S.CARD_READY, S.PATIENT_READY, S.CANCELLED, S.EXPIRED}),
    S.CARD_READY: frozenset({S.CHARGE_INTENDED, S.SLOT_LOST, S.CANCELLED, S.EXPIRED}),
    S.CHARGE_INTENDED: frozenset({S.CHARGED, S.PATIENT_READY, S.CANCELLED, S.EXPIRED, S.NEEDS_ATTENTION}),
    S.CHARGED: frozenset({S.BOOKING_INTENDED, S.COMPENSATING}),
    S.BOOKING_INTENDED: frozenset({S.BOOKED, S.COMPENSATING, S.SLOT_LOST, S.CANCELLED, S.NEEDS_ATTENTION}),
    S.BOOKED: frozenset({S.CONFIRMED, S.DELETION_INTENDED}),
    S.DELETION_INTENDED: frozenset({S.COMPENSATING, S.CANCELLED, S.NEEDS_ATTENTION}),
    S.COMPENSATING: frozenset({S.RECURRING_CANCEL_INTENDED, S.REFUND_INTENDED}),
    S.RECURRING_CANCEL_INTENDED: frozenset({S.RECURRING_CANCELLED, S.NEEDS_ATTENTION}),
    S.RECURRING_CANCELLED: frozenset({S.REFUND_INTENDED}),
    S.REFUND_INTENDED: frozenset({S.REFUNDED, S.NEEDS_ATTENTION}),
    S.NEEDS_ATTENTION: frozenset(),
    S.CONFIRMED: frozenset(),
    S.CANCELLED: frozenset(),
    S.SLOT_LOST: frozenset(),
    S.REFUNDED: frozenset(),
    S.EXPIRED: frozenset(),
}

# The checkout is over: its hold and its slot claim are given back with the write that gets it here.
TERMINAL = frozenset({S.CONFIRMED, S.CANCELLED, S.SLOT_LOST, S.REFUNDED, S.EXPIRED})

# The row waits for the patient here (until they confirm); nothing is under way upstream.
WAITING = frozenset({S.STARTED, S.PATIENT_READY})

# An intent is committed and its call may be out: a driver that finds a row here looks before it sends.
CALLING = frozenset(
    {
        S.PATIENT_INTENDED,
        S.CARD_INTENDED,
        S.CHARGE_INTENDED,
        S.BOOKING_INTENDED,
        S.DELETION_INTENDED,
        S.RECURRING_CANCEL_INTENDED,
        S.REFUND_INTENDED,
    }
)

# No money has moved and none can: leaving costs nothing here.
BEFORE_MONEY = WAITING | {S.PATIENT_INTENDED, S.CARD_INTENDED, S.CARD_READY}

# The row owns its slot claim from the write that gets it here to the write that leaves.
CLAIMING = frozenset(S) - TERMINAL - BEFORE_MONEY

# Money of the patient moves, or may; one such checkout a patient at a time.
IN_FLIGHT = frozenset(S) - TERMINAL - WAITING - {S.PATIENT_INTENDED, S.NEEDS_ATTENTION}


def legal(before: S, after: S) -> bool:
    """Whether a row may be written at `after` when it stood at `before`; staying is always legal."""
    return before == after or after in MOVES[before]


def to_mermaid() -> str:
    """The table as a Mermaid state diagram."""
    lines = ["stateDiagram-v2", f"    [*] --> {S.STARTED}"]
    lines += [f"    {before} --> {after}" for before in S for after in S if after in MOVES[before]]
    lines += [f"    {state} --> [*]" for state in S if state in TERMINAL]
    return "\n".join(lines) + "\n"
