"""The checkout saga as data: its states, every legal move between them, and what each state is to the outside."""

from collections.abc import Mapping

from booking.checkout.model import CheckoutState as S

# Every legal move. A row never moves otherwise: the driver refuses to write it, and a test walks the table.
TRANSITIONS: Mapping[str, frozenset[S]] = {
    S.STARTED: frozenset({S.PATIENT_INTENDED, S.PATIENT_READY, S.SLOT_LOST, S.CANCELLED, S.EXPIRED}),
    S.PATIENT_INTENDED: frozenset({S.PATIENT_READY, S.CANCELLED, S.EXPIRED}),
    S.PATIENT_READY: frozenset(
        {S.CARD_INTENDED, S.CARD_READY, S.BOOKING_INTENDED, S.SLOT_LOST, S.CANCELLED, S.EXPIRED}
    ),
    S.CARD_INTENDED: frozenset({S.CARD_READY, S.PATIENT_READY, S.CANCELLED, S.EXPIRED}),
    S.CARD_READY: frozenset(
        {S.CHARGE_INTENDED, S.BOOKING_INTENDED, S.PATIENT_READY, S.SLOT_LOST, S.CANCELLED, S.EXPIRED}
    ),
    S.CHARGE_INTENDED: frozenset(
        {S.CHARGED, S.PATIENT_READY, S.SLOT_LOST, S.CANCELLED, S.EXPIRED, S.NEEDS_ATTENTION}
    ),
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

# An operator's moves, with a note: a step is tried again, everything is undone from one of them on, or it is booked by their word.
OPERATOR_TRANSITIONS: Mapping[S, frozenset[S]] = {
    S.NEEDS_ATTENTION: frozenset(
        {
            S.CHARGE_INTENDED,
            S.BOOKING_INTENDED,
            S.DELETION_INTENDED,
            S.RECURRING_CANCEL_INTENDED,
            S.REFUND_INTENDED,
            S.CONFIRMED,
        }
    )
}

# The checkout is over: its hold and its slot claim are given back with the write that gets it here.
TERMINAL = frozenset({S.CONFIRMED, S.CANCELLED, S.SLOT_LOST, S.REFUNDED, S.EXPIRED})

# A late charge or visit of a checkout that had ended is undone here; no claim is taken for it, and nobody waits.
LATE = frozenset({S.LATE_DELETION_INTENDED, S.LATE_RECURRING_CANCEL_INTENDED, S.LATE_REFUND_INTENDED})

# Over for its patient, for good.
ENDED = TERMINAL | LATE

# How a row leaves its end and comes back to it (to the same one: the row says which).
LATE_TRANSITIONS: Mapping[str, frozenset[S]] = {
    **dict.fromkeys(TERMINAL, LATE),
    S.LATE_DELETION_INTENDED: TERMINAL,
    S.LATE_RECURRING_CANCEL_INTENDED: TERMINAL | {S.LATE_REFUND_INTENDED},
    S.LATE_REFUND_INTENDED: TERMINAL,
}

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
        *LATE,
    }
)

# Intents whose effect, once it stands upstream, can be known at any time: what it did is named by this checkout alone.
PROVABLE = frozenset({S.CHARGE_INTENDED, S.BOOKING_INTENDED})

# No money has moved and none can: leaving costs nothing here.
BEFORE_MONEY = WAITING | {S.PATIENT_INTENDED, S.CARD_INTENDED, S.CARD_READY}

# The row owns its slot claim from the write that gets it here to the write that leaves.
CLAIMING = frozenset(S) - ENDED - BEFORE_MONEY

# Neither over nor in a person's hands: a driver goes on with it, as soon as its patient has confirmed it.
UNDER_WAY = frozenset(S) - ENDED - {S.NEEDS_ATTENTION}

# Money of the patient moves, or may; one such checkout a patient at a time.
IN_FLIGHT = frozenset(S) - ENDED - WAITING - {S.PATIENT_INTENDED, S.NEEDS_ATTENTION}


def legal(before: str, after: str) -> bool:
    """Whether a driver may write a row at `after` when it stood at `before`; staying is always legal."""
    return (
        before == after or after in TRANSITIONS.get(before, ()) or after in LATE_TRANSITIONS.get(before, ())
    )


def to_mermaid() -> str:
    """The tables as a Mermaid state diagram; what all ends have in common is drawn once."""
    lines = ["stateDiagram-v2", f"    [*] --> {S.STARTED}"]
    lines += [
        f"    {before} --> {after}" for before in S for after in S if after in TRANSITIONS.get(before, ())
    ]
    lines += [
        f"    {before} --> {after}: operator"
        for before in S
        for after in S
        if after in OPERATOR_TRANSITIONS.get(before, ())
    ]
    lines += ["    state ended {", *(f"        {state}" for state in S if state in TERMINAL), "    }"]
    lines += [f"    ended --> {late}: found late" for late in S if late in LATE]
    lines += [
        f"    {late} --> {after}"
        for late in S
        for after in S
        if late in LATE and after in LATE_TRANSITIONS[late] & LATE
    ]
    lines += [f"    {late} --> ended" for late in S if late in LATE]
    lines.append("    ended --> [*]")
    return "\n".join(lines) + "\n"
