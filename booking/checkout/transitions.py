"""The tables of the checkout saga, made of its states' records (checkout/states.py): who may go where, and what each state is to the outside."""

from collections.abc import Mapping

from booking.checkout.model import Checkout
from booking.checkout.model import CheckoutState as S
from booking.checkout.states import STATES, Phase


def _at(*phases: Phase) -> frozenset[S]:
    return frozenset(state for state, record in STATES.items() if record.phase in phases)


# The row waits for the patient here (until they confirm); nothing is under way upstream.
WAITING = _at(Phase.WAITING)

# No money has moved and none can: leaving costs nothing here.
BEFORE_MONEY = _at(Phase.WAITING, Phase.IDENTIFYING, Phase.CARD)

# Money of the patient moves, or may; one such checkout a patient at a time.
IN_FLIGHT = _at(Phase.CARD, Phase.PAYING, Phase.UNDOING)

# The row owns its slot claim from the write that gets it here to the write that leaves.
CLAIMING = _at(Phase.PAYING, Phase.UNDOING, Phase.WITH_A_PERSON)

# Neither over nor in a person's hands: a driver goes on with it, as soon as its patient has confirmed it.
UNDER_WAY = BEFORE_MONEY | IN_FLIGHT

# The checkout is over: its hold and its slot claim are given back with the write that gets it here.
TERMINAL = _at(Phase.OVER)

# A late charge or visit of a checkout that had ended is undone here; no claim is taken for it, and nobody waits.
LATE = _at(Phase.LATE)

# Over for its patient, for good.
ENDED = TERMINAL | LATE

# An intent is committed and its call may be out: a driver that finds a row here looks before it sends.
CALLING = frozenset(state for state, record in STATES.items() if record.intent)

# Every legal move. A row never moves otherwise: the writer refuses it, and a test walks the table.
TRANSITIONS: Mapping[str, frozenset[S]] = {
    state: frozenset(record.to) - LATE for state, record in STATES.items() if state not in LATE
}

# How a row leaves its end and comes back to it (to the same one: the row says which).
LATE_TRANSITIONS: Mapping[str, frozenset[S]] = {state: frozenset(STATES[state].to) for state in ENDED}

# An operator's moves, with a note.
OPERATOR_TRANSITIONS: Mapping[str, frozenset[S]] = {
    state: frozenset(record.by_operator) for state, record in STATES.items() if record.by_operator
}


def legal(before: str, after: str, *, by_operator: bool = False) -> bool:
    """Whether a row may be written at `after` when it stood at `before`; staying is always legal."""
    if before == after or after in TRANSITIONS.get(before, ()) or after in LATE_TRANSITIONS.get(before, ()):
        return True
    return by_operator and after in OPERATOR_TRANSITIONS.get(before, ())


def at_rest(checkout: Checkout) -> bool:
    """Whether nothing is to be done until the patient, or an operator, acts."""
    waits = checkout.state in WAITING and checkout.confirm_deadline is None and not checkout.cancel_requested
    return waits or checkout.state in TERMINAL or checkout.state is S.NEEDS_ATTENTION


def to_mermaid() -> str:
    """The states as a Mermaid state diagram; what all ends have in common is drawn once."""
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
