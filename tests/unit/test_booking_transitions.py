"""The table of the saga: what every state is and where it may go."""

from pathlib import Path

import pytest

from booking.checkout.model import CheckoutState as S
from booking.checkout.states import STATES
from booking.checkout.timing import LEASE, STEP_BUDGET
from booking.checkout.transitions import (
    BEFORE_MONEY,
    CALLING,
    CLAIMING,
    ENDED,
    IN_FLIGHT,
    LATE,
    LATE_TRANSITIONS,
    OPERATOR_TRANSITIONS,
    TERMINAL,
    TRANSITIONS,
    WAITING,
    legal,
    to_mermaid,
)
from tests.doubles.booking_world import World

# A driver that finds one of these does it again as it is: each reads before it writes.
REPEATABLE = {
    S.DELETION_INTENDED,
    S.RECURRING_CANCEL_INTENDED,
    S.REFUND_INTENDED,
    *LATE,
}


def _reachable(start: S) -> set[S]:
    seen, ahead = {start}, [start]
    while ahead:
        new = TRANSITIONS[ahead.pop()] - seen
        seen |= new
        ahead += new
    return seen


def test_the_table_has_a_row_for_every_state() -> None:
    assert set(TRANSITIONS) | set(LATE_TRANSITIONS) == set(S)


def test_every_state_is_reached_from_the_start() -> None:
    assert _reachable(S.STARTED) == set(S) - LATE
    assert set().union(*(LATE_TRANSITIONS[end] for end in TERMINAL)) == LATE


def test_late_truth_leaves_an_end_and_comes_back_to_an_end_without_a_claim() -> None:
    for state, moves in LATE_TRANSITIONS.items():
        assert state in ENDED
        assert moves <= ENDED
    assert not ENDED & (CLAIMING | IN_FLIGHT | BEFORE_MONEY)


def test_an_operator_has_a_step_taken_that_can_be_given_up_or_says_that_it_is_booked() -> None:
    gives_up = {state for state in TRANSITIONS if S.NEEDS_ATTENTION in TRANSITIONS[state]}
    by_operator = OPERATOR_TRANSITIONS[S.NEEDS_ATTENTION]
    assert by_operator == gives_up | {S.CONFIRMED}
    assert len(OPERATOR_TRANSITIONS) == 1


def test_what_has_ended_moves_nowhere_and_everything_else_can_end() -> None:
    for state in set(S) - LATE:
        ends = _reachable(state) & (TERMINAL | {S.NEEDS_ATTENTION})
        assert ends
        assert (TRANSITIONS[state] == frozenset()) == (state in TERMINAL | {S.NEEDS_ATTENTION})


def test_every_step_that_is_taken_has_a_state_and_every_state_its_step() -> None:
    taken = {state for state, record in STATES.items() if record.step or record.onward}
    assert taken == set(S) - TERMINAL - {S.NEEDS_ATTENTION}


def test_no_row_goes_on_by_itself_from_an_intent_whose_call_may_be_out() -> None:
    assert not {state for state, record in STATES.items() if record.onward} & CALLING


def test_every_intent_is_looked_for_or_safe_to_repeat() -> None:
    checks = {state for state, record in STATES.items() if record.look}
    assert {state for state in S if state.endswith("_intended")} == CALLING
    assert checks | REPEATABLE == CALLING
    assert checks & REPEATABLE == set()


def test_money_moves_only_under_a_claim_and_one_at_a_time() -> None:
    moving = {S.CHARGE_INTENDED, S.CHARGED, S.BOOKING_INTENDED, S.BOOKED, S.REFUND_INTENDED}
    assert moving <= CLAIMING
    assert moving <= IN_FLIGHT
    assert set() == (WAITING | TERMINAL) & (CLAIMING | IN_FLIGHT)


def test_a_checkout_that_needs_attention_keeps_its_claim_and_frees_its_patient() -> None:
    assert S.NEEDS_ATTENTION in CLAIMING
    assert S.NEEDS_ATTENTION not in IN_FLIGHT


