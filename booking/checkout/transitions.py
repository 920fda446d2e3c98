"""The state machine's tables, derived from checkout/states.py: the legal transitions, and named sets of states."""

from collections.abc import Mapping

from booking.checkout.model import Checkout
from booking.checkout.model import CheckoutState as S
from booking.checkout.states import STATES, Phase


def _at(*phases: Phase) -> frozenset[S]:
    return frozenset(state for state, record in STATES.items() if record.phase in phases)


# The row waits for the patient to confirm; nothing is under way upstream.
WAITING = _at(Phase.WAITING)

# No money has moved and none can: a checkout that stops here has nothing to undo.
BEFORE_MONEY = _at(Phase.WAITING, Phase.IDENTIFYING, Phase.CARD)

# The patient's money moves, or may. At most one such checkout a patient (a unique index).
IN_FLIGHT = _at(Phase.CARD, Phase.PAYING, Phase.UNDOING)

# The row owns its slot claim from the write that enters these states to the write that leaves them.
CLAIMING = _at(Phase.PAYING, Phase.UNDOING, Phase.WITH_A_PERSON)

# Neither ended nor escalated: a driver takes it on as soon as its patient has confirmed.
UNDER_WAY = BEFORE_MONEY | IN_FLIGHT

# The checkout has ended: the write that enters these states releases its slot claim, and its hold follows.
TERMINAL = _at(Phase.OVER)

# The checkout had ended, and a late charge or visit of it is being undone. No claim is taken, and no patient waits.
LATE = _at(Phase.LATE)

# Ended, as its patient sees it.
ENDED = TERMINAL | LATE

# Intents: committed, and the call may be out. A driver that finds a row here looks before it sends.
CALLING = frozenset(state for state, record in STATES.items() if record.intent)

# Every legal transition of a driver before the end. The writer refuses all others, and a test walks the table.
TRANSITIONS: Mapping[str, frozenset[S]] = {
    state: frozenset(record.to) - LATE for state, record in STATES.items() if state not in LATE
}

# Transitions from an end to the undoing of a late finding, and back to the same end (`Checkout.late.ended_as`).
LATE_TRANSITIONS: Mapping[str, frozenset[S]] = {state: frozenset(STATES[state].to) for state in ENDED}

# An operator's transitions.
OPERATOR_TRANSITIONS: Mapping[str, frozenset[S]] = {
    state: frozenset(record.by_operator) for state, record in STATES.items() if record.by_operator
}


def legal(before: str, after: str, *, by_operator: bool = False) -> bool:
    """Whether a row at state `before` may be written at state `after`; staying is always legal."""
    if before == after or after in TRANSITIONS.get(before, ()) or after in LATE_TRANSITIONS.get(before, ()):
        return True
    return by_operator and after in OPERATOR_TRANSITIONS.get(before, ())


def at_rest(checkout: Checkout) -> bool:
    """Whether no driver has anything to do: the row waits for its patient or an operator, or has ended."""
    waits = checkout.state in WAITING and checkout.confirm_deadline is None and not checkout.cancel_requested
    return waits or checkout.state in TERMINAL or checkout.state is S.NEEDS_ATTENTION


def to_mermaid() -> str:
    """Return the state machine as a Mermaid state diagram; the transitions that all ends share are drawn once."""
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
