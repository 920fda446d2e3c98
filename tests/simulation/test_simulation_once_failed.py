"""Schedules that once ended wrong, under the name of what went wrong in them."""

from dataclasses import replace

from booking.checkout.model import CheckoutState
from tests.simulation.campaign import by_seed
from tests.simulation.fate import Trouble
from tests.simulation.plans import Scripted
from tests.simulation.scenarios import canonical
from tests.simulation.schedule import Scenario, Schedule


def test_a_hold_that_was_never_verified_is_not_vouched_for_when_its_patient_comes_back() -> None:
    """The gateway died between taking the interval and asking whether the slot is on offer; it is in the lunch break."""
    scenario = Scenario(
        wishes=(
            lambda schedule: replace(canonical(schedule), slot=schedule.a_slot("Initial Visit", hour=12)),
        )
    )
    for point in (("holds committed", 1), ("call AvailableSlots", 1), ("answer AvailableSlots", 1)):
        result = Schedule(scenario, Scripted({point: Trouble.KILL})).play()
        assert result.violations == []
        assert [row.state for row in result.checkouts if row.state is not CheckoutState.EXPIRED] == []


def test_a_hold_lost_while_its_driver_was_gone_is_not_charged_for_when_another_has_booked() -> None:
    """The holds are emptied and the driver dies before the claim; somebody else holds, pays, books and is done by its return."""
    scenario = Scenario(
        wishes=(canonical, lambda schedule: replace(canonical(schedule), number=2, arrives=50.0, thinks=1.0)),
        gateways=2,
    )
    for died in (("database committed", 4), ("holds", 7), ("holds", 8)):
        result = Schedule(
            scenario, Scripted({("answer AttachCard", 1): Trouble.HOLDS_EMPTIED, died: Trouble.KILL})
        ).play()
        assert result.violations == []
        assert [row.state for row in result.checkouts] == [CheckoutState.SLOT_LOST, CheckoutState.CONFIRMED]


def test_a_quote_that_another_tab_changed_is_accepted_anew_and_paid_once() -> None:
    """Two tabs of one patient at one checkout; the first is told of the quote that the second has asked for."""
    result = by_seed(1500)
    assert result.violations == []
    assert any("is told another quote" in line for line in result.trace)


def test_a_time_that_was_given_back_and_taken_anew_may_be_offered_in_between() -> None:
    """A gateway that thaws gives one hold back, answers somebody who looks, and takes the next on the same time."""
    assert by_seed(3158).violations == []


def test_a_time_that_was_forgotten_with_all_holds_may_be_offered_until_its_hold_is_taken_anew() -> None:
    """All holds are lost while somebody looks; the checkout takes its own again before they have their answer."""
    assert by_seed(19582).violations == []


def test_a_deadline_by_one_clock_is_kept_by_another() -> None:
    """The gateway's clock is ahead when it takes the confirm down, and the worker's behind when it looks whether to charge still."""
    assert by_seed(69480).violations == []