def test_the_claim_is_taken_on_the_way_to_a_charge_or_to_a_free_booking_only() -> None:
    entries = {
        after
        for before in TRANSITIONS
        for after in TRANSITIONS[before]
        if before not in CLAIMING and after in CLAIMING
    }
    assert entries == {S.CHARGE_INTENDED, S.BOOKING_INTENDED}


def test_charged_money_is_booked_or_given_back_or_looked_at_by_a_person() -> None:
    assert _reachable(S.CHARGED) & TERMINAL == {S.CONFIRMED, S.REFUNDED, S.SLOT_LOST, S.CANCELLED}
    # SLOT_LOST and CANCELLED are the ends of a free visit; with a charge the way there is through the refund.
    assert _reachable(S.COMPENSATING) & TERMINAL == {S.REFUNDED}
    assert not BEFORE_MONEY & _reachable(S.CHARGED)


def test_a_refund_comes_after_the_recurring_payment_is_cancelled() -> None:
    assert TRANSITIONS[S.RECURRING_CANCEL_INTENDED] == {S.RECURRING_CANCELLED, S.NEEDS_ATTENTION}
    assert TRANSITIONS[S.RECURRING_CANCELLED] == {S.REFUND_INTENDED}


def test_every_intent_on_the_way_to_a_visit_has_guards_and_undoing_has_none() -> None:
    leads_to_a_visit = {S.PATIENT_INTENDED, S.CARD_INTENDED, S.CHARGE_INTENDED, S.BOOKING_INTENDED}
    assert {state for state, record in STATES.items() if record.guards} == leads_to_a_visit
    assert {state for state in leads_to_a_visit if "claim lost" in STATES[state].guards} == (
        leads_to_a_visit & CLAIMING
    )
    assert {state for state, record in STATES.items() if "cancelled" in record.early} == (
        BEFORE_MONEY | {S.CHARGED, S.BOOKED}
    )


def test_the_way_back_is_a_way_of_its_state() -> None:
    undoes = {state: record.undo for state, record in STATES.items() if record.undo}
    assert set(undoes) == {S.CHARGED, S.BOOKING_INTENDED, S.BOOKED}
    assert all(undo in TRANSITIONS[state] for state, undo in undoes.items())


def test_no_step_takes_longer_than_a_lease() -> None:
    assert all(STEP_BUDGET <= record.budget < LEASE for record in STATES.values())


@pytest.mark.parametrize(
    ("before", "after", "allowed"),
    [
        (S.CHARGED, S.CHARGED, True),
        (S.CARD_READY, S.CHARGE_INTENDED, True),
        (S.STARTED, S.CHARGED, False),
        (S.CHARGED, S.EXPIRED, False),
        (S.REFUNDED, S.CONFIRMED, False),
    ],
)
def test_only_the_moves_of_the_table_are_legal(before: S, after: S, *, allowed: bool) -> None:
    assert legal(before, after) is allowed


async def test_the_driver_refuses_to_write_another_move() -> None:
    world = World()
    checkout = await world.start()
    with pytest.raises(AssertionError, match="no transition"):
        await world.saga._writer.record(checkout, checkout.changed(state=S.CONFIRMED))
    assert world.row(checkout).state is S.STARTED


def test_the_diagram_draws_every_move_and_every_end() -> None:
    lines = to_mermaid().splitlines()
    assert lines[:2] == ["stateDiagram-v2", "    [*] --> started"]
    drawn = sum(map(len, TRANSITIONS.values())) + len(OPERATOR_TRANSITIONS[S.NEEDS_ATTENTION])
    late = 2 * len(LATE) + 1  # there, back, and from the recurring payment to the refund
    assert len(lines) == 2 + drawn + 2 + len(TERMINAL) + late + 1
    assert "    charged --> booking_intended" in lines
    assert "        refunded" in lines
    assert "    ended --> late_refund_intended: found late" in lines


def test_the_documentation_shows_the_diagram_as_it_is() -> None:
    page = (Path(__file__).parents[2] / "docs" / "checkout.md").read_text()
    assert f"```mermaid\n{to_mermaid()}```" in page
